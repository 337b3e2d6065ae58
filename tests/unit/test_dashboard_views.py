"""What pages work out before they draw: small, pure, and often about strangers' input."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tiny_models import classifier_bytes, write_tokenizer

from dashboard.views import inference, marketplace, publishing, registry, start, sustainability
from decai.energy import EnergyRecord, EnergyRecords
from decai.errors import DecAIError, InvalidBundle, ReceiptError, SettingsError
from decai.explorer import Step

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


def test_small_emissions_are_less_than_half_a_milligram_not_none() -> None:
    def record(joules: int, mg: int) -> EnergyRecord:
        kwh = joules / 3.6e6
        return EnergyRecord(
            "j", "p", datetime(2026, 1, 1, tzinfo=UTC), joules, kwh, kwh, kwh, "estimated", 475.0, mg, 0,
            "WORLD", "", 1, 0.0, 0,
        )  # fmt: skip

    assert sustainability.gross(EnergyRecords([record(2, 0)])) == ("< 0.5", "mg CO₂e")
    assert sustainability.gross(EnergyRecords([record(2, 0)] * 4)) == ("1.06", "mg CO₂e")
    assert sustainability.gross(EnergyRecords([record(36_000, 4750)])) == ("4.75", "g CO₂e")


def test_a_bid_says_its_price() -> None:
    assert marketplace.happened(Step("compute_verifier", "bid", {"price": 20_000_000}, {}, False)) == "Bid: 0.02 SOL"
    assert marketplace.happened(Step("compute_verifier", "lease", {}, {}, False)) == "Leased to the cheapest bidder"


def test_uploaded_files_become_a_bundle_or_a_reason(tmp_path: Path) -> None:
    tokenizer = write_tokenizer(tmp_path / "t", config=False) / "tokenizer.json"
    files = {"model.onnx": classifier_bytes(2), "tokenizer.json": tokenizer.read_bytes()}
    words = {"name": "tiny", "max_tokens": 8, "licence": "CC0-1.0", "description": "Small."}
    (tmp_path / "a").mkdir()
    made = publishing.build(tmp_path / "a", files, labels=publishing.split_labels(" bad, good,"), **words)
    assert made.labels == ("bad", "good")
    (tmp_path / "b").mkdir()
    with pytest.raises(InvalidBundle, match="3"):
        publishing.build(tmp_path / "b", files, labels=["a", "b", "c"], **words)
    (tmp_path / "c").mkdir()
    with pytest.raises(InvalidBundle):
        publishing.build(tmp_path / "c", {**files, "model.onnx": b"not ONNX"}, labels=["a", "b"], **words)
    assert not (tmp_path / "b" / "bundle").exists() and not (tmp_path / "c" / "bundle").exists()
