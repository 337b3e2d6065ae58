"""The browser session's wallet: who is connected, what is being signed, and the one way for pages to write.

A page never signs. It calls :func:`run_action` with an action (or with what builds one); the session shows
what it would do, asks the wallet, compares what comes back, sends it and follows it to its end::

    if st.button("Vote for"):
        session.run_action(lambda collective: collective.vote_action(3, "for"), key="vote-3")
    if done := session.outcome("vote-3"):
        ...

Everything here lives in ``st.session_state``: never in a cache, never in a module variable.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st
from solders.pubkey import Pubkey

from dashboard import data, ui
from dashboard.components import wallet as component
from dashboard.signing import draw, state
from dashboard.signing.dialog import dialog
from dashboard.signing.flow import Flow, Stage
from dashboard.signing.state import Session
from decai.chain import Action, Confirmation, LocalWallet
from decai.collective import Collective
from decai.errors import DecAIError, WalletError

__all__ = ["BrowserWallet", "address", "outcome", "run_action", "sidebar", "signed_in"]

ACCOUNT = "decai-wallet"


class BrowserWallet:
    """The address of a wallet whose key is in a browser: façade methods build actions for it, none can sign.

    Parameters
    ----------
    pubkey : Pubkey
        The connected address.
    """

    def __init__(self, pubkey: Pubkey) -> None:
        self.pubkey = pubkey

    def sign(self, message: bytes) -> Any:
        """Refuse: this wallet signs in its browser only.

        Raises
        ------
        WalletError
            Always.
        """
        raise WalletError("This wallet signs in the browser.", hint="Use the page's button; it asks the wallet.")


class _Built(Exception):
    """Carries the action that a façade method wanted to send."""

    def __init__(self, action: Action) -> None:
        super().__init__(action.title)
        self.action = action


class _Builder(Collective):
    """A collective whose every write stops at the built action, for the session to show and have signed."""

    def act(self, action: Action) -> Confirmation:
        raise _Built(action)


# --- who ---------------------------------------------------------------------------------------------------


def address(collective: Collective | None = None) -> Pubkey | None:
    """Who this session would sign as: the connected wallet, else this machine's key if in use, else None.

    A connected address is a claim of the browser's until a signature proves it; :func:`signed_in` tells.
    """
    return state.who(state.current(), collective or data.viewer())[0]


def signed_in() -> str | None:
    """The address this session has proven with a signature, base58; None when it hasn't."""
    found = state.current()
    return found.proven if found.account and found.account["address"] == found.proven else None


# --- writing -----------------------------------------------------------------------------------------------


def run_action(
    what: Action | Callable[[Collective], object],
    *,
    key: str,
    on_done: Callable[[Confirmation], None] | None = None,
    collective: Collective | None = None,
) -> None:
    """Have an action shown, signed, sent and followed. Call it once, when its button was pressed.

    Parameters
    ----------
    what : Action or callable
        The action, or a call on a collective that returns or sends one; its first write is what is signed.
    key : str
        The page's name for it, for :func:`outcome`.
    on_done : callable, optional
        Called with the confirmation, once, in this session.
    collective : Collective, optional
        The network; the dashboard's by default.
    """
    where = collective or data.viewer()
    found = state.current()
    found.outcomes.pop(key, None)
    who, local = state.who(found, where)
    try:
        if where.settings.read_only:
            raise WalletError("This dashboard only shows.", hint="Its operator has switched signing off.")
        if who is None:
            raise WalletError("No wallet is connected.", hint="Connect one in the sidebar.")
        action = _built(what, where, local or BrowserWallet(who))
        if action.payer != who:
            raise WalletError(f"This is for {action.payer}, but {who} is connected.", hint="Switch the account.")
        flow = Flow(key, action, state.chain_name(where), local=local is not None, on_done=on_done)
        flow.look(where.chain)
    except DecAIError as error:
        ui.show(draw.refused(error))
        return
    if found.flow is not None:
        state.leave(found, found.flow)
    found.flow = flow
    st.rerun()


def outcome(key: str) -> Confirmation | None:
    """The confirmation of the last action run under this key in this session; None until there is one."""
    return state.current().outcomes.get(key)


def _built(
    what: Action | Callable[[Collective], object], where: Collective, wallet: LocalWallet | BrowserWallet
) -> Action:
    if isinstance(what, Action):
        return what
    builder = _Builder(where.settings, where.chain, wallet)
    try:
        returned = what(builder)
    except _Built as stop:
        return stop.action
    if not isinstance(returned, Action):
        raise WalletError("There is nothing to sign: this is done already.")
    return returned


# --- sidebar -----------------------------------------------------------------------------------------------


def sidebar(collective: Collective | None = None) -> None:
    """Draw the wallet, and the dialog of the action under way. Call it on every run, in the entry script."""
    found = state.current()
    ui.show(ui.el("div", "Wallet, this session only", cls="eyebrow"))
    try:
        where = collective or data.viewer()
        _hear(found, where)
        _wallet(found, where)
        _pending(found, where)
    except DecAIError as error:
        ui.show(ui.note("warn", error.message))
        return
    if found.flow is not None:
        dialog(where)


