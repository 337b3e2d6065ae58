"""The design language in code: what pages draw with.

See each module; all of them return or draw safe HTML.
"""

from __future__ import annotations

from dashboard.ui.address import address
from dashboard.ui.chips import chip, status
from dashboard.ui.facts import facts
from dashboard.ui.html import (
    Html,
    el,
    glass,
    icon,
    join,
    mono,
    page_head,
    prose,
    row,
    section,
    section_title,
    show,
    sub,
)
from dashboard.ui.kpis import kpi, kpis
from dashboard.ui.loop import Step, loop
from dashboard.ui.meters import blocks, progress, score, vote_meter
from dashboard.ui.notes import empty, error, note
from dashboard.ui.setup import STATIC, setup
from dashboard.ui.tables import action, item, items, look_up, table

__all__ = [
    "STATIC",
    "Html",
    "Step",
    "action",
    "address",
    "blocks",
    "chip",
    "el",
    "empty",
    "error",
    "facts",
    "glass",
    "icon",
    "item",
    "items",
    "join",
    "kpi",
    "kpis",
    "look_up",
    "loop",
    "mono",
    "note",
    "page_head",
    "progress",
    "prose",
    "row",
    "score",
    "section",
    "section_title",
    "setup",
    "show",
    "status",
    "sub",
    "table",
    "vote_meter",
]
