"""The frame every chart sits in: title, one-line reading, its table and its CSV."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.ui.html import glass, section, show
from dashboard.ui.setup import dark


def chart(key: str, title: str, reading: str, drawn: Any, *, below: Any = None) -> None:
    """Draw a chart of :mod:`decai.charts` in a panel.

    Parameters
    ----------
    key : str
        Unique on the page; names the CSV file.
    title, reading : str
        What it shows, and what it says.
    drawn : callable (dark: bool) -> decai.charts.Chart
        Draws it for the theme in use.
    below : markup, optional
        Something under the chart.
    """
    picture = drawn(dark())
    with glass(key):
        with st.container(horizontal=True, vertical_alignment="top", wrap=False, gap="small"):
            with st.container(width="stretch"):
                section(title, reading)
            _data(key, picture)
        _figure(key, f"{title}. {reading}", picture)
        if below is not None:
            show(below)


def _data(key: str, picture: Any) -> None:
    """The table and its CSV, behind one button."""
    with st.popover("Data", icon=":material/table_rows:", type="tertiary", help="Table and CSV"):
        st.dataframe(picture.table, hide_index=True, width=460, key=f"{key}-table")
        st.download_button(
            "Download CSV",
            picture.table.to_csv(index=False),
            f"{key}.csv",
            "text/csv",
            icon=":material/download:",
            key=f"{key}-csv",
            on_click="ignore",
        )


def _figure(key: str, alt: str, picture: Any) -> None:
    st.plotly_chart(
        picture.figure,
        theme=None,
        key=f"{key}-figure",
        config={"displayModeBar": False, "responsive": True, "scrollZoom": False},
        alt=alt,
    )


def plain_chart(key: str, title: str, drawn: Any) -> None:
    """Draw a chart inside a panel that is open already, with its table and CSV below it.

    Parameters
    ----------
    key, title : str
        Unique on the page, and what it shows.
    drawn : callable (dark: bool) -> decai.charts.Chart
        Draws it for the theme in use.
    """
    picture = drawn(dark())
    _figure(key, title, picture)
    _data(key, picture)
