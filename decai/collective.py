"""The façade: one object that holds a chain, a content store and a wallet, and offers what a collective does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solders.pubkey import Pubkey

from decai.chain import Action, Chain, Confirmation, LocalWallet, Wallet, fixed_text, parse_address
from decai.chain.client import SYSTEM_PROGRAM
from decai.config import Settings, load_settings
from decai.errors import AccountNotFound, GovernanceError, ModelNotFound, RpcUnreachable, SettingsError, WalletError
from decai.registry import Published, Registries, Registry

if TYPE_CHECKING:
    from decai.explorer import Explorer
    from decai.governance import Governance
    from decai.inference import Inference, Verification
    from decai.market import Market
    from decai.storage import Store
    from decai.training.service import TrainingService

__all__ = ["Collective", "Status", "connect"]


@dataclass(frozen=True)
class Status:
    """How the chain is, as :meth:`Collective.status` found it.

    Attributes
    ----------
    cluster : str
        "embedded", "devnet", "testnet", "mainnet-beta" or "private".
    url, genesis : str
    slot : int
    programs : dict of str to bool
        Whether each of our programs is deployed.
    """

    cluster: str
    url: str
    genesis: str
    slot: int
    programs: dict[str, bool]

    @property
    def healthy(self) -> bool:
        """Whether every program is there."""
        return all(self.programs.values())


_GENESIS = {
    "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d": "mainnet-beta",
    "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG": "devnet",
    "4uhcVJyU9pJkvQyS88uRDiswHXSG3qkAQxbHGZaMK6Fb": "testnet",
}


class Collective:
    """A chain, a store and a wallet, and everything a collective does with them.

    Use :func:`connect` to make one. It is a context manager, too: leaving it closes its connections.

    Attributes
    ----------
    settings : Settings
    chain : Chain
    wallet : Wallet or None
        Who signs; None looks only.
    """

    def __init__(self, settings: Settings, chain: Chain, wallet: Wallet | None) -> None:
        self.settings = settings
        self.chain = chain
        self.wallet = wallet

    def __enter__(self) -> Collective:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Collective({self.chain.url})"

    def close(self) -> None:
        """Close the connections."""
        self.chain.close()

    def with_wallet(self, wallet: Wallet | None) -> Collective:
        """The same collective for another signer, sharing chain and store."""
        other = Collective(self.settings, self.chain, wallet)
        if "store" in self.__dict__:
            other.__dict__["store"] = self.store
        return other

    def with_store(self, store: Store) -> Collective:
        """The same collective with another content store."""
        other = Collective(self.settings, self.chain, self.wallet)
        other.__dict__["store"] = store
        return other

    # --- parts -------------------------------------------------------------------------------------------------

    @cached_property
    def store(self) -> Store:
        """The content store."""
        from decai.storage import Store

        network = read_network(self.settings) or {}
        embedded = [network["gateway_url"]] if "gateway_url" in network else []
        return Store(
            self.settings.home / "cache",
            kubo_url=self.settings.kubo_url or network.get("kubo_url"),
            gateways=[*self.settings.gateways, *embedded],
            timeout_s=self.settings.fetch_timeout_s,
            quota_bytes=self.settings.store_quota_bytes,
        )

    @cached_property
    def explorer(self) -> Explorer:
        """Our transactions and accounts, decoded."""
        from decai.explorer import Explorer

        return Explorer(self.chain)

    @cached_property
    def market(self) -> Market:
        """Offers, jobs and their records."""
        from decai.market import Market

        return Market(self)

    @cached_property
    def training(self) -> TrainingService:
        """Sets, and recomputing results."""
        from decai.training.service import TrainingService

        return TrainingService(self)

    @cached_property
    def governance(self) -> Governance:
        """The DAO in use: ``DECAI_DAO``, or the one that owns the registry in use, or the only one.

        Raises
        ------
        GovernanceError
            There is none yet, or several and none is named.
        """
        return self.dao()

    def dao(self, which: str | Pubkey | None = None) -> Governance:
        """A DAO by address or name; by default as :attr:`governance`."""
        from decai.governance import Governance

        named = str(which) if which is not None else self.settings.dao
        found = self.chain.fetch_all("Dao").plain()
        if named:
            meant = [d for d in found if named in (d["address"], d["name"])]
        else:
            authorities = {str(self.chain.pda.of_dao("authority", Pubkey.from_string(d["address"]))): d for d in found}
            owners = [r.owner for r in self.registries()]
            meant = [authorities[o] for o in dict.fromkeys(owners) if o in authorities] or found
        if len(meant) == 1:
            return Governance(self, meant[0]["address"])
        if not meant:
            raise GovernanceError(
                f"There is no collective {named!r}." if named else "There is no collective here yet.",
                hint="Create one: `decai init`, or the dashboard's Start page.",
            )
        raise GovernanceError(
            f"There are {len(meant)} collectives that this could mean.",
            hint="Name one with DECAI_DAO: " + ", ".join(f"{d['name']} ({d['address']})" for d in meant),
        )

    def daos(self) -> list[Governance]:
        """Every collective on this chain, oldest first."""
        from decai.governance import Governance

        found = sorted(self.chain.fetch_all("Dao").plain(), key=lambda d: (d["created_at"], d["address"]))
        return [Governance(self, d["address"]) for d in found]

    # --- wallet ------------------------------------------------------------------------------------------------

    def signer(self) -> Pubkey:
        """The address that signs.

        Raises
        ------
        WalletError
            This collective has no wallet.
        """
        if self.wallet is None:
            raise WalletError("This needs a wallet.", hint="Connect one, or make a local one: `decai wallet new`.")
        return self.wallet.pubkey

    def balance(self, address: str | Pubkey | None = None) -> int:
        """Lamports of an address; by default the wallet's."""
        return self.chain.balance(parse_address(address) if address is not None else self.signer())

    def act(self, action: Action) -> Confirmation:
        """Sign an action with the wallet, send it, and wait for its confirmation. Raises as :meth:`Chain.send`.

        Raises
        ------
        WalletError
            This collective has no wallet.
        WrongCluster
            Our programs aren't deployed here.
        """
        if self.wallet is None:
            self.signer()
        assert self.wallet is not None
        self.chain.require_programs()
        return self.chain.send(action, self.wallet)

    def status(self) -> Status:
        """How the chain is right now.

        Raises
        ------
        RpcUnreachable
            Nothing answers.
        """
        slot = self.chain.slot()
        genesis = self.chain.genesis
        ids = {n: str(i.address) for n, i in self.chain.idls.items()}
        found = self.chain.rpc(
            "getMultipleAccounts", list(ids.values()), {"encoding": "base64", "dataSlice": {"offset": 0, "length": 0}}
        )["value"]
        programs = {n: bool(a and a["executable"]) for n, a in zip(ids, found, strict=True)}
        return Status(self.cluster, self.chain.url, genesis, slot, programs)

    @cached_property
    def cluster(self) -> str:
        """Which cluster this is: a public one by its genesis hash, "embedded" for ours, else "private"."""
        known = _GENESIS.get(self.chain.genesis)
        if known:
            return known
        version = self.chain.rpc("getVersion")
        return "embedded" if "decai" in version else "private"

    # --- registries --------------------------------------------------------------------------------------------

    def registries(self) -> Registries:
        """Every registry on this chain."""
        found = self.chain.fetch_all("ModelRegistry")
        if not len(found):
            self.chain.require_programs()  # nothing there, or the wrong cluster?
        return Registries(self, found)

    @property
    def registry(self) -> Registry:
        """The registry in use: ``DECAI_REGISTRY``, or the only one, or the oldest.

        Raises
        ------
        ModelNotFound
            There is none yet.
        """
        if self.settings.registry:
            return self.registry_at(self.settings.registry)
        found = self.registries()
        if not found:
            raise ModelNotFound(
                f"There is no registry on {self.chain.url} yet.",
                hint="`decai up` publishes a first model; `decai publish FOLDER --registry NAME` your own.",
            )
        first: Registry = found[0]
        return first

    def registry_at(self, which: str | Pubkey) -> Registry:
        """A registry by address or by name.

        Raises
        ------
        ModelNotFound
            There is none, or several of that name.
        """
        text = str(which)
        if _is_address(text):
            try:
                return Registry(self, self.chain.fetch("ModelRegistry", parse_address(text)))
            except AccountNotFound as e:
                raise ModelNotFound(e.message, hint=e.hint) from None
        named = [r for r in self.registries() if r.name == text]
        if len(named) == 1:
            return named[0]
        if named:
            raise ModelNotFound(
                f"{len(named)} registries are called {text!r}.",
                hint="Name one by its address: " + ", ".join(r.address for r in named),
            )
        raise ModelNotFound(f"There is no registry called {text!r}.", hint="See `decai models`.")

    def create_registry_action(self, name: str) -> Action:
        """The transaction that makes a registry owned by this wallet."""
        wallet = self.signer()
        raw = fixed_text(name, 32, "registry's name")
        if not name.strip():
            raise SettingsError("A registry needs a name.", hint="Give it one of at most 32 bytes.")
        address = self.chain.pda.registry(wallet, name)
        instruction = self.chain.instruction(
            "model_manager", "create_registry", {"name": raw},
            {"creator": wallet, "registry": address, "system_program": SYSTEM_PROGRAM},
        )  # fmt: skip
        return Action(f"Create the registry {name}", (instruction,), wallet, accounts={"registry": address})

    def create_registry(self, name: str) -> Registry:
        """Make a registry owned by this wallet; an existing one of this wallet and name is returned as it is."""
        address = self.chain.pda.registry(self.signer(), name)
        if self.chain.find("ModelRegistry", address) is None:
            self.act(self.create_registry_action(name))
        return self.registry_at(address)

    def publish(
        self,
        bundle: Path,
        *,
        registry: str | None = None,
        note: str = "",
        make_current: bool = True,
        progress: Callable[[str], None] | None = None,
    ) -> Published:
        """Publish a bundle as the next version; a registry that isn't there yet is made by the same transaction.

        Parameters
        ----------
        bundle : Path
            A folder with ``manifest.json``.
        registry : str, optional
            Address or name. By default the registry in use, or a new one of the model's name.
        note, make_current, progress
            As :meth:`Registry.publish` takes them, and it raises the same.
        """
        try:
            target = self.registry_at(registry) if registry else self.registry
        except ModelNotFound:
            named = registry or self.settings.registry
            if named and _is_address(named):
                raise
        else:
            return target.publish(bundle, note=note, make_current=make_current, progress=progress)
        from decai.models import load_bundle

        name = named or load_bundle(bundle).manifest.name
        creation = self.create_registry_action(name)
        own = self.chain.pda.registry(self.signer(), name)
        if self.chain.find("ModelRegistry", own) is not None:  # one of several of this name
            return self.registry_at(own).publish(bundle, note=note, make_current=make_current, progress=progress)
        made = Registry.unmade(self, name)
        return made.publish_first(creation, bundle, note=note, make_current=make_current, progress=progress)

    # --- inference ---------------------------------------------------------------------------------------------

    def infer(
        self,
        text: str,
        *,
        registry: Registry | str | None = None,
        version: str | int | None = None,
        progress: Callable[[Any], None] | None = None,
    ) -> Inference:
        """Ask a model, and put the hash of its answer on chain. See :func:`decai.inference.infer`."""
        from decai.inference import infer

        return infer(self, text, registry=registry, version=version, progress=progress)

    def verify(self, receipt: Any, *, text: str | None = None) -> Verification:
        """Check a receipt against the chain and by running the model again. See :func:`decai.inference.verify`."""
        from decai.inference import verify

        return verify(self, receipt, text=text)


