"""What every run of the dashboard does first: the stylesheet, the copy buttons, and following the theme."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st

from dashboard.ui import icons

STATIC = Path(__file__).parent.parent / "static"

_MARK = (
    '<g fill="none" stroke="{accent}" stroke-width="2.2" stroke-linejoin="round">'
    '<path d="M16 4l10.4 6v12L16 28 5.6 22V10z"/>'
    '<path d="M16 4v9M26.4 22l-7.8-4.5M5.6 22l7.8-4.5" opacity=".55"/></g>'
    '<circle cx="16" cy="16" r="3.4" fill="{accent}"/>'
)


@cache
def _style() -> str:
    return f"<style>{(STATIC / 'style.css').read_text('utf-8')}{icons.stylesheet()}</style>"


@cache
def _script() -> str:
    return f"<script>{(STATIC / 'page.js').read_text('utf-8')}</script>"


@cache
def _word() -> str:
    """The word mark's outlines: an image can't use the page's font."""
    return (STATIC / "wordmark.path").read_text("utf-8").strip()


def dark() -> bool:
    """Whether the browser shows the dark theme."""
    return st.context.theme.type == "dark"


def setup() -> None:
    """Prepare the page: once per run, from the entry script.

    Choosing a theme in Streamlit's menu doesn't run the script again; ``page.js`` watches for it and presses
    a hidden button, so that the charts and the logo follow.
    """
    st.html(_style())
    st.html(_script(), unsafe_allow_javascript=True)
    st.button("Follow the theme", key="theme-sync")
    mark = _MARK.format(accent="#5CCBDD" if dark() else "#0A7285")
    ink = "#E9ECF1" if dark() else "#12161C"
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 32" width="{width}" height="32">{body}</svg>'
    st.logo(
        svg.format(width=100, body=f'{mark}<path d="{_word()}" fill="{ink}"/>'),
        icon_image=svg.format(width=32, body=mark),
        size="medium",
    )
