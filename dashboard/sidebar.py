"""The sidebar below the navigation: the network and its slot, and the wallet."""

from __future__ import annotations

import streamlit as st

from dashboard import data, session, ui
from dashboard.ui.format import number
from decai.errors import DecAIError

_CLUSTER = {
    "embedded": "Embedded chain",
    "devnet": "Devnet",
    "testnet": "Testnet",
    "mainnet-beta": "Mainnet",
    "private": "Private cluster",
}


def draw() -> None:
    """Draw both parts."""
    with st.sidebar:
        network()
        session.sidebar()


@st.fragment(run_every=3.0)
def network() -> None:
    """The network chip, kept fresh.

    A page that was drawn while the chain was there learns here that it went.
    """
    try:
        status = data.status()
    except DecAIError:
        chip, note = ui.chip("Offline", "bad", "alert"), "looking for it"
    else:
        name = _CLUSTER.get(status.cluster, status.cluster)
        chip = ui.chip(name, "ok", "check") if status.healthy else ui.chip(name, "warn", "alert")
        note = f"slot {number(status.slot)}" if status.healthy else "programs missing"
    online = note.startswith("slot")
    ui.show(ui.el("div", ui.el("div", "Network", cls="eyebrow"), ui.row(chip, ui.sub(note)), cls="stack"))
    before = st.session_state.get("online")
    st.session_state["online"] = online
    if before and not online:
        st.rerun()
