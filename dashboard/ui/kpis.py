"""Key figures: never a bare number, always with what it is compared with or how sure it is."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

from dashboard.ui.html import Html, el


def spark(values: Sequence[float], label: str) -> Html:
    """A line of values without axes, drawn as a mask in the accent colour, so it follows the theme by itself.

    Parameters
    ----------
    values : sequence of float
        At least two, oldest first.
    label : str
        What a screen reader says.
    """
    low, high = min(values), max(values)
    span = (high - low) or 1
    points = [
        (round(2 + k * 90 / (len(values) - 1), 1), round(26 - 21 * (value - low) / span, 1))
        for k, value in enumerate(values)
    ]
    line = "M" + "L".join(f"{x} {y}" for x, y in points)
    svg = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 96 32'>"
        f"<path d='{line}L92 32L2 32Z' opacity='.14'/>"
        f"<path d='{line}' fill='none' stroke='#000' stroke-width='1.7' stroke-linejoin='round'"
        " stroke-linecap='round'/>"
        f"<circle cx='{points[-1][0]}' cy='{points[-1][1]}' r='2.6'/></svg>"
    )
    data = b64encode(svg.encode()).decode()
    return el(
        "span",
        cls="spark",
        role="img",
        aria_label=label,
        style=f"--i:url('data:image/svg+xml;base64,{data}')",
    )


def kpi(label: str, value: str, unit: str = "", note: str = "", trend: Sequence[float] | None = None) -> Html:
    """One key figure.

    Label, value with unit, a spark line when there are two values or more, one comparison.
    """
    line = spark(trend, f"{label}: from {trend[0]:g} to {trend[-1]:g}") if trend and len(trend) > 1 else ""
    figure = el("div", value, el("small", unit) if unit else "", cls="v")
    return el(
        "div",
        el("div", label, cls="eyebrow"),
        el("div", figure, line, cls="top"),
        el("span", note, cls="sub"),
        cls="kpi",
    )


def kpis(*figures: Html) -> Html:
    """Key figures side by side."""
    return el("div", *figures, cls="kpis")
