"""Notes: what needs a person, what failed and what to do, what is not there yet and how to make it so."""

from __future__ import annotations

from typing import Any

from dashboard.ui.html import Html, el, icon

_SYMBOL = {"ok": "check", "warn": "alert", "bad": "alert"}


def note(kind: str, words: Any, symbol: str = "") -> Html:
    """A note: ``warn`` and ``bad`` are filled, ``ok`` is quiet, anything else is neutral."""
    return el("div", icon(symbol or _SYMBOL.get(kind, "info")), el("div", words), cls=f"note {kind}".strip())


def error(what: Any, why: Any = "", do: Any = "") -> Html:
    """A failure: what happened, why, and what to do or what is kept."""
    words = el(
        "div",
        el("b", what),
        el("div", why) if why else "",
        el("div", do, cls="sub") if do else "",
        cls="lines",
    )
    return el("div", note("bad", words), role="alert")


def empty(title: Any, words: Any, symbol: str = "inbox") -> Html:
    """Nothing here yet: what will be, and how to make it so."""
    return el("div", icon(symbol), el("b", title), el("span", words, cls="sub"), cls="empty")