def _hear(found: Session, where: Collective) -> None:
    """Take in what the browser said about its account and its sign-in."""
    said = component.read(ACCOUNT)
    account = _checked(said.account)
    before = found.account["address"] if found.account else None
    found.account = account
    now = account["address"] if account else None
    if now != before:
        found.proven, found.challenge, found.challenge_request = None, None, ""
        found.told = ""
        if before is not None:  # a click on "Sign in" for one account doesn't count for the next
            found.challenge_id = secrets.token_hex(8)
        if account:
            found.local_on = None
        if found.flow is not None and not found.flow.local:
            found.flow.account_changed(Pubkey.from_string(now) if now else None)
    if account and said.approved == found.challenge_id and found.challenge is None:
        found.challenge = found.sign_in.challenge(state.origin(), account["address"], state.chain_name(where))
        found.challenge_request = secrets.token_hex(16)
    for reply in said.outbox:
        _signed_in(found, reply)


def _checked(account: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """An account as the browser claims it; None when it isn't even well formed."""
    if account is None:
        return None
    try:
        key = Pubkey.from_string(str(account.get("address")))
    except ValueError:
        return None
    chains, features = account.get("chains"), account.get("features")
    return {
        "wallet": str(account.get("wallet", ""))[:64],
        "address": str(key),
        "chains": [str(c) for c in chains][:16] if isinstance(chains, list) else [],
        "features": [str(f) for f in features][:64] if isinstance(features, list) else [],
    }


def _signed_in(found: Session, reply: Mapping[str, Any]) -> None:
    name = reply.get("id")
    if not isinstance(name, str) or name in found.acknowledged:
        return
    found.acknowledged = [*found.acknowledged[-31:], name]
    challenge, request = found.challenge, found.challenge_request
    if challenge is None or name != request:
        return
    found.challenge, found.challenge_request = None, ""
    found.challenge_id = secrets.token_hex(8)
    if reply.get("status") != "signed":
        found.told = ""
        return
    try:
        message = base64.b64decode(str(reply.get("signedMessage")), validate=True)
        signature = base64.b64decode(str(reply.get("signature")), validate=True)
        found.proven = found.sign_in.verify(
            nonce=challenge.nonce, origin=state.origin(), signed_message=message, signature=signature
        )
        found.told = ""
    except (binascii.Error, ValueError):
        found.told = "The wallet returned something that isn't a signature."
    except WalletError as error:
        found.told = str(error)


def _wallet(found: Session, where: Collective) -> None:
    if where.settings.read_only:
        ui.show(ui.chip("Read only", "line", "lock"), ui.sub(" This dashboard shows; it signs nothing."))
        return
    found.local_problem = ""
    who, local = state.who(found, where)
    if found.local_problem:
        ui.show(ui.note("warn", found.local_problem))
    if local is not None and who is not None:
        _machine_key(found, str(who))
    request = None
    if found.challenge is not None and found.account is not None:
        request = {
            "id": found.challenge_request,
            "kind": "message",
            "preview": found.challenge_id,
            "address": found.challenge.address,
            "origin": found.challenge.origin,
            "payload": base64.b64encode(found.challenge.message).decode(),
            "timeoutMs": 120_000,
        }
    component.mount(
        ACCOUNT,
        {
            "mode": "account",
            "chain": state.chain_name(where),
            "account": component.read(ACCOUNT).account,
            "verified": signed_in() is not None,
            "challenge": found.challenge_id,
            "request": request,
            "acknowledged": found.acknowledged,
            "closed": found.closed,
        },
    )
    if found.told:
        ui.show(ui.note("warn", found.told))
    if (
        found.account is None
        and local is None
        and state.local_wallet(where) is not None
        and st.button("Use this machine's key", key="decai-local-on", width="stretch")
    ):
        found.local_on = True
        st.rerun()


def _machine_key(found: Session, who: str) -> None:
    ui.show(
        ui.row(ui.address(who), ui.chip("This machine's key", "warn", "lock"), spread=True),
        ui.sub("For this machine only: whoever uses it can sign. For real value connect a wallet."),
    )
    if st.button("Stop using it", key="decai-local-off", width="stretch"):
        found.local_on = False
        st.rerun()


def _pending(found: Session, where: Collective) -> None:
    """Transactions that were sent and whose end isn't known yet."""
    for flow in list(found.pending):
        ui.show(draw.unknown(flow))
        if st.button(f"Ask again: {flow.action.title}", key=f"decai-ask-{flow.id}", width="stretch"):
            flow.resolve(where.chain)
            if flow.stage is not Stage.UNKNOWN:
                found.pending.remove(flow)
                state.finish(found, flow)
                found.told = "" if flow.stage is Stage.CONFIRMED else (flow.problem.what if flow.problem else "")
            st.rerun()
