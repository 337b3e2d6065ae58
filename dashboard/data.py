"""The pages' one way to the library: read through short-lived caches that never hold a wallet.

Everything here is shared by all browser sessions, so it only looks: the collective it opens has no signer.
Whatever signs goes through :mod:`dashboard.session`, which is per session. Caches are keyed by network and
home and live for seconds; a failed read isn't cached, so that a chain which comes back is seen at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard import launch
from decai.errors import DecAIError

if TYPE_CHECKING:
    import pandas as pd

    from decai.collective import Collective, Status
    from decai.energy import EnergyRecords
    from decai.explorer import AccountView, TransactionView
    from decai.governance import Dao, Member, Proposal
    from decai.lineage import Lineage
    from decai.market import Job, Offer, Quotes, Record
    from decai.registry import Registry, Version
    from decai.storage import StoreStat

Key = tuple[str | None, str | None]
"""Network and home: what every cache is keyed by."""
FAST = 1.0
SLOW = 4.0
LARGEST_FILE = 4 << 20
"""Bytes of a bundle's file that a page reads at once: cards and manifests are far smaller."""


def _key() -> Key:
    settings = launch.current()
    return settings.rpc_url, str(settings.home) if settings.home else None


@st.cache_resource(show_spinner=False, max_entries=4)
def _viewer(url: str | None, home: str | None) -> Collective:
    from solders.pubkey import Pubkey

    from decai.chain import WatchedWallet
    from decai.collective import connect

    # With a wallet named, the settings' own isn't read: a key file that can't be mustn't stand in the way of looking.
    nobody = WatchedWallet(Pubkey.default())
    return connect(url, home=Path(home) if home else None, wallet=nobody).with_wallet(None)


def viewer() -> Collective:
    """The collective without a wallet: for looking.

    Raises
    ------
    RpcUnreachable
        No network is known.
    """
    return _viewer(*_key())


def forget() -> None:
    """Drop the connection and everything read, after the chain was lost or something was written."""
    st.cache_data.clear()
    for cached in (_viewer, _registries):
        cached.clear()


def refresh() -> None:
    """Drop what was read, keep the connection: after this session wrote something."""
    st.cache_data.clear()
    _registries.clear()


@st.cache_data(ttl=FAST, show_spinner=False, max_entries=4)
def _status(key: Key) -> Status:
    return _viewer(*key).status()


def status() -> Status:
    """How the chain is, at most a second old."""
    return _status(_key())


def alive() -> bool:
    """Whether the chain answers now, looking past every cache."""
    try:
        _viewer.clear()
        return viewer().status().healthy
    except DecAIError:
        return False


@st.cache_resource(ttl=FAST, show_spinner=False, max_entries=4)
def _registries(key: Key) -> list[Registry]:
    return list(_viewer(*key).registries())


def registries() -> list[Registry]:
    """Every registry on the chain, oldest first."""
    return _registries(_key())


def chosen_registry() -> Registry | None:
    """The registry this session looks at: its choice, else the library's default.

    ``None`` when there is none.
    """
    found = registries()
    if not found:
        return None
    wanted = st.session_state.get("registry") or st.query_params.get("registry")
    for candidate in found:
        if candidate.address == wanted:
            return candidate
    default = viewer().settings.registry
    return next((r for r in found if default in (r.address, r.name)), found[0])


@st.cache_data(ttl=FAST, show_spinner=False, max_entries=64)
def _transactions(key: Key, limit: int, before: str | None) -> list[TransactionView]:
    return _viewer(*key).explorer.transactions(limit=limit, before=before)


def transactions(limit: int = 20, before: str | None = None) -> list[TransactionView]:
    """Our programs' transactions, newest first; ``before`` is the signature to go on from."""
    return _transactions(_key(), limit, before)


@st.cache_data(ttl=60.0, show_spinner=False, max_entries=64)
def _transaction(key: Key, signature: str) -> TransactionView:
    return _viewer(*key).explorer.transaction(signature)


def transaction(signature: str) -> TransactionView:
    """One transaction, decoded."""
    return _transaction(_key(), signature)


@st.cache_data(ttl=SLOW, show_spinner=False, max_entries=64)
def _accounts(key: Key, kind: str) -> pd.DataFrame:
    return _viewer(*key).explorer.accounts(kind)


def accounts(kind: str) -> pd.DataFrame:
    """Every account of one type, decoded."""
    return _accounts(_key(), kind)


@st.cache_data(ttl=SLOW, show_spinner=False, max_entries=64)
def _account(key: Key, address: str) -> AccountView:
    return _viewer(*key).explorer.account(address)


def account(address: str) -> AccountView:
    """One account, decoded by its type in the IDL."""
    return _account(_key(), address)


@st.cache_data(ttl=3600.0, show_spinner=False, max_entries=256)
def _file(key: Key, cid: str, path: str) -> bytes:
    return _viewer(*key).store.read(cid, path, limit=LARGEST_FILE)


