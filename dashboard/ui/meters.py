"""Meters: votes, scores, shares and the blocks of a model as they arrive."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.ui.chips import chip
from dashboard.ui.format import number, percent
from dashboard.ui.html import Html, el, row


def vote_meter(*, votes_for: int, against: int, abstain: int, supply: int, quorum: float, approval: float) -> Html:
    """Two scales, never mixed: approval = for / (for + against); turnout = all votes / supply.

    Parameters
    ----------
    votes_for, against, abstain : int
        Votes cast; abstentions count for the turnout only.
    supply : int
        All votes there are, fixed when the proposal was made.
    quorum, approval : float
        The shares needed, 0 to 1.
    """
    decided = votes_for + against
    agreed = votes_for / decided if decided else 0.0
    turnout = (decided + abstain) / supply if supply else 0.0
    legend = el(
        "div",
        *(
            el("span", el("i", cls=cls), name, el("b", number(votes)))
            for cls, name, votes in (
                ("for-bar", "For", votes_for),
                ("against-bar", "Against", against),
                ("abstain-bar", "Abstain", abstain),
            )
        ),
        cls="legend",
    )
    return el(
        "div",
        _vote_scale(
            "Approval",
            agreed,
            approval,
            (("for-bar", agreed), ("against-bar", 1 - agreed if decided else 0.0)),
            f"{percent(agreed)} for, {percent(approval, 0)} needed",
        ),
        _vote_scale(
            "Turnout",
            turnout,
            quorum,
            tuple(
                (cls, votes / supply if supply else 0.0)
                for cls, votes in (("for-bar", votes_for), ("against-bar", against), ("abstain-bar", abstain))
            ),
            f"{percent(turnout)} of voting tokens, quorum {percent(quorum, 0)}",
        ),
        legend,
        cls="meters",
    )


def _vote_scale(name: str, share: float, needed: float, parts: Sequence[tuple[str, float]], words: str) -> Html:
    reached = chip("reached", "ok", "check") if share >= needed else chip("not yet", "warn", "clock")
    head = row(el("span", name, cls="eyebrow"), row(el("b", percent(share)), reached), spread=True)
    track = el(
        "div",
        *(el("i", cls=cls, style=f"width:{100 * part:.2f}%") for cls, part in parts if part),
        cls="track",
    )
    mark = el("div", el("span", f"needs {percent(needed, 0)}"), cls="mark", style=f"left:{100 * needed:.2f}%")
    meter = el(
        "div",
        track,
        mark,
        cls="vote-meter",
        role="meter",
        aria_valuemin="0",
        aria_valuemax="100",
        aria_valuenow=f"{100 * share:.1f}",
        aria_label=name,
        aria_valuetext=words,
    )
    return el("div", head, meter, cls="scale")


def score(label: str, value: float, top: bool = False) -> Html:
    """One label's score, 0 to 1, as a bar and a number; ``top`` marks the answer."""
    track = el(
        "span",
        el("i", style=f"width:{100 * value:.1f}%"),
        cls="tr",
        role="meter",
        aria_label=label,
        aria_valuemin="0",
        aria_valuemax="1",
        aria_valuenow=f"{value:.4f}",
    )
    return el(
        "div",
        el("span", label),
        track,
        el("span", f"{value:.4f}", cls="num"),
        cls="score top" if top else "score",
    )


def progress(share: float, label: str) -> Html:
    """A thin progress bar, 0 to 1."""
    return el(
        "div",
        el("i", style=f"width:{100 * min(1.0, share):.1f}%"),
        cls="progress",
        role="progressbar",
        aria_label=label,
        aria_valuemin="0",
        aria_valuemax="100",
        aria_valuenow=f"{100 * min(1.0, share):.0f}",
    )


def blocks(states: Sequence[str]) -> Html:
    """The blocks of a bundle, one square each.

    Parameters
    ----------
    states : sequence of str
        Per block: ``h`` fetched now, ``c`` already on this machine, ``r`` refused once, or nothing (still
        missing).
    """
    here = sum(1 for state in states if state)
    return el(
        "div",
        *(el("i", cls=state) for state in states),
        cls="blocks",
        role="img",
        aria_label=f"{here} of {len(states)} blocks verified",
    )
