"""The whole loop by the pages' own buttons, with a worker in a process of its own: from version 1 to version 2."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Up, Window, log_of, run_up  # type: ignore[import-not-found]

import decai
from decai.chain import LocalWallet
from decai.collective import Collective
from decai.network import LAMPORTS_PER_SOL, ensure_funds, welcome

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

STEPS = 8
"""Collective, tokens, registry offered and taken over, treasury, leaderboard, two sets."""
PATIENCE_MS = 60_000


@contextmanager
def worker(up: Up, dao: str) -> Iterator[None]:
    """A provider's machine: `decai worker` with a funded wallet of its own."""
    path = up.home / "worker.json"
    with decai.connect(home=up.home) as c:
        ensure_funds(c.with_wallet(LocalWallet.load_or_create(path)))
    command = [
        sys.executable, "-m", "decai", "worker", "--dao", dao, "--price", "0.9", "--wallet", str(path),
        "--home", str(up.home),
    ]  # fmt: skip
    with log_of(up.home).open("ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(15)


def second_member(c: Collective, home: Path, dao: str) -> Collective:
    """Another person with a wallet of their own, welcomed by this machine's wallet."""
    other = c.with_wallet(LocalWallet.load_or_create(home / "second.json"))
    assert welcome(c, other.signer(), c.dao(dao).address) > 0
    other.dao(dao).stake(LAMPORTS_PER_SOL)  # who attests answers for it
    return other


def decide(seen: Window) -> None:
    """Vote for the newest proposal, count when voting has ended, and execute it."""
    page = seen.page
    seen.sign(page.get_by_role("button", name="For", exact=True).first)
    page.get_by_text("You voted for").first.wait_for()
    count = page.get_by_role("button", name="Count the votes")
    count.first.wait_for(timeout=PATIENCE_MS)
    seen.sign(count.first)
    execute = page.get_by_role("button", name="Execute", exact=True)
    execute.first.wait_for(timeout=PATIENCE_MS)
    seen.sign(execute.first)


def test_from_version_1_to_version_2_by_buttons(
    window: Callable[..., Window], shot: Callable[[Window, str], Path], tmp_path: Path
) -> None:
    with run_up(tmp_path / "home") as up, decai.connect(home=up.home) as c:
        seen = window(base=up.url)
        seen.visit()
        page = seen.go("Start")
        seen.settled()
        page.get_by_role("textbox", name="Name").fill("commons")
        page.get_by_role("button", name="Review the steps").click()
        founded = page.get_by_text("commons is founded")
        for _ in range(STEPS):
            seen.sign(page.get_by_role("button", name="Do the next step"))
        founded.wait_for()
        for title in ("Membership", "Stake", "Deposit"):
            seen.sign(page.get_by_role("button", name=f"Next: {title}"))
        page.get_by_text("You take part in commons").wait_for()
        shot(seen, "loop-1-founded-light-1440")
        dao = str(c.daos()[0].address)
        other = second_member(c, up.home, dao)

        with worker(up, dao):
            seen.go("Marketplace")
            page.get_by_text("Chosen").first.wait_for(timeout=PATIENCE_MS)
            seen.go("Governance")
            seen.settled()
            page.get_by_text("New proposal").click()
            page.get_by_role("textbox", name="Why, for the voters").fill("Train on every chunk of the lexicon")
            page.get_by_role("combobox", name="Training set").wait_for()
            page.get_by_role("spinbutton", name="Budget, SOL").fill("0.05")
            seen.sign(page.get_by_role("button", name="Propose", exact=True))
            shot(seen, "loop-2-voting-light-1440")
            decide(seen)

            seen.go("Marketplace")
            page.get_by_text("Opened by its proposal").wait_for()
            page.get_by_text("Leased to the cheapest bidder").wait_for(timeout=PATIENCE_MS)
            shot(seen, "loop-3-training-light-1440")
            page.get_by_text("waiting for reviewers").wait_for(timeout=PATIENCE_MS)
            other.training.attest(c.market.jobs(dao)[0])
            page.get_by_text("Recomputed and attested").wait_for()
            page.get_by_text("Settled, provider paid").wait_for(timeout=PATIENCE_MS)
            shot(seen, "loop-4-settled-light-1440")

        seen.go("Governance")
        publish = page.get_by_role("button", name="Publish as version 2")
        publish.wait_for(timeout=PATIENCE_MS)
        seen.sign(publish)
        page.get_by_text("version 2", exact=True).first.wait_for()
        if not page.get_by_text("Use another version").is_visible():
            page.get_by_text("New proposal").click()
        page.get_by_text("Use another version").click()
        seen.settled()
        page.get_by_role("textbox", name="Why, for the voters").fill("Use what was trained: it judges better")
        seen.sign(page.get_by_role("button", name="Propose", exact=True))
        decide(seen)
        shot(seen, "loop-5-decided-light-1440")

        seen.go("Inference")
        page.get_by_text("Version 2", exact=True).first.wait_for()
        page.get_by_role("button", name="Run").click()
        page.locator(".answer").wait_for()
        assert page.locator(".answer").inner_text().lower() == "positive"
        shot(seen, "loop-6-inference-light-1440")

        seen.go("Registry")
        page.get_by_text("trained by the collective").wait_for()
        record = c.market.records(dao)[0]
        steps = page.locator(".st-key-glass-lineage ol.loop li")
        assert [s.split("\n")[0] for s in steps.all_inner_texts()] == [
            "Version 1",
            "Proposal 0",
            "Job",
            "Record",
            "Version 2",
        ]
        shot(seen, "loop-7-registry-light-1440")
        steps.nth(3).get_by_role("link", name="Look it up").click()
        seen.heading("Explorer")
        page.get_by_text("TrainingJobRecord").first.wait_for()
        assert page.get_by_role("textbox", name="Signature or address").input_value() == record.address

        seen.go("Sustainability")
        page.get_by_text("Energy, all jobs").wait_for()
        page.get_by_text("Estimated").or_(page.get_by_text("Measured")).first.wait_for()
        page.get_by_text("± 40 %").or_(page.get_by_text("± 5 %")).first.wait_for()
        page.get_by_text("mg CO₂e").first.wait_for()
        shot(seen, "loop-8-sustainability-light-1440")
