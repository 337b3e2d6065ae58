"""The loop: where a change of the model stands, from proposal to the next version."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from dashboard.ui.html import Html, el, icon


@dataclass(frozen=True)
class Step:
    """One step of the loop.

    Parameters
    ----------
    symbol : str
        Icon shown until the step is done.
    title : str
        What it is.
    note : object
        Where it stands, in a few words.
    state : {"done", "now", "next"}
        At most one step of a loop is ``now``.
    share : float
        How far the way to the next step is gone, 0 to 1.
    """

    symbol: str
    title: str
    note: Any
    state: Literal["done", "now", "next"]
    share: float = 0.0


def loop(steps: Iterable[Step]) -> Html:
    """The steps on one rail; vertical on narrow screens."""
    return el("ol", *(_step(step) for step in steps), cls="loop", aria_label="Where the loop is")


def _step(step: Step) -> Html:
    dot = el(
        "span",
        icon("check" if step.state == "done" else step.symbol),
        cls="dot pulse" if step.state == "now" else "dot",
    )
    bar = el("span", el("i", style=f"--f:{round(100 * step.share)}%"), cls="bar")
    words = el("div", el("div", step.title, cls="t"), el("div", step.note, cls="m"))
    return el(
        "li",
        el("div", dot, bar, cls="rail"),
        words,
        cls=step.state,
        aria_current="step" if step.state == "now" else None,
    )
