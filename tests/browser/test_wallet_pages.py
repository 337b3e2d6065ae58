"""Every page's main action on a running `decai up`, signed in a browser wallet."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")

from conftest import DESKTOP, PHONE, Up, run_dashboard, run_up  # type: ignore[import-not-found]
from playwright.sync_api import Browser, expect
from wallet_app.running import MOCK, chromium, free_port
from wallet_app.tab import FIRST, Tab, violations

from decai.governance import Policy

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

PAGES = ["Overview", "Start", "Governance", "Registry", "Inference", "Marketplace", "Sustainability", "Explorer"]
SHOTS = os.environ.get("DECAI_SHOTS")
"""A folder to keep the dialog's pictures in, for the guides; read now, since no test sees such variables."""
VOTING_SECONDS = 45
"""Long enough to sign a vote in on a busy machine; the model is asked meanwhile."""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """`decai up` with a collective that owns the first model; the mock wallet's first account has its tokens."""
    folder = tmp_path_factory.mktemp("pages")
    with run_up(folder / "home") as up:
        policy = dataclasses.replace(Policy.quick(), voting_period=VOTING_SECONDS)
        (folder / "policy.json").write_text(json.dumps(dataclasses.asdict(policy)))
        shares = ["--tokens", "100", "--give", f"{FIRST}=1000", "--treasury", "2"]
        decai(up, "init", "commons", *shares, "--policy", str(folder / "policy.json"))
        yield up


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture
def person(browser: Browser, network: Up) -> Iterator[Callable[..., Tab]]:
    """Opens the dashboard as somebody with a wallet; a complaint in the console fails the test at its end."""
    tabs: list[Tab] = []

    def come(seed: int = 7, *, dark: bool = False, width: int = DESKTOP, url: str = network.url) -> Tab:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        context.add_init_script(f"window.mockWallet = {{ seeds: [{seed}], trusted: true }};")
        context.add_init_script(MOCK)
        page = context.new_page()
        tabs.append(Tab(page))
        page.goto(url)
        expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
        return tabs[-1]

    yield come
    said = [text for t in tabs for text in t.errors]
    for t in tabs:
        t.page.context.close()
    assert not said, f"console errors: {said}"


