"""The wallet bridge in Chromium: a Wallet Standard wallet with real keys, and the embedded node."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Browser, expect
from solders.pubkey import Pubkey
from wallet_app.running import CHROMIUM, MOCK, LossyRpc, app, chromium, from_elsewhere
from wallet_app.tab import FIRST, Tab, violations

from decai.chain import LocalWallet
from decai.chain.idl import load_idls, program_elf
from decai.config import load_settings
from decai.localnet import Node, NodeServer

pytestmark = pytest.mark.browser

SOL = 1_000_000_000


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    programs = load_settings().programs_dir
    with Node() as made:
        for name, idl in load_idls(programs).items():
            made.deploy(idl.address, program_elf(name, programs), name=name)
        made.airdrop(Pubkey.from_string(FIRST), 1000 * SOL)
        yield made


@pytest.fixture(scope="module")
def rpc_url(node: Node) -> Iterator[str]:
    server = NodeServer(node)
    server.start()
    yield server.rpc_url
    server.stop()


@pytest.fixture(scope="module")
def url(rpc_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with app(rpc_url, tmp_path_factory.mktemp("home")) as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture
def tab(browser: Browser, url: str) -> Iterator[Any]:
    """Opens tabs, each in a browser profile of its own, and checks that none complained in its console."""
    contexts, tabs = [], []

    def open_tab(options: str = "{}", *, visit: bool = True, **context: Any) -> Tab:
        made = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **context})
        contexts.append(made)
        page = made.new_page()
        page.add_init_script(f"window.mockWallet = {options};")
        page.add_init_script(MOCK)
        found = Tab(page)
        tabs.append(found)
        return found.open(url) if visit else found

    yield open_tab
    said = [text for t in tabs for text in t.errors]
    for made in contexts:
        made.close()
    assert not said, f"console errors: {said}"


def balance(node: Node, address: str) -> int:
    answer = node.call("getBalance", [address])
    assert isinstance(answer, dict)
    return int(answer["value"])


def test_connect_preview_sign_confirm_and_it_is_on_the_ledger(tab: Any, node: Node) -> None:
    t = tab().connect()
    before = balance(node, FIRST)
    t.pay()
    t.says("Transfer 0.25 SOL")
    t.says("−0.250005 SOL")
    t.press("Sign with Mock Wallet")
    t.says("Confirmed in slot")
    assert balance(node, FIRST) == before - 250_005_000
    link = t.dialog.get_by_role("link", name="Open in the Explorer").get_attribute("href")
    assert link is not None and re.fullmatch(r"explorer\?tx=[1-9A-HJ-NP-Za-km-z]{87,88}", link)
    t.press("Done")
    t.says("Payments confirmed: 1")
    for _ in range(3):
        t.idle()
        t.press("Only rerun")
    t.says("Payments confirmed: 1")
    assert t.signatures == 1
    assert balance(node, FIRST) == before - 250_005_000


def test_an_instruction_of_ours_is_told_in_the_words_of_its_idl(tab: Any) -> None:
    t = tab().connect()
    t.press("Create a registry")
    t.says("Create the registry harness")
    t.says("Creates an empty registry")
    t.says("“harness”")


def test_a_wallet_that_registers_late_is_offered(tab: Any) -> None:
    t = tab("{ late: true }")
    t.says("No Solana wallet found in this browser")
    t.mock("m.register()")
    t.connect()


def test_declining_to_connect_is_said_and_can_be_tried_again(tab: Any) -> None:
    t = tab("{ reject: 'connect' }")
    t.press("Connect Mock Wallet")
    t.says("You declined in Mock Wallet.")
    t.mock("m.reject = ''")
    t.connect()


def test_declining_to_sign_sends_nothing_and_can_be_tried_again(tab: Any, node: Node) -> None:
    t = tab("{ reject: 'sign' }").connect()
    before = balance(node, FIRST)
    t.pay()
    t.press("Sign with Mock Wallet")
    t.says("You declined in the wallet.")
    assert balance(node, FIRST) == before
    t.mock("m.reject = ''")
    t.press("Sign with Mock Wallet")
    t.says("Confirmed in slot")
    assert t.signatures == 2


def test_a_trusting_wallet_is_reconnected_silently_after_a_reload(tab: Any) -> None:
    t = tab("{ trusted: true }").connect()
    t.page.reload()
    expect(t.page.get_by_role("button", name="Disconnect Mock Wallet")).to_be_visible()
    t.says(f"Acting as {FIRST}")
    assert t.mock("m.calls") == ["silent"]


def test_the_connection_survives_a_change_of_page(tab: Any) -> None:
    t = tab().connect()
    t.page.get_by_role("link", name="Second").click()
    t.says("The wallet is still there.")
    expect(t.page.get_by_role("button", name="Disconnect Mock Wallet")).to_be_visible()
    t.page.get_by_role("link", name="First").click()
    t.says(f"Acting as {FIRST}")
    assert t.mock("m.calls") == ["connect"]


def test_switching_the_account_ends_what_was_prepared(tab: Any, node: Node) -> None:
    t = tab("{ seeds: [7, 8] }").connect()
    before = balance(node, FIRST)
    t.pay()
    t.mock("m.switchTo(1)")
    t.says("The wallet switched to another account")
    assert t.dialog.get_by_role("button", name="Sign with Mock Wallet").count() == 0
    assert t.signatures == 0
    t.page.keyboard.press("Escape")
    expect(t.page.get_by_text(f"Acting as {FIRST}")).to_have_count(0)
    assert balance(node, FIRST) == before


def test_a_wallet_on_another_network_is_shown_and_refused(tab: Any) -> None:
    t = tab("{ chains: ['solana:mainnet'] }").connect()
    t.says("this page needs solana:localnet")
    t.pay()
    t.says("doesn't serve solana:localnet")
    assert t.dialog.get_by_role("button", name="Sign with Mock Wallet").count() == 0
    t.mock("m.switchChains(['solana:localnet'])")
    t.dialog.get_by_role("button", name="Sign with Mock Wallet").click()
    t.says("Confirmed in slot")


@pytest.mark.parametrize(
    ("change", "words"),
    [("recipient", "other instructions"), ("huge-fee", "more than 0.01 SOL")],
)
def test_a_wallet_that_returns_another_transaction_is_refused(tab: Any, node: Node, change: str, words: str) -> None:
    t = tab(f"{{ change: '{change}' }}").connect()
    before = balance(node, FIRST)
    t.pay()
    t.press("Sign with Mock Wallet")
    t.says(words)
    assert balance(node, FIRST) == before


def test_a_wallet_that_adds_a_priority_fee_needs_a_yes(tab: Any, node: Node) -> None:
    t = tab("{ change: 'fee' }").connect()
    before = balance(node, FIRST)
    t.pay()
    t.press("Sign with Mock Wallet")
    t.says("The wallet signed a slightly different transaction")
    t.says("It set the priority fee to 0.000005 SOL")
    assert balance(node, FIRST) == before
    t.press("Send it as the wallet signed it")
    t.says("Confirmed in slot")
    assert before - 250_010_000 <= balance(node, FIRST) < before


def test_a_wallet_that_never_answers_can_be_cancelled_and_its_late_answer_is_dropped(tab: Any, node: Node) -> None:
    t = tab().connect()
    before = balance(node, FIRST)
    t.pay()
    t.mock("m.never = true")
    t.press("Sign with Mock Wallet")
    t.says("Waiting for Mock Wallet. Look for its window.")
    t.press("Cancel")
    t.says("You declined in the wallet.")
    t.mock("m.release()")
    t.page.keyboard.press("Escape")
    t.press("Only rerun")
    t.says("Payments confirmed: 0")
    assert balance(node, FIRST) == before


def test_a_wallet_that_never_answers_times_out(tab: Any, url: str) -> None:
    t = tab(visit=False)
    t.page.clock.install()
    t.open(url).connect()
    t.pay()
    t.mock("m.never = true")
    t.press("Sign with Mock Wallet")
    t.says("Waiting for Mock Wallet. Look for its window.")
    t.page.clock.fast_forward(121_000)
    t.says("The wallet didn't answer in time.")


def test_closing_the_dialog_while_the_wallet_is_asked_cancels_and_holds_nothing_up(tab: Any, node: Node) -> None:
    t = tab().connect()
    before = balance(node, FIRST)
    t.pay()
    t.mock("m.never = true")
    t.press("Sign with Mock Wallet")
    t.says("Waiting for Mock Wallet. Look for its window.")
    t.page.keyboard.press("Escape")
    t.idle()
    t.mock("m.never = false")
    t.pay()
    t.press("Sign with Mock Wallet")
    t.says("Confirmed in slot")
    t.mock("m.release()")
    t.press("Done")
    t.says("Payments confirmed: 1")
    assert balance(node, FIRST) == before - 250_005_000


def test_a_wallet_that_leaves_is_gone(tab: Any) -> None:
    t = tab().connect()
    t.pay()
    t.mock("m.gone()")
    t.says("The wallet is no longer connected")
    assert t.signatures == 0


def test_what_would_fail_is_said_before_signing(tab: Any) -> None:
    t = tab().connect()
    t.press("Pay too much")
    t.says("It would fail now")


def test_signing_in_proves_the_address(tab: Any) -> None:
    t = tab().connect()
    t.says("Signed in as nobody")
    t.press("Sign in")
    t.says(f"Signed in as {FIRST}")
    t.press("Disconnect Mock Wallet")
    t.says("Signed in as nobody")


def test_signing_another_message_proves_nothing(tab: Any) -> None:
    t = tab("{ change: 'message' }").connect()
    t.press("Sign in")
    t.says("The wallet signed another message")
    t.says("Signed in as nobody")


def test_two_people_on_one_server_never_see_each_other(tab: Any) -> None:
    one = tab("{ seeds: [7] }").connect()
    two = tab("{ seeds: [9] }")
    two.says("Acting as nobody")
    expect(two.page.get_by_role("button", name="Connect Mock Wallet")).to_be_visible()
    two.connect()
    theirs = two.page.get_by_text("Acting as").inner_text()
    assert FIRST not in theirs
    one.pay()
    two.press("Only rerun")
    expect(two.dialog).to_have_count(0)
    one.press("Sign with Mock Wallet")
    one.says("Confirmed in slot")
    one.press("Done")
    one.says("Payments confirmed: 1")
    two.press("Only rerun")
    two.says("Payments confirmed: 0")
    assert two.signatures == 0
    assert FIRST[:4] not in two.page.locator("body").inner_text()


def test_two_tabs_of_one_browser_have_their_own_requests_and_disconnect_together(browser: Browser, url: str) -> None:
    context = browser.new_context()
    one, two = Tab(context.new_page()), Tab(context.new_page())
    for each in (one, two):
        each.page.add_init_script("window.mockWallet = { trusted: true };")
        each.page.add_init_script(MOCK)
    one.open(url).connect()
    two.open(url)
    expect(two.page.get_by_role("button", name="Disconnect Mock Wallet")).to_be_visible()
    one.pay()
    expect(two.dialog).to_have_count(0)
    one.page.keyboard.press("Escape")
    one.press("Disconnect Mock Wallet")
    expect(two.page.get_by_role("button", name="Connect Mock Wallet")).to_be_visible()
    two.says("Acting as nobody")
    assert not one.errors + two.errors
    context.close()


def test_with_the_keyboard_alone(tab: Any) -> None:
    t = tab()

    def reach(name: str) -> None:
        button = t.page.get_by_role("button", name=name, exact=True)
        expect(button).to_be_visible()
        for _ in range(60):
            t.page.keyboard.press("Tab")
            if button.evaluate("b => b === document.activeElement"):
                return
        raise AssertionError(f"{name} can't be reached with the Tab key")

    reach("Connect Mock Wallet")
    t.page.keyboard.press("Enter")
    t.says(f"Acting as {FIRST}")
    reach("Pay")
    t.page.keyboard.press("Enter")
    t.says("Transfer 0.25 SOL")
    reach("Sign with Mock Wallet")
    t.page.keyboard.press("Space")
    t.says("Confirmed in slot")
    reach("Done")
    t.page.keyboard.press("Enter")
    t.says("Payments confirmed: 1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_serious(tab: Any, scheme: str, width: int, tmp_path: Path) -> None:
    t = tab(color_scheme=scheme, viewport={"width": width, "height": 844})
    if width < 640:
        t.page.get_by_test_id("stExpandSidebarButton").click()
    t.connect()
    violations(t, "connected")
    if width < 640:
        t.page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    t.pay()
    expect(t.dialog.get_by_role("button", name="Sign with Mock Wallet")).to_be_visible()
    violations(t, "preview")


# --- this machine's key --------------------------------------------------------------------------------


def test_this_machines_key_is_offered_here_and_nowhere_else(
    browser: Browser, node: Node, rpc_url: str, tmp_path: Path
) -> None:
    key = LocalWallet.create(tmp_path / "wallet.json")
    node.airdrop(key.pubkey, SOL)
    with app(rpc_url, tmp_path) as served:
        context = browser.new_context()
        t = Tab(context.new_page()).open(served)
        t.says("This machine's key")
        t.says("For this machine only")
        t.says(f"Acting as {key.pubkey}")
        t.pay()
        t.says("Signed and paid by this machine's key")
        t.press("Sign with this machine's key")
        t.says("Confirmed in slot")
        assert balance(node, str(key.pubkey)) == SOL - 250_005_000
        t.press("Done")
        t.says("Payments confirmed: 1")
        t.press("Stop using it")
        t.says("Acting as nobody")
        t.press("Use this machine's key")
        t.says(f"Acting as {key.pubkey}")
        assert not t.errors
        context.close()
        flags = [*CHROMIUM, *from_elsewhere("decai.test")]
        other = browser.browser_type.launch(executable_path="/usr/bin/chromium", args=flags)
        away = Tab(other.new_page()).open(served.replace("127.0.0.1", "decai.test"))
        away.says("Acting as nobody")
        assert "machine" not in away.page.locator("body").inner_text()
        other.close()


def test_read_only_shows_and_signs_nothing(browser: Browser, rpc_url: str, tmp_path: Path) -> None:
    LocalWallet.create(tmp_path / "wallet.json")
    with app(rpc_url, tmp_path, DECAI_READ_ONLY="1") as served:
        page = browser.new_page()
        page.add_init_script(MOCK)
        t = Tab(page).open(served)
        t.says("Read only")
        t.says("Acting as nobody")
        assert page.get_by_role("button", name="Connect Mock Wallet").count() == 0
        t.press("Pay")
        t.says("This dashboard only shows.")
        page.close()


# --- a confirmation that is lost -----------------------------------------------------------------------


def test_what_is_sent_says_so_and_a_lost_confirmation_is_resolved_by_asking(
    browser: Browser, node: Node, tmp_path: Path
) -> None:
    with LossyRpc(node) as rpc, app(rpc.url, tmp_path) as served:
        page = browser.new_page()
        page.add_init_script(MOCK)
        t = Tab(page).open(served).connect()
        t.pay()
        rpc.known.clear()
        t.press("Sign with Mock Wallet")
        t.says("Waiting for its confirmation")
        expect(t.dialog.get_by_text("Sent", exact=True)).to_be_visible()
        rpc.known.set()
        t.says("Confirmed in slot")
        t.press("Done")
        t.idle()
        before = balance(node, FIRST)
        t.pay()
        rpc.lose = 1
        t.press("Sign with Mock Wallet")
        t.says("Not confirmed yet")
        assert balance(node, FIRST) == before - 250_005_000
        t.press("Close; follow it in the sidebar")
        t.says("Payments confirmed: 1")
        t.press("Ask again: Pay 0.25 SOL to the treasury")
        t.says("Payments confirmed: 2")
        expect(page.get_by_text("Not confirmed yet")).to_have_count(0)
        assert (balance(node, FIRST), rpc.sendings, t.signatures) == (before - 250_005_000, 2, 2)
        page.close()
