"""Tables and lists drawn as real ``<table>`` and ``<ul>``: right for twenty rows or fewer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from dashboard.ui.html import Html, el, icon


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    numeric: Collection[int] = (),
    chosen: int | None = None,
    caption: str,
) -> Html:
    """A table; under 640 px each row becomes a labelled stack (roles stay explicit for screen readers).

    Parameters
    ----------
    head : sequence of str
        Column names; they label the cells on narrow screens.
    rows : sequence of sequences
        Cells; text is escaped.
    numeric : collection of int
        Columns to align right.
    chosen : int, optional
        The row to tint.
    caption : str
        What the table holds, for screen readers.
    """

    def kind(column: int) -> str:
        return "num" if column in numeric else ""

    header = el(
        "tr",
        *(el("th", name, cls=kind(k), role="columnheader", scope="col") for k, name in enumerate(head)),
        role="row",
    )
    body = [
        el(
            "tr",
            *(el("td", el("div", cell), cls=kind(k), role="cell", data_label=head[k]) for k, cell in enumerate(cells)),
            cls="chosen" if number == chosen else "",
            role="row",
        )
        for number, cells in enumerate(rows)
    ]
    return el(
        "div",
        el("table", el("thead", header), el("tbody", *body), role="table", aria_label=caption),
        cls="tw",
    )


def item(symbol: str, title: Any, note: Any, right: Any = "", kind: str = "") -> Html:
    """One line of :func:`items`: an icon tile, a title over a note, and something on the right."""
    words = el("div", el("b", title), el("div", note, cls="sub"))
    return el("li", el("span", icon(symbol), cls=f"ic {kind}".strip()), words, right)


def items(*lines: Html) -> Html:
    """A list of :func:`item` lines, ruled."""
    return el("ul", *lines, cls="list")


def look_up(value: str, words: str = "Look it up") -> Html:
    """A link to an address or signature in the Explorer."""
    return action(f"explorer?tx={value}", words)


def action(href: str, words: str) -> Html:
    """A link inside the dashboard that reads as the line's action."""
    return el("a", words, cls="act", href=href, target="_self")
