"""Transactions of our programs, drawn as a table: shared by Overview and Explorer."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard import ui
from dashboard.ui.format import ago
from decai.explorer import TransactionView


def sentence(transaction: TransactionView) -> str:
    """What a transaction did, as its instructions' names with a capital."""
    words = transaction.what
    return words[:1].upper() + words[1:]


def when(transaction: TransactionView) -> ui.Html:
    """How long ago, with the full time as the title."""
    if transaction.at is None:
        return ui.el("span", f"slot {transaction.slot}")
    return ui.el("span", ago(transaction.at), title=f"{transaction.at:%Y-%m-%d %H:%M:%S} UTC")


def activity_table(transactions: Sequence[TransactionView]) -> ui.Html:
    """A table of transactions, newest first."""
    return ui.table(
        ["What", "When", "Who", "Signature", "Result"],
        [
            [
                sentence(t),
                when(t),
                ui.address(t.payer),
                ui.address(t.signature, 5),
                ui.status("confirmed" if t.ok else "failed"),
            ]
            for t in transactions
        ],
        caption="Recent activity",
    )
