"""The dashboard's entry script: navigation, sidebar, and the chosen page."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import streamlit as st

from dashboard import failures, sidebar, ui

st.set_page_config(
    page_title="DecAI",
    page_icon=str(ui.STATIC / "mark.svg"),
    layout="wide",
    menu_items={"About": "DecAI: a community owns its AI models in the open."},
)


def page(name: str, title: str, symbol: str, default: bool = False) -> st.Page:
    """One page of the navigation; its module is imported when it is first shown."""

    def draw() -> None:
        failures.page(import_module(f"dashboard.views.{name}").page, title)

    draw_it: Callable[[], None] = draw
    return st.Page(draw_it, title=title, icon=f":material/{symbol}:", url_path=name, default=default)


ui.setup()
chosen = st.navigation(
    {
        "Collective": [
            page("overview", "Overview", "lens_blur", default=True),
            page("start", "Start", "flag"),
            page("governance", "Governance", "how_to_vote"),
        ],
        "Models": [
            page("registry", "Registry", "deployed_code"),
            page("inference", "Inference", "neurology"),
        ],
        "Compute": [
            page("marketplace", "Marketplace", "storefront"),
            page("sustainability", "Sustainability", "eco"),
        ],
        "Chain": [page("explorer", "Explorer", "manage_search")],
    }
)
sidebar.draw()
chosen.run()
