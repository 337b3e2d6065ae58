"""Chips: a state in one or two words.

Colour never speaks alone: each carries an icon or stands for itself.
"""

from __future__ import annotations

from dashboard.ui.html import Html, el, icon


def chip(words: str, kind: str = "", symbol: str = "") -> Html:
    """A small label.

    Parameters
    ----------
    words : str
        What it says.
    kind : str
        ``ok``, ``warn``, ``bad``, ``info``, ``accent``, ``line`` (an outline) or nothing (neutral).
    symbol : str
        An icon's name.
    """
    return el("span", icon(symbol) if symbol else "", words, cls=f"chip {kind}".strip())


_STATUS = {
    # a version
    "live": ("Live", "ok", "check"),
    "current": ("Current", "accent", "check"),
    "yanked": ("Withdrawn", "warn", "alert"),
    # a transaction
    "confirmed": ("Confirmed", "ok", "check"),
    "failed": ("Failed", "bad", "x"),
    # a proposal
    "pending": ("Starts soon", "", "clock"),
    "voting": ("Voting", "accent", "vote"),
    "succeeded": ("Passed", "ok", "check"),
    "defeated": ("Rejected", "warn", "x"),
    "executed": ("Executed", "ok", "check"),
    "vetoed": ("Vetoed", "warn", "x"),
    "cancelled": ("Cancelled", "", "x"),
    "expired": ("Expired", "", "clock"),
    # a job
    "bidding": ("Open for bids", "accent", "clock"),
    "leased": ("Training", "accent", "cpu"),
    "committed": ("Proving", "accent", "shield"),
    "submitted": ("In review", "warn", "clock"),
    "disputed": ("Disputed", "bad", "alert"),
    "settled": ("Settled", "ok", "check"),
    "published": ("Published", "ok", "layers"),
    "refunded": ("Refunded", "", "x"),
    # a replayed receipt
    "exact": ("Exact on replay", "ok", "shield"),
    "within tolerance": ("Within tolerance", "ok", "shield"),
    "mismatch": ("Does not match", "bad", "alert"),
    "not found": ("Not on chain", "bad", "alert"),
    # how an energy figure is known
    "measured": ("Measured", "ok", "check"),
    "estimated": ("Estimated", "info", "info"),
    "declared": ("Declared by provider", "warn", "info"),
}


def status(name: str) -> Html:
    """The chip of a state by its name in the library; a state not known here shows as its own name."""
    words, kind, symbol = _STATUS.get(name, (name, "line", "dot"))
    return chip(words, kind, symbol)
