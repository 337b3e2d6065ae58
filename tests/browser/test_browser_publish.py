"""Publishing one's own ONNX classifier from the Registry page, and what happens to one that can't be used."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Up, Window  # type: ignore[import-not-found]

import decai

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))

from tiny_models import classifier_bytes, write_tokenizer  # type: ignore[import-not-found]

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_an_onnx_of_ones_own_is_checked_stored_signed_and_answers(
    window: Callable[..., Window], shot: Callable[[Window, str], Path], up: Up, tmp_path: Path
) -> None:
    model = tmp_path / "tiny.onnx"
    model.write_bytes(classifier_bytes(2))
    tokenizer = write_tokenizer(tmp_path / "tokenizer", config=False) / "tokenizer.json"
    with decai.connect(home=up.home) as c:
        registry = c.create_registry("tiny")
        pinned = {pin.cid for pin in c.store.pinned()}
        seen = window()
        page = seen.visit(f"registry?registry={registry.address}", "Registry")
        page.get_by_text("Publish a model of your own").click()
        inputs = page.get_by_test_id("stFileUploaderDropzoneInput")
        inputs.nth(0).set_input_files(model)
        page.get_by_text("tiny.onnx").wait_for()
        inputs.nth(1).set_input_files(tokenizer)
        page.get_by_role("textbox", name="Licence").fill("CC0-1.0")
        page.get_by_role("textbox", name="What it does").fill("Small.")
        page.get_by_role("textbox", name="Labels").fill("bad, good, neither")
        send = page.get_by_role("button", name="Check, store and sign")
        send.click()
        page.get_by_role("alert").filter(has_text="3 labels").wait_for()

        # Given up before signing: nothing is kept.
        page.get_by_role("textbox", name="Labels").fill("bad, good")
        send.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_text("Publish version 1 of tiny").first.wait_for()
        assert {pin.cid for pin in c.store.pinned()} > pinned
        dialog.get_by_role("button", name="Close").first.click()
        dialog.wait_for(state="detached")
        seen.settled()
        assert {pin.cid for pin in c.store.pinned()} == pinned
        assert registry.refresh().latest == 0

        page.get_by_text("Use it from now on").click()
        send.click()
        seen.sign()
        page.get_by_text("Published as version 1").wait_for()
        shot(seen, "registry-published-light-1440")
        assert c.infer("a good day", registry=registry.refresh()).prediction.label in ("bad", "good")
