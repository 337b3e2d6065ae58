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
        st.plotly_chart(
            picture.figure,
            theme=None,
            key=f"{key}-figure",
            config={"displayModeBar": False, "responsive": True, "scrollZoom": False},
            alt=f"{title}. {reading}",
        )
        if below is not None:
            show(below)
