"""Addresses, signatures, hashes and CIDs: shortened, with the full value to read, hear and copy."""

from __future__ import annotations

from dashboard.ui.format import short
from dashboard.ui.html import Html, el, icon


def address(value: str, keep: int = 4) -> Html:
    """A shortened value with a copy button; the full value is its title and its label.

    Parameters
    ----------
    value : str
        The full text, which the button copies.
    keep : int
        Characters kept at each end.
    """
    if not value:
        return el("span", "none", cls="sub")
    button = el(
        "button",
        el("span", icon("copy"), cls="copy"),
        el("span", icon("check"), cls="tick"),
        type="button",
        data_copy=value,
        aria_label="Copy",
        title="Copy",
    )
    return el("span", el("span", short(value, keep), title=value, aria_label=value, role="text"), button, cls="addr")
