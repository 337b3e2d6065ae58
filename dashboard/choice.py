"""Which registry a session looks at."""

from __future__ import annotations

import streamlit as st

from dashboard import data
from dashboard.ui.format import short


def registry_switch() -> None:
    """Offer the choice between registries, when there is one; it holds on every page of the session."""
    found = data.registries()
    if len(found) < 2:
        return
    names = {r.address: f"{r.name}, {short(r.address)}" for r in found}
    now = data.chosen_registry()
    addresses = list(names)
    picked = st.selectbox(
        "Model registry",
        addresses,
        index=addresses.index(now.address) if now else 0,
        format_func=names.__getitem__,
        key="registry-switch",
        width=360,
    )
    if picked and now and picked != now.address:
        st.session_state["registry"] = picked
        st.query_params["registry"] = picked
        st.rerun()
