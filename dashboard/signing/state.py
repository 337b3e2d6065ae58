"""One browser session: its wallet, its sign-in, and what it has under way. Kept in ``st.session_state`` alone."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from solders.pubkey import Pubkey

from dashboard import data
from dashboard.signing.flow import Flow, Stage
from dashboard.signing.place import same_machine
from decai.chain import Confirmation, LocalWallet
from decai.chain.siws import Challenge, SignIn
from decai.collective import Collective
from decai.errors import WalletError

__all__ = ["Session", "chain_name", "current", "finish", "leave", "local_wallet", "origin", "who"]

_CLUSTERS = {"mainnet-beta": "solana:mainnet", "devnet": "solana:devnet", "testnet": "solana:testnet"}
_LOCALNET = "solana:localnet"


@dataclass
class Session:
    """One browser session. Kept in its ``st.session_state`` alone."""

    account: Mapping[str, Any] | None = None
    proven: str | None = None
    sign_in: SignIn = field(default_factory=SignIn)
    challenge: Challenge | None = None
    challenge_id: str = field(default_factory=lambda: secrets.token_hex(8))
    challenge_request: str = ""
    acknowledged: list[str] = field(default_factory=list)
    told: str = ""
    local_on: bool | None = None
    local_problem: str = ""
    flow: Flow | None = None
    pending: list[Flow] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    outcomes: dict[str, Confirmation] = field(default_factory=dict)


def current() -> Session:
    """This browser session's state."""
    found = st.session_state.get("decai-session")
    if not isinstance(found, Session):
        found = st.session_state["decai-session"] = Session()
    return found


def chain_name(collective: Collective) -> str:
    """The cluster's Wallet Standard name; whatever isn't public is a localnet to wallets."""
    return _CLUSTERS.get(collective.cluster, _LOCALNET)


def origin() -> str:
    """Where the browser is, by the handshake's header, which no page's script can set."""
    return st.context.headers.get("Origin", "")


def local_wallet(collective: Collective) -> LocalWallet | None:
    """This machine's keypair, when the browser is on this machine, too; None otherwise."""
    if collective.settings.read_only:
        return None
    # Streamlit says None for loopback; the handshake's headers say whether something forwarded it.
    remote = st.context.ip_address or "127.0.0.1"
    if not same_machine(st.get_option("server.address"), remote, st.context.headers):
        return None
    try:
        path = collective.settings.wallet_path
        return LocalWallet.load(path) if path.exists() else None
    except WalletError as error:  # said beside the other wallets, which it mustn't stand in the way of
        current().local_problem = str(error)
        return None


def who(found: Session, collective: Collective) -> tuple[Pubkey | None, LocalWallet | None]:
    """Who signs in this session, and this machine's key if it is that; (None, None) when nobody does."""
    if collective.settings.read_only:
        return None, None
    if found.account is not None:
        return Pubkey.from_string(str(found.account["address"])), None
    local = local_wallet(collective)
    wanted = found.local_on if found.local_on is not None else collective.cluster == "embedded"
    return (local.pubkey, local) if local is not None and wanted else (None, None)


def leave(found: Session, flow: Flow) -> None:
    """The dialog was closed. What hasn't been sent is cancelled; what has is followed in the sidebar."""
    flow.interrupted()
    if flow.request is not None:  # the wallet may still be thinking about it: the page is to stop waiting
        found.closed = [*found.closed[-31:], flow.request.id]
    if flow.stage is Stage.UNKNOWN:
        found.pending.append(flow)
    found.flow = None
    finish(found, flow)


def finish(found: Session, flow: Flow) -> None:
    """Tell the page, once, that its action is on the ledger."""
    if flow.stage is not Stage.CONFIRMED or flow.confirmation is None or flow.key in found.outcomes:
        return
    found.outcomes[flow.key] = flow.confirmation
    data.refresh()
    if flow.on_done is not None:
        flow.on_done(flow.confirmation)
