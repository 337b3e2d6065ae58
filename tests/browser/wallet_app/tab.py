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
        page.on("console", self._hear)
        page.on("pageerror", lambda e: self.errors.append(str(e)))

    def _hear(self, message: Any) -> None:
        """Keep what is complained about, but for one thing: on a link to a page, Streamlit's own front end asks
        below that page's address for its server first, is told 404, and finds it at the root."""
        if message.type == "error" and "/_stcore/" not in (message.location or {}).get("url", ""):
            self.errors.append(message.text)

    def open(self, url: str) -> Tab:
        self.page.goto(url)
        expect(self.page.get_by_text("Acting as")).to_be_visible()
        return self

    def connect(self, name: str = "Mock Wallet") -> Tab:
        self.press(f"Connect {name}")
        expect(self.page.get_by_role("button", name=f"Disconnect {name}")).to_be_visible()
        expect(self.page.get_by_text(re.compile("Acting as [1-9A-HJ-NP-Za-km-z]{32}"))).to_be_visible()
        return self

    def go(self, name: str) -> None:
        """Open one of the dashboard's pages from its sidebar, folded away on a phone or not."""
        fold = self.page.get_by_test_id("stExpandSidebarButton")
        narrow = self.page.viewport_size["width"] < 768
        if narrow and fold.is_visible():
            fold.click()
        self.page.get_by_test_id("stSidebarNavLink").filter(has_text=name).first.click()
        expect(self.page.get_by_role("heading", name=name, level=1)).to_be_visible()
        if narrow:
            expect(fold).to_be_visible()
        self.idle()

    def signs(self, title: str) -> None:
        """See what the dialog says, have the wallet sign it, and close the dialog once it is confirmed."""
        expect(self.dialog.get_by_text(title).first).to_be_visible()
        self.press("Sign with Mock Wallet")
        self.says("Confirmed in slot")
        self.press("Done")
        self.idle()

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


def violations(t: Tab, where: str, *, whole: bool = False) -> None:
    """Nothing serious by axe-core, in the dialog or the sidebar's wallet, or in the whole page."""
    # Streamlit puts a line's words there a moment after its icon.
    t.page.wait_for_function(
        """() => [...document.querySelectorAll('summary')].every(line => {
          const words = line.cloneNode(true);
          words.querySelectorAll('[data-testid=stIconMaterial]').forEach(icon => icon.remove());
          return words.textContent.trim();
        })"""
    )
    if not t.page.evaluate("'axe' in window"):
        t.page.evaluate(axe())
    found = t.page.evaluate(
        """async (whole) => {
          const part = document.querySelector('[role=dialog]');
          const inside = whole ? document : part ?? document.querySelector('[data-testid=stSidebarUserContent]');
          const ran = await axe.run(inside, { resultTypes: ['violations'] });
          const where = v => v.nodes.map(n => n.target.join(' ')).join(' | ');
          return ran.violations.map(v => `${v.impact} ${v.id}: ${where(v)}`);
        }""",
        whole,
    )
    ours = [v for v in found if v.startswith(("serious", "critical"))]
    assert not ours, f"{where}: {ours}"
