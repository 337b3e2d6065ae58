"""Founding a collective and taking part in it, by the pages' own buttons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Window  # type: ignore[import-not-found]

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

STEPS = 6
"""Collective, tokens, registry offered and taken over, treasury, leaderboard."""


def test_a_collective_is_founded_step_by_step_and_joined(
    window: Callable[..., Window], shot: Callable[[Window, str], Path]
) -> None:
    seen = window()
    seen.visit()
    page = seen.go("Start")
    seen.settled()
    page.get_by_role("textbox", name="Name").fill("commons")
    page.get_by_role("button", name="Review the steps").click()
    founded = page.get_by_text("commons is founded")
    next_step = page.get_by_role("button", name="Do the next step")
    for _ in range(STEPS):
        next_step.click()
        seen.sign()
    founded.wait_for()
    shot(seen, "start-founded-light-1440")

    seen.go("Governance")
    page.get_by_role("button", name="Join the collective").click()
    seen.sign()
    page.get_by_role("button", name="Stake").click()
    seen.sign()
    page.get_by_text("Staked 1 SOL").wait_for()
    page.get_by_role("button", name="Deposit").click()
    seen.sign()
    page.get_by_text("deposited 1\u202f000 tokens").wait_for()
    shot(seen, "governance-member-light-1440")
