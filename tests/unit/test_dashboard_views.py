"""What pages work out before they draw: small, pure, and often about strangers' input."""

from __future__ import annotations

import pytest

from dashboard.views import inference, registry, start
from decai.errors import DecAIError, ReceiptError, SettingsError

KEY = "7muPyrif7EGatG1mdVpiYEHQifpn4dUdSJhY7qzR9HAr"


def test_a_model_card_loses_its_images_and_keeps_its_words() -> None:
    head, body = registry.split_card(
        "---\nlicense: apache-2.0\ntags:\n- a\nlanguage: 'en'\n---\n# Title\n![spy](https://evil.example/x.png)\ntext\n"
    )
    assert head == [("license", "apache-2.0"), ("language", "en")]
    assert "evil.example" not in body and "spy" in body and "text" in body
    assert body.startswith("### Title")


def test_a_card_without_a_head_is_all_body() -> None:
    assert registry.split_card("just words") == ([], "just words")


def test_bundles_are_compared_by_the_bytes_that_move() -> None:
    old = {"files": {"encoder.onnx": {"size": 1014, "sha256": "a"}, "head.onnx": {"size": 10, "sha256": "b"}}}
    new = {"files": {"encoder.onnx": {"size": 1014, "sha256": "a"}, "head.onnx": {"size": 10, "sha256": "c"}}}
    drawn = registry.files(old, new)
    assert drawn.count("same bytes, shared") == 1 and drawn.count("new bytes") == 1
    assert "moves at most 10 B of 1.0 KiB" in drawn
    gone = registry.files(old, {"files": {}})
    assert gone.count("gone") == 2


def test_a_square_stands_for_its_slowest_block() -> None:
    assert inference.squares("c#.ox") == ["c", "h", "", "", "r"]
    large = "#" * 1000 + "."
    drawn = inference.squares(large)
    assert len(drawn) <= inference.MAX_SQUARES
    assert drawn[0] == "h" and drawn[-1] == ""
    assert inference.squares("") == []


def test_a_receipt_file_is_read_with_or_without_its_wrapper() -> None:
    assert inference.decoded(b'{"leaf": "x"}') == {"leaf": "x"}
    assert inference.decoded(b'{"receipt": {"leaf": "x"}}') == {"leaf": "x"}


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b"[1]", b'"text"', b'{"receipt": 3}'])
def test_what_is_no_receipt_is_refused(raw: bytes) -> None:
    with pytest.raises(ReceiptError) as refused:
        inference.decoded(raw)
    assert refused.value.hint


def test_shares_are_read_line_by_line() -> None:
    assert start.shares(f"\n {KEY} 12.5 \n") == {KEY: 12_500_000}
    assert start.shares(f"{KEY},3") == {KEY: 3_000_000}


@pytest.mark.parametrize("text", [KEY, f"{KEY} none", f"{KEY} 0", f"{KEY} -1", f"{KEY} nan", f"{KEY} inf"])
def test_a_share_without_an_amount_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        start.shares(text)


def test_a_share_for_no_address_is_refused() -> None:
    with pytest.raises(DecAIError):
        start.shares("nobody 5")
