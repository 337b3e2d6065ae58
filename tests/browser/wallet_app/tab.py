"""A browser tab with the mock wallet in it, as tests use it."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect
from wallet_app.running import axe

expect.set_options(timeout=20_000)  # a busy machine is slow, not wrong

FIRST = "GmaDrppBC7P5ARKV8g3djiwP89vz1jLK23V2GBjuAEGB"
"""The mock wallet's account of seed 7."""


class Tab:
    """A page with the mock wallet in it, and what its console said."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.set_default_timeout(20_000)
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: self.errors.append(str(e)))

    def open(self, url: str) -> Tab:
        self.page.goto(url)
        expect(self.page.get_by_text("Acting as")).to_be_visible()
        return self

    def connect(self, name: str = "Mock Wallet") -> Tab:
        self.press(f"Connect {name}")
        expect(self.page.get_by_role("button", name=f"Disconnect {name}")).to_be_visible()
        expect(self.page.get_by_text(re.compile("Acting as [1-9A-HJ-NP-Za-km-z]{32}"))).to_be_visible()
        return self

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def pay(self) -> None:
        self.press("Pay")
        expect(self.dialog.get_by_text("Pay 0.25 SOL to the treasury")).to_be_visible()

    def says(self, words: str) -> None:
        expect(self.page.get_by_text(words).first).to_be_visible()

    def idle(self) -> None:
        """Wait until the script has run to its end: a click in between may be dropped with the old page."""
        expect(self.dialog).to_have_count(0)
        expect(self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()

    def mock(self, script: str) -> Any:
        return self.page.evaluate(f"(() => {{ const m = window.mockWallet; return {script}; }})()")

    @property
    def dialog(self) -> Any:
        return self.page.get_by_role("dialog")

    @property
    def signatures(self) -> int:
        """How often the wallet was asked to sign a transaction."""
        return int(self.mock("m.calls.filter(c => c === 'signTransaction').length"))


def violations(t: Tab, where: str) -> None:
    if not t.page.evaluate("'axe' in window"):
        t.page.evaluate(axe())
    found = t.page.evaluate(
        """async () => {
          const part = document.querySelector('[role=dialog]');
          const inside = part ?? document.querySelector('[data-testid=stSidebarUserContent]');
          const ran = await axe.run(inside, { resultTypes: ['violations'] });
          const where = v => v.nodes.map(n => n.target.join(' ')).join(' | ');
          return ran.violations.map(v => `${v.impact} ${v.id}: ${where(v)}`);
        }"""
    )
    ours = [v for v in found if v.startswith(("serious", "critical"))]
    assert not ours, f"{where}: {ours}"
