"""The pages on a real network: what they say, that they say it in both themes and on a phone, and the main action."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import DESKTOP, PHONE, Up, Window  # type: ignore[import-not-found]

import decai

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PAGES = [
    "Overview",
    "Start",
    "Governance",
    "Registry",
    "Inference",
    "Marketplace",
    "Sustainability",
    "Explorer",
]


@pytest.mark.parametrize(("dark", "width"), [(False, DESKTOP), (True, DESKTOP), (False, PHONE), (True, PHONE)])
def test_every_page_opens_fits_and_names_itself(
    window: Callable[..., Window], shot: Callable[[Window, str], Path], dark: bool, width: int
) -> None:
    seen = window(dark=dark, width=width)
    seen.visit()
    for name in PAGES:
        seen.go(name)
        seen.settled()
        assert seen.fits(), f"{name} scrolls sideways at {width} px"
        assert seen.page.get_by_role("heading", level=1).count() == 1
        assert seen.page.get_by_text("Something unexpected went wrong").count() == 0
        shot(seen, f"{name.lower()}-{'dark' if dark else 'light'}-{width}")


def test_overview_tells_the_version_and_what_happened_last(window: Callable[..., Window], up: Up) -> None:
    with decai.connect(home=up.home) as c:
        newest = c.explorer.transactions(1)[0]
    page = window().visit()
    page.get_by_text("Version 1 live").wait_for()
    page.get_by_text("Recent on-chain activity").wait_for()
    row = page.get_by_role("table", name="Recent activity").get_by_role("row").nth(1)
    row.get_by_title(newest.signature).wait_for()
    page.get_by_text("Embedded chain").wait_for()


def test_a_link_to_a_page_works_as_the_first_visit(window: Callable[..., Window]) -> None:
    page = window().visit("registry", "Registry")
    page.get_by_text("First model, one training segment").wait_for()
    page.get_by_text("Accuracy by version").wait_for()


def test_a_question_is_answered_posted_and_its_receipt_holds(
    window: Callable[..., Window], shot: Callable[[Window, str], Path], tmp_path: Path
) -> None:
    seen = window()
    seen.visit()
    page = seen.go("Inference")
    seen.settled()
    page.get_by_role("textbox", name="Text", exact=True).fill("terrible and sad")
    page.get_by_text("Fetch afresh").click()
    page.get_by_role("button", name="Run").click()
    page.get_by_text("Not on chain yet").wait_for()
    assert page.locator(".answer").inner_text().lower() == "negative"
    page.get_by_text("complete, every block verified").wait_for()
    here, total = map(int, page.locator(".blocks").get_attribute("aria-label").split()[:3:2])
    assert here == total > 50

    seen.sign(page.get_by_role("button", name="Put its hash on chain"))
    page.get_by_text("On chain", exact=True).wait_for()
    shot(seen, "inference-answered-light-1440")

    with page.expect_download() as download:
        page.get_by_role("button", name="Download receipt").click()
    path = tmp_path / "receipt.json"
    download.value.save_as(path)
    receipt = json.loads(path.read_text())
    assert receipt["signature"] and receipt["output"]["label"] == "negative"

    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(path)
    page.get_by_text("receipt.json").wait_for()
    seen.settled()
    page.get_by_role("button", name="Verify").click()
    page.get_by_text("Exact on replay").wait_for()
    shot(seen, "inference-verified-light-1440")

    receipt["output"]["label"] = "positive"
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(receipt))
    page.get_by_role("button", name="Remove receipt.json").click()
    page.get_by_test_id("stFileChip").wait_for(state="detached")
    seen.settled()
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(forged)
    page.get_by_text("forged.json").wait_for()
    seen.settled()
    page.get_by_role("button", name="Verify").click()
    page.get_by_text("Does not match").wait_for()

    seen.go("Explorer")
    seen.settled()
    page.get_by_text("Post result").first.click()
    page.get_by_text("Instruction: post result").wait_for()
    page.get_by_text("Event: ResultPosted").wait_for()


def test_the_theme_is_followed_without_a_reload(window: Callable[..., Window]) -> None:
    seen = window()
    page = seen.visit()
    seen.settled()
    light = page.evaluate("() => getComputedStyle(document.documentElement).colorScheme")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("() => getComputedStyle(document.documentElement).colorScheme === 'dark'")
    assert light == "light"


def test_an_address_is_copied_whole(window: Callable[..., Window]) -> None:
    page = window().visit()
    button = page.get_by_test_id("stMain").locator("button[data-copy]").first
    button.click()
    page.locator("button.copied").first.wait_for()
    assert page.evaluate("() => navigator.clipboard.readText()") == button.get_attribute("data-copy")


def test_nonsense_in_the_explorer_is_refused_in_words(window: Callable[..., Window]) -> None:
    seen = window()
    seen.visit()
    page = seen.go("Explorer")
    box = page.get_by_role("textbox", name="Signature or address")
    box.fill("not an address")
    box.press("Enter")
    page.get_by_role("alert").filter(has_text="address").wait_for()


def test_links_between_pages_keep_the_session(window: Callable[..., Window]) -> None:
    page = window().visit()
    page.evaluate("() => { window.sameDocument = true }")
    page.get_by_role("link", name="All of it").click()
    page.get_by_role("heading", name="Explorer", level=1).wait_for()
    assert page.evaluate("() => window.sameDocument") is True
