"""The dashboard's own pages with a browser wallet: founding a collective, under the documented policy."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Route, expect
from solders.pubkey import Pubkey
from wallet_app.running import MOCK, chromium, free_port
from wallet_app.tab import FIRST, Tab, violations

from dashboard.csp import policy
from decai.chain.idl import load_idls, program_elf
from decai.localnet import Node, NodeServer

pytestmark = pytest.mark.browser

# A page whose headers a test rewrites has no known address space, so Chromium would ask before it lets the page
# reach loopback.
FLAGS = ["--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets"]


@pytest.fixture(scope="module")
def rpc_url() -> Iterator[str]:
    with Node() as node:
        for name, idl in load_idls().items():
            node.deploy(idl.address, program_elf(name), name=name)
        node.airdrop(Pubkey.from_string(FIRST), 100_000_000_000)
        server = NodeServer(node)
        server.start()
        yield server.rpc_url
        server.stop()


@pytest.fixture(scope="module")
def url(rpc_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    port = free_port()
    served = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "dashboard", "--rpc-url", rpc_url, "--home", str(home), "--port", str(port)]
    env = {**os.environ, "DECAI_URL": rpc_url, "PYTHONPATH": str(Path(__file__).parents[2])}
    with (home / "dashboard.log").open("wb") as log:
        process = subprocess.Popen(command, env=env, cwd=home, stdout=log, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{served}/_stcore/health", timeout=1).close()
                break
            except (urllib.error.URLError, OSError):
                assert process.poll() is None and time.monotonic() < deadline, (home / "dashboard.log").read_text()
                time.sleep(0.1)
        yield served
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium(*FLAGS) as launched:
        yield launched


def under_policy(page: Any, url: str) -> None:
    """Have every document arrive with the header that the proxy of docs/serving.md adds."""

    def add(route: Route) -> None:
        if route.request.resource_type != "document":
            route.continue_()
            return
        answer = route.fetch()
        route.fulfill(response=answer, headers={**answer.headers, "content-security-policy": policy()})

    page.route(re.compile(re.escape(url)), add)


def open_dashboard(browser: Any, url: str, **context: Any) -> Tab:
    page = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **context}).new_page()
    page.add_init_script(MOCK)
    under_policy(page, url)
    t = Tab(page)
    page.goto(url)
    return t


def test_founding_a_collective_with_a_browser_wallet(browser: Any, url: str) -> None:
    t = open_dashboard(browser, url)
    t.press("Connect Mock Wallet")
    expect(t.page.get_by_role("button", name="Disconnect Mock Wallet")).to_be_visible()
    t.page.get_by_role("link", name="Start", exact=True).click()
    t.says("Create a collective")
    t.page.get_by_role("button", name="Review the steps").click()
    for signed in range(1, 8):
        next_step = t.page.get_by_role("button", name="Do the next step")
        expect(next_step.or_(t.page.get_by_text("is founded")).first).to_be_visible()
        if not next_step.is_visible():
            break
        next_step.click()
        t.press("Sign with Mock Wallet")
        t.says("Confirmed in slot")
        if signed == 1:
            look_at_it_in_the_explorer(t)
        t.press("Done")
        t.idle()
    t.says("commons is founded.")
    assert t.signatures >= 2
    assert not t.errors


def look_at_it_in_the_explorer(t: Tab) -> None:
    with t.page.context.expect_page() as opened:
        t.dialog.get_by_role("link", name="Open in the Explorer").click()
    found = opened.value
    expect(found.get_by_role("heading", name="Explorer", level=1)).to_be_visible()
    expect(found.get_by_text("Transaction", exact=True).first).to_be_visible()
    found.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_sidebars_wallet_is_accessible_in_the_dashboard(browser: Any, url: str, scheme: str) -> None:
    t = open_dashboard(browser, url, color_scheme=scheme)
    t.press("Connect Mock Wallet")
    expect(t.page.get_by_role("button", name="Disconnect Mock Wallet")).to_be_visible()
    t.press("Sign in")
    t.says("Signed in")
    violations(t, "sidebar")
    assert not t.errors


def test_a_page_of_another_site_cant_open_the_connection(url: str) -> None:
    """Against DNS rebinding: the WebSocket answers only for the names that the dashboard was started with."""

    def handshake(host: str) -> int:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
        port = url.rsplit(":", 1)[1]
        headers = {
            "Host": f"{host}:{port}",
            "Origin": f"http://{host}:{port}",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version": "13",
        }
        connection.request("GET", "/_stcore/stream", headers=headers)
        status = connection.getresponse().status
        connection.close()
        return status

    assert handshake("127.0.0.1") == 101
    assert handshake("evil.example") == 403


def test_the_policy_forbids_what_it_should() -> None:
    scripts = next(part for part in policy().split("; ") if part.startswith("script-src"))
    assert "unsafe" not in scripts and "http" not in scripts
    assert "frame-ancestors 'none'" in policy() and "default-src 'none'" in policy()


def test_the_guide_has_the_policy() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "serving.md").read_text("utf-8")
    shown = re.sub(r"'sha256-[^']+'", "HASH", policy())
    assert re.sub(r"'sha256-[^']+'", "HASH", guide).count(shown) >= 1