def file(cid: str, path: str) -> bytes:
    """One small file of a bundle that is here; content-addressed, so it never changes.

    Raises
    ------
    BlockNotFound
        The bundle isn't on this machine.
    """
    return _file(_key(), cid, path)


@st.cache_data(ttl=SLOW, show_spinner=False, max_entries=256)
def _bundle_here(key: Key, cid: str) -> bool:
    return _viewer(*key).store.has(cid)


def bundle_here(cid: str) -> bool:
    """Whether all of a bundle is on this machine."""
    return _bundle_here(_key(), cid)


@contextmanager
def with_empty_cache() -> Iterator[Collective]:
    """The collective with a store that holds nothing yet and asks the same sources.

    It goes when the block ends.
    """
    from decai.storage import Store

    shared = viewer().store
    with TemporaryDirectory(prefix="decai-afresh-") as folder:
        fresh = viewer().with_wallet(None)
        fresh.store = Store(
            Path(folder), kubo_url=shared.kubo_url, gateways=shared.gateways, timeout_s=shared.timeout_s
        )
        yield fresh


@st.cache_data(ttl=SLOW, show_spinner=False, max_entries=4)
def _store_stat(key: Key) -> StoreStat:
    return _viewer(*key).store.stat()


def store_stat() -> StoreStat:
    """Blocks, bytes and pins of the content store on this machine."""
    return _store_stat(_key())


@st.cache_data(ttl=SLOW, show_spinner=False, max_entries=4)
def _pins(key: Key) -> set[str]:
    return {pin.cid for pin in _viewer(*key).store.pinned()}


def pins() -> set[str]:
    """CIDs pinned on this machine."""
    return _pins(_key())


@st.cache_data(ttl=SLOW, show_spinner=False, max_entries=64)
def _version_at(key: Key, registry: str, moment: datetime) -> int:
    return _viewer(*key).registry_at(registry).at(moment).number


def version_at(registry: str, moment: datetime) -> int:
    """The number of the version that was in use at a moment."""
    return _version_at(_key(), registry, moment)


@st.cache_data(ttl=FAST, show_spinner=False, max_entries=64)
def _balance(key: Key, address: str) -> int:
    return _viewer(*key).balance(address)


def balance(address: str) -> int:
    """Lamports of an address."""
    return _balance(_key(), address)


def account_kinds() -> dict[str, str]:
    """Account type → the program it belongs to."""
    return viewer().explorer.kinds


def program_ids() -> dict[str, str]:
    """Program name → its address."""
    return {name: str(idl.address) for name, idl in viewer().chain.idls.items()}


@st.cache_data(ttl=SLOW, show_spinner=False, max_entries=64)
def _posted_results(key: Key, registry: str) -> int:
    from decai.chain import parse_address

    logs = _viewer(*key).chain.fetch_all("InferenceLog", registry=parse_address(registry))
    return sum(int(log["count"]) for log in logs.plain())


def posted_results(registry: str) -> int:
    """How many results workers have put on chain for a registry."""
    return _posted_results(_key(), registry)


# --- the collective --------------------------------------------------------------------------------


@st.cache_data(ttl=FAST, show_spinner=False, max_entries=4)
def _daos(key: Key) -> list[Dao]:
    return [found.dao() for found in _viewer(*key).daos()]


def daos() -> list[Dao]:
    """Every collective on the chain, oldest first."""
    return _daos(_key())


def chosen_dao() -> Dao | None:
    """The collective this session looks at: the one that owns its registry, else the first.

    ``None``: there is none.
    """
    found = daos()
    registry = chosen_registry()
    wanted = viewer().settings.dao
    for dao in found:
        if wanted in (dao.address, dao.name):
            return dao
    for dao in found:
        if registry is not None and registry.owner == dao.authority:
            return dao
    return found[0] if found else None


@st.cache_data(ttl=FAST, show_spinner=False, max_entries=16)
def _has_leaderboard(key: Key, dao: str) -> bool:
    from decai.chain import parse_address

    chain = _viewer(*key).chain
    return chain.raw_account(chain.pda.leaderboard(parse_address(dao))) is not None


def has_leaderboard(dao: str) -> bool:
    """Whether a collective counts its providers' jobs yet: the last step of founding."""
    return _has_leaderboard(_key(), dao)


@st.cache_data(ttl=FAST, show_spinner=False, max_entries=16)
def _proposals(key: Key, dao: str) -> list[Proposal]:
    return list(_viewer(*key).dao(dao).proposals())


def proposals(dao: str) -> list[Proposal]:
    """A collective's proposals, newest first."""
    return _proposals(_key(), dao)


@st.cache_data(ttl=FAST, show_spinner=False, max_entries=64)
def _member(key: Key, dao: str, wallet: str) -> Member | None:
    return _viewer(*key).dao(dao).member(wallet)


