"""A small app that uses the wallet bridge as the dashboard's pages do, for browser tests."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from dashboard import session, ui
from decai.chain import Action, Chain
from decai.collective import Collective
from decai.config import load_settings

TO = Pubkey(bytes([1] * 32))
LAMPORTS = 1_000_000_000


@st.cache_resource
def collective() -> Collective:
    settings = load_settings()
    assert settings.url is not None
    chain = Chain(settings.url, confirm_timeout_s=10.0, programs_dir=settings.programs_dir)
    return Collective(settings, chain, None)


def pay(sol: float) -> Action:
    """A transfer by whoever this session is."""
    who = session.address(collective())
    assert who is not None
    lamports = int(sol * LAMPORTS)
    instruction = transfer(TransferParams(from_pubkey=who, to_pubkey=TO, lamports=lamports))
    return Action(f"Pay {sol:g} SOL to the treasury", (instruction,), who, accounts={"treasury": TO})


def first() -> None:
    ui.page_head("Harness", "Every way to use the wallet bridge.")
    if st.button("Pay"):
        session.run_action(lambda c: pay(0.25), key="pay", on_done=done, collective=collective())
    if st.button("Pay too much"):
        session.run_action(lambda c: pay(1e6), key="too-much", collective=collective())
    if st.button("Create a registry"):
        session.run_action(lambda c: c.create_registry("harness"), key="registry", collective=collective())
    st.button("Only rerun")
    ui.show(f"Payments confirmed: {st.session_state.get('payments', 0)}")
    if found := session.outcome("pay"):
        ui.show(f"Last payment {found.signature}")
    ui.show(f"Signed in as {session.signed_in() or 'nobody'}")
    ui.show(f"Acting as {session.address(collective()) or 'nobody'}")


def second() -> None:
    ui.page_head("Another page", "The wallet is still there.")


def done(_: object) -> None:
    st.session_state["payments"] = st.session_state.get("payments", 0) + 1


st.set_page_config(page_title="Wallet harness", layout="wide", page_icon=str(Path(ui.STATIC) / "mark.svg"))
ui.setup()
chosen = st.navigation(
    [st.Page(first, title="First", default=True), st.Page(second, title="Second", url_path="second")]
)
with st.sidebar:
    session.sidebar(collective())
chosen.run()
