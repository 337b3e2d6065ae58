"""The wallet component: the browser's Wallet Standard wallets in a Streamlit page.

Two ES modules without dependencies: ``hub.js`` (wallets, connection, requests) and ``view.js`` (the face).
Streamlit takes a component's JavaScript as one text, so :func:`source` puts the second behind the first;
there is no build step, and Node tests the same two files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

__all__ = ["State", "mount", "read", "source"]

HERE = Path(__file__).parent
NAME = "decai_wallet"


@dataclass(frozen=True)
class State:
    """What the browser last said. All of it is a claim: nothing here is proven.

    Attributes
    ----------
    account : mapping or None
        ``wallet``, ``address``, ``chains``, ``features`` of the connected account.
    approved : str
        The preview whose button was pressed last.
    outbox : tuple of mapping
        Wallets' answers that this side has not acknowledged yet.
    """

    account: Mapping[str, Any] | None = None
    approved: str = ""
    outbox: tuple[Mapping[str, Any], ...] = ()


@cache
def source() -> str:
    """The component's JavaScript: both modules as one, with the view's default export."""
    hub, view = ((HERE / name).read_text("utf-8") for name in ("hub.js", "view.js"))
    view = re.sub(r"^import .*?;\n", "", view, flags=re.M)
    return re.sub(r"^export (?!default)", "", f"{hub}\n{view}", flags=re.M)


@cache
def _component() -> Any:
    return st.components.v2.component(
        NAME,
        html=(HERE / "wallet.html").read_text("utf-8"),
        css=(HERE / "wallet.css").read_text("utf-8"),
        js=source(),
        # No shadow root: the focus trap of Streamlit's dialogs doesn't look into one, so its buttons could not
        # be reached with the keyboard. The stylesheet keeps to .wallet-root instead.
        isolate_styles=False,
    )


def read(key: str) -> State:
    """What a mounted component last said, before it is mounted again in this run."""
    said = st.session_state.get(key) or {}
    account, approved, outbox = said.get("account"), said.get("approved"), said.get("outbox")
    return State(
        account=account if isinstance(account, Mapping) else None,
        approved=approved if isinstance(approved, str) else "",
        outbox=tuple(r for r in outbox if isinstance(r, Mapping)) if isinstance(outbox, list) else (),
    )


def mount(key: str, data: Mapping[str, Any]) -> None:
    """Draw the component here.

    Parameters
    ----------
    key : str
        Its key in the session, for :func:`read`.
    data : mapping
        ``mode`` ("account" or "sign") and what that mode needs; see ``view.js``.
    """

    def heard() -> None:
        """Streamlit reruns the script when a state with a callback changes; the run itself does the rest."""

    _component()(
        key=key,
        data=dict(data),
        on_account_change=heard,
        on_approved_change=heard,
        on_outbox_change=heard,
    )