def member(dao: str, wallet: str) -> Member | None:
    """A wallet's membership in a collective."""
    return _member(_key(), dao, wallet)


@st.cache_data(ttl=FAST, show_spinner=False, max_entries=16)
def _members(key: Key, dao: str) -> list[Member]:
    return _viewer(*key).dao(dao).members()


def members(dao: str) -> list[Member]:
    """A collective's members."""
    return _members(_key(), dao)


@st.cache_data(ttl=FAST, show_spinner=False, max_entries=64)
def _tokens(key: Key, dao: str, wallet: str) -> int:
    return _viewer(*key).dao(dao).token_balance(wallet)


def tokens(dao: str, wallet: str) -> int:
    """Voting tokens in a wallet, not deposited, in millionths."""
    return _tokens(_key(), dao, wallet)


@st.cache_data(ttl=FAST, show_spinner=False, max_entries=256)
def _vote(key: Key, dao: str, proposal: Proposal, wallet: str) -> tuple[str, int] | None:
    return _viewer(*key).dao(dao).my_vote(proposal, wallet)


def vote(dao: str, proposal: Proposal, wallet: str) -> tuple[str, int] | None:
    """How a wallet voted on a proposal, and with what weight."""
    return _vote(_key(), dao, proposal, wallet)


@st.cache_data(ttl=FAST, show_spinner=False, max_entries=4)
def _now(key: Key) -> int:
    return _viewer(*key).chain.now()


def now() -> int:
    """The cluster's clock, unix seconds: what the programs go by."""
    return _now(_key())


# --- jobs and energy -------------------------------------------------------------------------------


@st.cache_data(ttl=FAST, show_spinner=False, max_entries=16)
def _jobs(key: Key, dao: str | None) -> list[Job]:
    return list(_viewer(*key).market.jobs(dao))


def jobs(dao: str | None = None) -> list[Job]:
    """Training jobs, newest first."""
    return _jobs(_key(), dao)


@st.cache_data(ttl=FAST, show_spinner=False, max_entries=16)
def _records(key: Key, dao: str) -> list[Record]:
    return _viewer(*key).market.records(dao)


def records(dao: str) -> list[Record]:
    """What providers submitted for a collective's jobs."""
    return _records(_key(), dao)


@st.cache_data(ttl=FAST, show_spinner=False, max_entries=16)
def _offers(key: Key, dao: str) -> list[Offer]:
    return _viewer(*key).market.offers(dao)


def offers(dao: str) -> list[Offer]:
    """What a collective's providers offer."""
    return _offers(_key(), dao)


@st.cache_resource(ttl=SLOW, show_spinner=False, max_entries=16)
def _quotes(key: Key, dao: str, hours: float, watts: float) -> Quotes:
    return _viewer(*key).market.quotes(dao, hours=hours, watts=watts)


def quotes(dao: str, hours: float, watts: float) -> Quotes:
    """Quotes for a job of some hours at some watts, the chosen one first."""
    return _quotes(_key(), dao, hours, watts)


@st.cache_resource(ttl=FAST, show_spinner=False, max_entries=16)
def _energy(key: Key, dao: str) -> EnergyRecords:
    return _viewer(*key).market.energy(dao)


def energy(dao: str) -> EnergyRecords:
    """The energy records of a collective's jobs, oldest first."""
    return _energy(_key(), dao)


@st.cache_data(ttl=SLOW, show_spinner=False, max_entries=64)
def _lineage(key: Key, version: Version) -> Lineage:
    from decai.lineage import lineage_of

    return lineage_of(_viewer(*key), version)


def lineage(version: Version) -> Lineage:
    """A version's way back to the proposal it came from, as far as the chain knows."""
    return _lineage(_key(), version)


@st.cache_data(ttl=SLOW, show_spinner=False, max_entries=4)
def _sets(key: Key) -> list[dict[str, Any]]:
    return _viewer(*key).market.sets()


def sets() -> list[dict[str, Any]]:
    """Registered training and evaluation sets."""
    return _sets(_key())


def sets_registered(training_data_cid: str) -> bool:
    """Whether a training set of this content is registered, and an evaluation set beside it."""
    known = {(found["kind"], found["content"]) for found in sets()}
    return (1, training_data_cid) in known and any(kind == 2 for kind, _ in known)


@st.cache_data(ttl=SLOW, show_spinner=False, max_entries=4)
def _named_sets(key: Key) -> dict[str, str]:
    return {found.address: found.name for found in _viewer(*key).training.sets()}


def named_sets() -> dict[str, str]:
    """Registered sets whose bytes can be had: address → name."""
    return _named_sets(_key())


@st.cache_data(ttl=FAST, show_spinner=False, max_entries=64)
def _history(key: Key, address: str) -> list[TransactionView]:
    return _viewer(*key).explorer.transactions(50, address=address)


def history(address: str) -> list[TransactionView]:
    """The newest transactions that touch one account, newest first."""
    return _history(_key(), address)