def _is_address(text: str) -> bool:
    try:
        parse_address(text)
    except SettingsError:
        return False
    return True


def read_network(settings: Settings) -> dict[str, Any] | None:
    """The addresses of the network that ``decai up`` runs on this home, or None."""
    try:
        found = json.loads(settings.network_file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def connect(
    url: str | None = None,
    *,
    wallet: Wallet | Path | str | None = None,
    home: Path | str | None = None,
    settings: Settings | None = None,
) -> Collective:
    """Connect to a chain.

    Parameters
    ----------
    url : str, optional
        Solana JSON-RPC URL. By default ``DECAI_URL``, or the network that ``decai up`` runs on this home.
    wallet : Wallet or path, optional
        Who signs. By default the keypair of the settings, when there is one; without it the collective is read-only.
    home : path, optional
        Where the store and the local wallet are; by default ``DECAI_HOME``.
    settings : Settings, optional
        Instead of reading the environment.

    Raises
    ------
    RpcUnreachable
        No URL was given and no network runs on this home.
    SettingsError, WalletError
    """
    used = settings or load_settings(url=url, home=None if home is None else Path(home))
    target = url or used.url
    if target is None:
        network = read_network(used)
        if network is None:
            raise RpcUnreachable(
                f"No network runs on {used.home}.", hint="Start one with `decai up`, or set DECAI_URL to a cluster."
            )
        target = str(network["rpc_url"])
    signer: Wallet | None
    if wallet is None:
        signer = LocalWallet.load(used.wallet_path) if used.wallet or used.wallet_path.exists() else None
    elif isinstance(wallet, str | Path):
        signer = LocalWallet.load(Path(wallet))
    else:
        signer = wallet
    chain = Chain(
        target,
        timeout_s=used.rpc_timeout_s,
        confirm_timeout_s=used.confirm_timeout_s,
        programs_dir=used.programs_dir,
    )
    return Collective(used, chain, signer)
