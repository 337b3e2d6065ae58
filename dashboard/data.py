"""The pages' one way to the library: read through short-lived caches that never hold a wallet.

Everything here is shared by all browser sessions, so it only looks: the collective it opens has no signer.
Whatever signs goes through :mod:`dashboard.session`, which is per session. Caches are keyed by network and
home and live for seconds; a failed read isn't cached, so that a chain which comes back is seen at once.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import launch
from decai.errors import DecAIError

if TYPE_CHECKING:
    import pandas as pd

    from decai.collective import Collective, Status
    from decai.explorer import AccountView, TransactionView
    from decai.registry import Registry

FAST = 1.0
SLOW = 4.0


def _key() -> tuple[str | None, str | None]:
    settings = launch.current()
    return settings.rpc_url, str(settings.home) if settings.home else None


@st.cache_resource(show_spinner=False, max_entries=4)
def _viewer(url: str | None, home: str | None) -> Collective:
    from decai.collective import connect

    return connect(url, home=Path(home) if home else None).with_wallet(None)


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
def _status(key: tuple[str | None, str | None]) -> Status:
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
def _registries(key: tuple[str | None, str | None]) -> list[Registry]:
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
def _transactions(
    key: tuple[str | None, str | None], limit: int, before: str | None
) -> list[TransactionView]:
    return _viewer(*key).explorer.transactions(limit=limit, before=before)


def transactions(limit: int = 20, before: str | None = None) -> list[TransactionView]:
    """Our programs' transactions, newest first; ``before`` is the signature to go on from."""
    return _transactions(_key(), limit, before)


@st.cache_data(ttl=60.0, show_spinner=False, max_entries=64)
def _transaction(key: tuple[str | None, str | None], signature: str) -> TransactionView:
    return _viewer(*key).explorer.transaction(signature)


def transaction(signature: str) -> TransactionView:
    """One transaction, decoded."""
    return _transaction(_key(), signature)


@st.cache_data(ttl=SLOW, show_spinner=False, max_entries=64)
def _accounts(key: tuple[str | None, str | None], kind: str) -> pd.DataFrame:
    return _viewer(*key).explorer.accounts(kind)


def accounts(kind: str) -> pd.DataFrame:
    """Every account of one type, decoded."""
    return _accounts(_key(), kind)


@st.cache_data(ttl=SLOW, show_spinner=False, max_entries=64)
def _account(key: tuple[str | None, str | None], address: str) -> AccountView:
    return _viewer(*key).explorer.account(address)


def account(address: str) -> AccountView:
    """One account, decoded by its type in the IDL."""
    return _account(_key(), address)


@st.cache_data(ttl=3600.0, show_spinner=False, max_entries=256, max_size="64 MB")
def _file(key: tuple[str | None, str | None], cid: str, path: str) -> bytes:
    return _viewer(*key).store.read(cid, path)


def file(cid: str, path: str) -> bytes:
    """One file of a bundle, fetched and verified when it isn't here yet.

    Content-addressed, so it never changes.
    """
    return _file(_key(), cid, path)


@st.cache_data(ttl=SLOW, show_spinner=False, max_entries=64)
def _version_at(key: tuple[str | None, str | None], registry: str, moment: datetime) -> int:
    return _viewer(*key).registry_at(registry).at(moment).number


def version_at(registry: str, moment: datetime) -> int:
    """The number of the version that was in use at a moment."""
    return _version_at(_key(), registry, moment)


@st.cache_data(ttl=FAST, show_spinner=False, max_entries=64)
def _balance(key: tuple[str | None, str | None], address: str) -> int:
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


def posted_results(registry: str) -> int:
    """How many results workers have put on chain for a registry."""
    logs = accounts("InferenceLog")
    if logs.empty:
        return 0
    return int(logs.loc[logs["registry"] == registry, "count"].sum())
