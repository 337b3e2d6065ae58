"""Founding a collective and taking part in it, by the pages' own buttons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Up, Window  # type: ignore[import-not-found]
from wallet_app.running import MOCK

import decai

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

STEPS = 8
"""Collective, tokens, registry offered and taken over, treasury, leaderboard, two sets."""


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
        seen.sign(next_step)
    founded.wait_for()
    shot(seen, "start-founded-light-1440")

    seen.go("Governance")
    seen.sign(page.get_by_role("button", name="Join the collective"))
    seen.sign(page.get_by_role("button", name="Stake"))
    page.get_by_text("Staked 1 SOL").wait_for()
    page.get_by_role("spinbutton", name="Deposit, tokens").fill("900")
    seen.sign(page.get_by_role("button", name="Deposit"))
    page.get_by_text("deposited 900 tokens").wait_for()
    shot(seen, "governance-member-light-1440")


def test_a_newcomer_with_a_browser_wallet_gets_tokens_and_takes_part(
    window: Callable[..., Window], shot: Callable[[Window, str], Path], up: Up
) -> None:
    """In the collective that the test above has founded."""
    with decai.connect(home=up.home) as c:
        dao = c.daos()[0]
        assert dao.token_balance() > 0
        seen = window()
        seen.page.add_init_script(MOCK)
        page = seen.visit("start", "Start")
        page.get_by_role("button", name="Connect Mock Wallet").click()
        page.get_by_role("button", name="Get SOL and voting tokens").click()
        page.get_by_text("10 SOL and 10 voting tokens of commons, from this machine's wallet came.").wait_for()
        for title in ("Membership", "Stake", "Deposit"):
            seen.sign(page.get_by_role("button", name=f"Next: {title}"), button="Sign with Mock Wallet")
        page.get_by_text("You take part in commons").wait_for()
        shot(seen, "start-newcomer-light-1440")
        assert sorted(m.deposited for m in dao.members())[0] == 10_000_000