def decai(up: Up, *arguments: str) -> str:
    """Run a command on this home; its output."""
    command = [sys.executable, "-m", "decai", *arguments, "--home", str(up.home)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextlib.contextmanager
def worker(up: Up) -> Iterator[None]:
    """A machine with a wallet of its own that takes one job."""
    key = up.home / "worker.json"
    decai(up, "wallet", "new", "--out", str(key))
    decai(up, "wallet", "fund", "5", "--wallet", str(key))
    command = [sys.executable, "-m", "decai", "worker", "--wallet", str(key), "--home", str(up.home)]
    with (up.home / "worker.log").open("wb") as log:
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


def connect(t: Tab) -> None:
    t.press("Connect Mock Wallet")
    expect(t.page.get_by_role("button", name="Disconnect Mock Wallet")).to_be_visible()
    t.idle()


def test_a_member_takes_the_model_to_version_2(person: Callable[..., Tab], network: Up, tmp_path: Path) -> None:
    t = person()
    connect(t)
    joins(t)
    takes_part(t)
    proposes_and_votes(t)
    asks_the_model(t, tmp_path)
    with worker(network):
        t.go("Governance")
        t.page.get_by_role("button", name="Count the votes").click(timeout=90_000)
        t.signs("Count the votes")
        t.page.get_by_role("button", name="Execute").click(timeout=30_000)
        t.signs("Execute")
        t.go("Marketplace")
        t.says("in escrow")
        reviews_what_was_trained(person(9))
        expect(t.page.get_by_text("SOL paid").first).to_be_visible(timeout=60_000)
        t.go("Governance")
        t.page.get_by_role("button", name="Publish as version 2").click(timeout=60_000)
        t.signs("Publish")
    t.go("Registry")
    t.says("Version 2")
    assert t.signatures == 9


def joins(t: Tab) -> None:
    """Start: SOL from the embedded chain's faucet, then a membership."""
    is_funded(t)
    t.press("Next: Membership")
    expect(t.dialog.get_by_text("Join the collective")).to_be_visible()
    expect(t.dialog.get_by_text("“commons”")).to_be_visible()
    t.press("Sign with Mock Wallet")
    t.says("Confirmed in slot")
    follows_it_to_the_explorer(t)
    t.press("Done")
    t.idle()
    expect(t.page.get_by_role("button", name="Next: Stake")).to_be_visible()


def is_funded(t: Tab) -> None:
    """Start: what the embedded chain gives a new wallet."""
    t.go("Start")
    t.page.locator(".st-key-faucet button").click()
    t.says("10 SOL")
    t.idle()


def reviews_what_was_trained(t: Tab) -> None:
    """Start and Marketplace: another person joins and stakes, recomputes the result, and attests it."""
    connect(t)
    is_funded(t)
    t.press("Next: Membership")
    t.signs("Join the collective")
    t.press("Next: Stake")
    t.signs("Stake 1 SOL")
    t.go("Marketplace")
    t.page.get_by_role("button", name="Recompute and attest").click(timeout=90_000)
    expect(t.dialog.get_by_role("button", name="Sign with Mock Wallet")).to_be_visible(timeout=60_000)
    t.signs("ttest")
    assert t.signatures == 3


def follows_it_to_the_explorer(t: Tab) -> None:
    """The link opens the very transaction, in a tab of its own where the wallet is connected, too."""
    with t.page.context.expect_page() as opened:
        t.dialog.get_by_role("link", name="Open in the Explorer").click()
    other = Tab(opened.value)
    expect(other.page.get_by_role("heading", name="Explorer", level=1)).to_be_visible()
    signature = other.page.url.partition("explorer?tx=")[2]
    assert len(signature) in (87, 88)
    expect(other.page.get_by_role("textbox", name="Signature or address")).to_have_value(signature)
    other.says("Instruction: join")
    expect(other.page.get_by_role("button", name="Disconnect Mock Wallet")).to_be_visible()
    assert not other.errors
    other.page.close()


def takes_part(t: Tab) -> None:
    """Governance: stake and deposit."""
    t.go("Governance")
    t.press("Stake")
    t.signs("Stake 1 SOL")
    t.says("Staked 1 SOL")
    t.press("Deposit")
    t.signs("Deposit")
    t.says("deposited 1\u202f000 tokens")


def proposes_and_votes(t: Tab) -> None:
    """Governance: a proposal to train, and the vote for it."""
    t.page.get_by_text("New proposal").click()
    why = t.page.get_by_role("textbox", name="Why, for the voters")
    why.fill("Judge short texts better")
    why.press("Tab")
    t.page.get_by_role("spinbutton", name="Budget, SOL").fill("0.05")
    t.page.get_by_role("button", name="Propose", exact=True).click()
    t.signs("Propose")
    t.press("For")
    expect(t.dialog.get_by_text("“Judge short texts better”")).to_be_visible()
    t.signs("Vote for proposal")
    t.says("You voted for with 1\u202f000 tokens.")


def asks_the_model(t: Tab, folder: Path) -> None:
    """Inference: an answer, its hash on chain, and the receipt, which verifies."""
    t.go("Inference")
    t.page.get_by_role("textbox", name="Text", exact=True).fill("wonderful and kind")
    t.page.get_by_role("button", name="Run").click()
    t.says("Not on chain yet")
    t.idle()
    t.press("Put its hash on chain")
    t.signs("Post")
    t.says("On chain")
    with t.page.expect_download() as download:
        t.page.get_by_role("button", name="Download receipt").click()
    receipt = folder / "receipt.json"
    download.value.save_as(receipt)
    assert json.loads(receipt.read_text())["worker"] == FIRST
    t.page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(receipt)
    t.says("receipt.json")
    t.idle()
    t.page.get_by_role("button", name="Verify").click()
    t.says("Exact on replay")


def test_two_people_on_one_dashboard_never_see_each_other(person: Callable[..., Tab]) -> None:
    one, two = person(7), person(9)
    connect(one)
    connect(two)
    one.go("Inference")
    one.page.get_by_role("textbox", name="Text", exact=True).fill("my secret sentence")
    one.page.get_by_role("button", name="Run").click()
    one.says("Not on chain yet")
    two.go("Inference")
    box = two.page.get_by_role("textbox", name="Text", exact=True)
    assert "secret" not in box.input_value()
    seen = two.page.locator("body").inner_text()
    assert "secret" not in seen and "Not on chain yet" not in seen and FIRST[:4] not in seen
    one.idle()
    one.press("Put its hash on chain")
    expect(one.dialog.get_by_role("button", name="Sign with Mock Wallet")).to_be_visible()
    two.go("Overview")
    expect(two.dialog).to_have_count(0)
    assert two.signatures == 0
    one.page.keyboard.press("Escape")
    expect(two.page.get_by_role("button", name="Disconnect Mock Wallet")).to_be_visible()


def test_a_signing_with_the_keyboard_alone(person: Callable[..., Tab]) -> None:
    t = person(11)

    def reach(name: str, *, role: Any = "button") -> None:
        target = t.page.get_by_role(role, name=name, exact=True)
        expect(target).to_be_visible()
        for _ in range(90):
            t.page.keyboard.press("Tab")
            if target.evaluate("b => b === document.activeElement"):
                return
        raise AssertionError(f"{name} can't be reached with the Tab key")

    reach("Connect Mock Wallet")
    t.page.keyboard.press("Enter")
    expect(t.page.get_by_role("button", name="Disconnect Mock Wallet")).to_be_visible()
    reach("Start", role="link")
    t.page.keyboard.press("Enter")
    expect(t.page.get_by_role("heading", name="Start", level=1)).to_be_visible()
    t.idle()
    reach("Get SOL and voting tokens")
    t.page.keyboard.press("Enter")
    t.says("10 SOL and")
    t.idle()
    reach("Next: Membership")
    t.page.keyboard.press("Enter")
    reach("Sign with Mock Wallet")
    t.page.keyboard.press("Space")
    t.says("Confirmed in slot")
    reach("Done")
    t.page.keyboard.press("Enter")
    t.idle()
    expect(t.page.get_by_role("button", name="Next: Stake")).to_be_visible()


@pytest.mark.parametrize(("dark", "width"), [(False, DESKTOP), (True, DESKTOP), (True, PHONE)])
def test_axe_finds_nothing_serious_on_any_page(person: Callable[..., Tab], dark: bool, width: int) -> None:
    t = person(dark=dark, width=width)
    if width > PHONE:
        connect(t)
    for name in PAGES:
        t.go(name)
        # Streamlit fetches what draws labels when it first needs it: until then a line that opens has no name.
        t.page.wait_for_function(
            "() => [...document.querySelectorAll('summary')].every(s => s.innerText.trim())"
            " && document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"
        )
        violations(t, name, whole=True)


@pytest.mark.parametrize(
    ("seed", "dark", "width"),
    [(21, False, DESKTOP), (22, True, DESKTOP), (23, False, PHONE), (24, True, PHONE)],
)
def test_the_signing_dialog_fits_and_is_accessible(
    person: Callable[..., Tab], tmp_path: Path, seed: int, dark: bool, width: int
) -> None:
    t = person(seed, dark=dark, width=width)
    if width == PHONE:
        t.page.get_by_test_id("stExpandSidebarButton").click()
    connect(t)
    is_funded(t)
    t.press("Next: Membership")
    sign = t.dialog.get_by_role("button", name="Sign with Mock Wallet")
    expect(sign).to_be_visible()
    t.page.wait_for_function(
        "() => document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"
    )
    violations(t, "the dialog")
    assert t.page.evaluate(
        "() => { const d = document.querySelector('[role=dialog]'); return d.scrollWidth <= d.clientWidth; }"
    )
    folder = Path(SHOTS or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    phone = "-phone" if width == PHONE else ""
    t.page.screenshot(path=str(folder / f"signing-{'dark' if dark else 'light'}{phone}.png"))
    t.page.keyboard.press("Escape")


def test_a_read_only_dashboard_shows_every_page_and_signs_nothing(
    person: Callable[..., Tab], network: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECAI_READ_ONLY", "1")
    with run_dashboard(network.home, network.urls["rpc_url"], free_port()) as url:
        t = person(url=url)
        t.says("This dashboard shows; it signs nothing.")
        for name in PAGES:
            t.go(name)
            assert t.page.get_by_role("button", name="Connect Mock Wallet").count() == 0
            for action in (
                "Get 10 SOL",
                "Next: Membership",
                "Stake",
                "For",
                "Do the next step",
                "Put its hash on chain",
            ):
                assert t.page.get_by_role("button", name=action, exact=True).count() == 0, f"{name} offers {action}"


def test_a_key_file_that_isnt_there_hinders_nobody(
    person: Callable[..., Tab], network: Up, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DECAI_WALLET", "solana-cli")
    monkeypatch.setenv("HOME", str(tmp_path))
    with run_dashboard(network.home, network.urls["rpc_url"], free_port()) as url:
        t = person(url=url)
        t.says("There is no Solana CLI configuration")
        connect(t)
        t.go("Registry")
        t.says("Version 1")
