"""HTML that is safe by construction: text is escaped unless it already is :class:`Html`.

Everything a page shows beyond Streamlit's own widgets is built with :func:`el`. A plain string handed to it
is always text; only a value that came out of these helpers counts as markup. So a model name, a note or a
transaction log that contains ``<script>`` is shown as written, and no page has to remember to escape.
"""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st


class Html(str):
    """A string that is markup already and is not escaped again."""

    __slots__ = ()

    def __add__(self, other: str) -> Html:
        return Html(str.__add__(self, text(other)))


def text(value: Any) -> Html:
    """Turn any value into markup: :class:`Html` passes, everything else is escaped text.

    Parameters
    ----------
    value : object
        Shown as ``str(value)``; ``None`` is shown as nothing.
    """
    if isinstance(value, Html):
        return value
    return Html("" if value is None else escape(str(value), quote=True))


def join(*parts: Any, sep: str = "") -> Html:
    """Join parts into one piece of markup, escaping those that are text."""
    return Html(text(sep).join(text(part) for part in parts))


def el(tag: str, *children: Any, cls: str = "", **attributes: Any) -> Html:
    """Build one element.

    Parameters
    ----------
    tag : str
        The element's name.
    *children : object
        Content; text is escaped.
    cls : str
        The class attribute; empty leaves it out.
    **attributes : object
        Other attributes. ``_`` in a name becomes ``-`` (a trailing one is dropped); ``None`` and ``False``
        leave the attribute out, ``True`` writes it without a value.
    """
    written = f' class="{escape(cls)}"' if cls else ""
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        name = name.rstrip("_").replace("_", "-")
        written += f" {name}" if value is True else f' {name}="{escape(str(value), quote=True)}"'
    if tag in {"br", "img", "hr"}:
        return Html(f"<{tag}{written}>")
    return Html(f"<{tag}{written}>{join(*children)}</{tag}>")


def icon(name: str) -> Html:
    """Show one of :data:`dashboard.ui.icons.PATHS`; decorative, so hidden from screen readers."""
    return el("span", cls=f"ico i-{name}", aria_hidden="true")


def sub(*children: Any) -> Html:
    """Secondary text in a line."""
    return el("span", *children, cls="sub")


def row(*children: Any, spread: bool = False) -> Html:
    """Children side by side, wrapping; ``spread`` pushes them to both ends."""
    return el("div", *children, cls="row spread" if spread else "row")


def mono(value: Any) -> Html:
    """Text in the fixed-width face: parameters, hashes, code."""
    return el("span", value, cls="mono")


def show(*parts: Any, into: Any = None) -> None:
    """Draw markup on the page.

    Parameters
    ----------
    *parts : object
        What to draw, in order; text is escaped.
    into : streamlit container, optional
        Where; the current place by default.
    """
    (into or st).html(el("div", *parts, cls="d"))


def glass(name: str, fill: bool = False) -> Any:
    """Open a panel (``with glass("…"):``).

    ``name`` is unique on its page; ``fill`` stretches it to its row.
    """
    return st.container(key=f"glass-{name}", gap="small", height="stretch" if fill else "content")


def page_head(title: str, lede: str, *chips: Any) -> None:
    """Open a page: its title, one sentence, and its status chips on the right. Once a page."""
    st.session_state["page-headed"] = True
    words = el("div", el("h1", title), el("p", lede))
    show(el("div", words, row(*chips) if chips else "", cls="ph"))


def section(title: str, note: Any = "", right: Any = "") -> None:
    """Head a panel or a part of a page: title, one line below, something on the right."""
    heading = el("div", title, cls="title", role="heading", aria_level="2")
    show(row(el("div", heading, el("p", note, cls="sub") if note else ""), right, spread=True))


def section_title(title: str, note: Any = "") -> Html:
    """A smaller heading inside a panel, with a note beside it."""
    heading = el("div", title, cls="subtitle", role="heading", aria_level="3")
    return el("div", heading, sub(note) if note else "", cls="row under")


def prose(words: str) -> Html:
    """A sentence in which `code` stands between backticks, as in our error messages."""
    parts = words.split("`")
    return join(*(mono(part) if k % 2 else part for k, part in enumerate(parts)))
