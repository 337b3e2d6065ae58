"""The embedded network: a Solana node with our programs and a content store, served from one home on loopback."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from solders.pubkey import Pubkey

from decai.chain.idl import load_idls, program_elf
from decai.chain.wallets import LocalWallet
from decai.config import Settings
from decai.errors import PortInUse, SettingsError

if TYPE_CHECKING:
    from decai.collective import Collective

__all__ = ["FIRST_MODEL", "LAMPORTS_PER_SOL", "Network", "any_port", "ensure_first_model", "ensure_funds", "is_free",
           "welcome"]  # fmt: skip

LAMPORTS_PER_SOL = 1_000_000_000
FIRST_MODEL = "sentiment"
WELCOME_TOKENS = 10_000_000
"""Voting tokens for a newcomer on the embedded chain, in millionths: ten."""
PREFERRED_PORTS = {"rpc": 8899, "kubo": 5001, "gateway": 8080}


class Network:
    """A node and a store on one home. A context manager: entering serves them, leaving stops them.

    Parameters
    ----------
    settings : Settings
        Its home is used.
    rpc_port, kubo_port, gateway_port : int, optional
        None takes the customary port when it is free and any other when not; 0 takes any. The node's WebSocket is
        on the RPC's port + 1.
    with_store : bool
        Whether to serve the content store, too.

    Raises
    ------
    HomeInUse
        Another process runs on this home.
    PortInUse
        A port that was asked for is taken.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        rpc_port: int | None = None,
        kubo_port: int | None = None,
        gateway_port: int | None = None,
        with_store: bool = True,
        dev_clock: bool = False,
    ) -> None:
        self.settings = settings
        self._ports = {"rpc": rpc_port, "kubo": kubo_port, "gateway": gateway_port}
        self._with_store = with_store
        self._dev_clock = dev_clock
        self._stack = ExitStack()
        self.urls: dict[str, Any] = {}

    def __enter__(self) -> Network:
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _start(self, stack: ExitStack) -> None:
        from decai.localnet import Node, NodeServer

        home = self.settings.home
        home.mkdir(parents=True, exist_ok=True)
        ledger = home / "node" / "ledger.sqlite"
        ledger.parent.mkdir(exist_ok=True)
        node = Node(ledger, dev_clock=self._dev_clock)
        stack.callback(node.close)
        for name, idl in load_idls(self.settings.programs_dir).items():
            node.deploy(idl.address, program_elf(name, self.settings.programs_dir), name=name)
        self.node = node
        server = self._serve(lambda p: NodeServer(node, port=p["rpc"]), ("rpc",), adjacent=True)
        stack.callback(server.stop)
        self.urls = {"rpc_url": server.rpc_url, "ws_url": server.ws_url}
        if self._with_store:
            from decai.storage import open_server

            store = self._serve(
                lambda p: open_server(
                    home / "ipfs",
                    kubo_port=p["kubo"],
                    gateway_port=p["gateway"],
                    quota_bytes=self.settings.store_quota_bytes,
                ),
                ("kubo", "gateway"),
            )
            stack.callback(store.stop)
            self.urls |= {"gateway_url": store.gateway_url, "kubo_url": store.kubo_url}
        self.write()
        stack.callback(self._forget)

    def _serve(self, make: Callable[[dict[str, int]], Any], names: tuple[str, ...], *, adjacent: bool = False) -> Any:
        """Start a server on the ports asked for; a customary port that is taken gives way to any other."""
        ports = {}
        for name in names:
            asked = self._ports[name]
            if asked is None:
                preferred = PREFERRED_PORTS[name]
                free = is_free(preferred) and (not adjacent or is_free(preferred + 1))
                ports[name] = preferred if free else 0
            else:
                ports[name] = asked
        server = make(ports)
        try:
            server.start()
        except PortInUse:
            if any(self._ports[n] is not None for n in names):
                raise
            server = make(dict.fromkeys(names, 0))  # taken between the look and the bind
            server.start()
        return server

    def write(self, **more: Any) -> None:
        """Write the addresses where :func:`decai.connect` finds them."""
        self.urls |= more
        body = json.dumps({**self.urls, "pid": os.getpid()})
        draft = self.settings.network_file.with_suffix(".part")
        draft.write_text(body)
        draft.replace(self.settings.network_file)

    def _forget(self) -> None:
        self.settings.network_file.unlink(missing_ok=True)

    def stop(self) -> None:
        """Stop serving, in the reverse order."""
        self._stack.close()


def is_free(port: int) -> bool:
    """Whether nobody listens on a loopback port right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def any_port() -> int:
    """A loopback port that nobody listens on right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def ensure_funds(collective: Collective, lamports: int = LAMPORTS_PER_SOL) -> None:
    """Give the wallet SOL from the embedded chain's faucet when it holds less than ``lamports``."""
    wallet = collective.signer()
    if collective.chain.balance(wallet) < lamports:
        collective.chain.airdrop(wallet, max(100 * LAMPORTS_PER_SOL, lamports))


def welcome(collective: Collective, newcomer: Pubkey, dao: Pubkey | None = None) -> int:
    """Give a new wallet on the embedded chain SOL and, from this machine's own wallet, voting tokens to try with.

    Parameters
    ----------
    collective : Collective
        On the embedded chain, with this machine's wallet.
    newcomer : Pubkey
    dao : Pubkey, optional
        Whose tokens.

    Returns
    -------
    int
        The voting tokens given, in millionths: 0 when this machine's wallet has none to spare, or the newcomer has
        some already.

    Raises
    ------
    SettingsError
        This isn't the embedded chain.
    """
    if collective.cluster != "embedded":
        raise SettingsError(
            "Only the embedded chain gives new wallets something to try with.", hint="Fund the wallet yourself."
        )
    if collective.chain.balance(newcomer) < 5 * LAMPORTS_PER_SOL:
        collective.chain.airdrop(newcomer, 10 * LAMPORTS_PER_SOL)
    if dao is None or newcomer == collective.signer():
        return 0
    from decai.governance import Governance

    governance = Governance(collective, dao)
    member = governance.member(newcomer)
    if governance.token_balance(newcomer) or (member is not None and member.deposited):
        return 0
    amount = min(WELCOME_TOKENS, governance.token_balance())
    if amount:
        governance.give(newcomer, amount)
    return amount


def ensure_first_model(collective: Collective, say: Callable[[str], None] = lambda _: None) -> bool:
    """Publish the first model on a chain that has none.

    The model is trained here, on one segment of the training set; version 2 and later have something to gain.

    Parameters
    ----------
    collective : Collective
        With a funded wallet.
    say : callable
        Told what is being done.

    Returns
    -------
    bool
        Whether it was published now.
    """
    found = collective.registries()
    if any(r.latest for r in found):
        return False
    import tempfile
    from pathlib import Path

    from decai.models import first_model
    from decai.storage import Store

    with tempfile.TemporaryDirectory(prefix="decai-first-") as name:
        folder = Path(name)
        # A store of its own, so that this home's cache stays empty: the first answer fetches the model for real.
        publisher = collective.with_store(Store(folder / "store", kubo_url=collective.store.kubo_url))
        first = first_model(folder, progress=say, publish_set=publisher.store.publish)
        registry = publisher.create_registry(FIRST_MODEL)
        registry.publish(first.bundle, note="First model, one training segment", progress=say)
    return True


def local_wallet(settings: Settings) -> LocalWallet:
    """The local wallet, made when there is none yet."""
    return LocalWallet.load_or_create(settings.wallet_path)
