"""Facts: names and values, as a definition list."""

from __future__ import annotations

from typing import Any

from dashboard.ui.html import Html, el, join


def facts(*pairs: tuple[str, Any]) -> Html:
    """A definition list of ``(name, value)`` pairs; in a narrow panel each value goes under its name."""
    return el("dl", join(*(el("dt", name) + el("dd", value) for name, value in pairs)), cls="facts")
