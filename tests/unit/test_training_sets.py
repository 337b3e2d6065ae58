"""Projection, chunked sets and the lexicon."""

import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest

from decai.errors import TrainingError
from decai.proofs import RowsKind, field_bytes, rows_root
from decai.training.lexicon import Example, load_lexicon, split_lexicon
from decai.training.projection import Projection, fit_whitening
from decai.training.sets import ChunkedSet
from decai.training.trainer import parse_chunk, segment, zero_head

ROWS, SIZE, FEATURES = 64, 12, 4


def embeddings() -> np.ndarray:
    rng = np.random.default_rng(3)
    return (rng.normal(size=(ROWS, SIZE)) * np.arange(1, SIZE + 1)).astype(np.float32)


def small_set(kind: str = "train", **changes: object) -> ChunkedSet:
    x = embeddings()
    arguments: dict = dict(
        name="small", source="a test", licence="CC0-1.0", licence_text="Public domain.\n", rows_per_chunk=16
    )
    labels = [int(v > 0) for v in x[:, -1]]
    texts = [f"text {i} \u2028 é" for i in range(ROWS)]
    return ChunkedSet.build(kind, x, labels, texts, fit_whitening(x, FEATURES), **(arguments | changes))


def test_whitening_whitens() -> None:
    x = embeddings()
    projection = fit_whitening(x, FEATURES)
    projected = (x.astype(float) - projection.mean) @ projection.matrix
    np.testing.assert_allclose(projected.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(np.cov(projected.T, bias=True), np.eye(FEATURES), atol=1e-5)
    assert (np.abs(projection.apply(x)) <= 127).all()
    assert projection.apply(x * 1000).max() == 127 and projection.apply(x * 1000).min() == -127


def test_features_round_half_to_even() -> None:
    projection = Projection(np.array([[1.0]], np.float32), np.array([0.0], np.float32))
    ties = np.array([[1 / 16], [-1 / 16], [3 / 16]])  # 1.5, -1.5 and 4.5 in units of 1/24, all exact
    assert projection.apply(ties).ravel().tolist() == [2, -2, 4]


def test_a_batch_changes_no_feature() -> None:
    x = embeddings()
    projection = fit_whitening(x, FEATURES)
    one_by_one = np.vstack([projection.apply(row[None]) for row in x])
    np.testing.assert_array_equal(one_by_one, projection.apply(x))


def test_projection_bytes_survive_a_round_trip() -> None:
    projection = fit_whitening(embeddings(), FEATURES)
    raw = projection.to_bytes()
    again = Projection.from_bytes(raw)
    assert again.to_bytes() == raw and again.sha256 == hashlib.sha256(raw).hexdigest()
    with pytest.raises(ValueError, match="read-only"):
        again.matrix[0, 0] = 1
    for broken in (b"", raw[:-1], raw + b"\0", b"X" + raw[1:], raw[:8] + struct.pack("<II", 0, 4) + raw[16:]):
        with pytest.raises(TrainingError):
            Projection.from_bytes(broken)


def test_projections_that_cant_be_fitted_are_refused() -> None:
    with pytest.raises(TrainingError, match="fewer than 4 directions"):
        fit_whitening(np.repeat(embeddings()[:, :2], 6, axis=1), 4)
    with pytest.raises(TrainingError, match="can't be fitted"):
        fit_whitening(embeddings()[:3], 4)
    with pytest.raises(TrainingError, match="NaN"):
        Projection(np.full((2, 1), np.nan, np.float32), np.zeros(2, np.float32))
    with pytest.raises(TrainingError, match="no projection"):
        Projection(np.zeros((2, 1), np.float32), np.zeros(3, np.float32))


def test_a_set_is_written_and_read_back(tmp_path: Path) -> None:
    made = small_set()
    made.write(tmp_path / "set")
    again = ChunkedSet.load(tmp_path / "set")
    assert again.describe() == made.describe() and again.chunks == made.chunks and again.texts == made.texts
    assert made.roots[1] == field_bytes(rows_root(made.chunks[1], FEATURES, RowsKind.TRAIN))
    assert [p.name for p in tmp_path.iterdir()] == ["set"]
    with pytest.raises(TrainingError, match="exists"):
        made.write(tmp_path / "set")


def test_the_same_set_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        small_set().write(tmp_path / name)
    files = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert files == sorted(p.name for p in (tmp_path / "b").iterdir())
    assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files)


def test_kinds_have_different_roots() -> None:
    assert set(small_set("train").roots).isdisjoint(small_set("eval").roots)


def test_set_id_follows_the_programs_layout() -> None:
    made = small_set("eval")
    content = bytes([1, 36, 1, 0x70, 0x12, 0x20]) + bytes(34)
    parameters = struct.pack("<BHII", 2, FEATURES, 16, 4)
    assert made.set_id(content) == hashlib.sha256(content + parameters + b"".join(made.roots)).digest()
    with pytest.raises(TrainingError, match="40 bytes"):
        made.set_id(content[:-1])


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("chunk-001.bin", lambda raw: bytes([raw[0] ^ 1]) + raw[1:]),
        ("chunk-001.bin", lambda raw: raw[:-1]),
        ("projection.bin", lambda raw: raw[:-4] + struct.pack("<f", 9)),
        ("projection.bin", lambda raw: b""),
        ("texts.jsonl", lambda raw: raw.split(b"\n", 1)[1]),
        ("texts.jsonl", lambda raw: b"{\n"),
        ("set.json", lambda raw: raw.replace(b"train", b"eval")),
        ("set.json", lambda raw: raw.replace(b"decai-set/1", b"decai-set/2")),
        ("set.json", lambda raw: raw.replace(b'"roots"', b'"r"')),
        ("set.json", lambda raw: b"[]"),
        ("LICENSE", None),
        ("chunk-003.bin", None),
    ],
)
def test_a_spoilt_set_is_refused(tmp_path: Path, name: str, spoil: object) -> None:
    small_set().write(tmp_path / "set")
    file = tmp_path / "set" / name
    file.unlink() if spoil is None else file.write_bytes(spoil(file.read_bytes()))  # type: ignore[operator]
    with pytest.raises(TrainingError) as caught:
        ChunkedSet.load(tmp_path / "set")
    assert caught.value.hint or "texts for" in caught.value.message


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    made = small_set(licence_text="\ud800")  # can't be written as UTF-8
    with pytest.raises(UnicodeEncodeError):
        made.write(tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("changes", [{"rows_per_chunk": 24}, {"rows_per_chunk": 48}, {"rows_per_chunk": 128}])
def test_chunks_are_full(changes: dict) -> None:
    with pytest.raises(TrainingError):
        small_set(**changes)


def test_training_goes_through_the_chunks_in_order() -> None:
    made = small_set()
    head = zero_head(FEATURES)
    for trained, chunk in zip(made.train(head), made.chunks, strict=True):
        head = segment(head, *parse_chunk(chunk, FEATURES))
        np.testing.assert_array_equal(trained, head)
    assert len(list(made.train(head, segments=2))) == 2
    for segments in (0, 5):
        with pytest.raises(TrainingError, match="segments"):
            list(made.train(head, segments=segments))


def test_evaluation_counts_every_chunk() -> None:
    made = small_set("eval")
    zero = made.evaluate(zero_head(FEATURES))
    assert zero.rows == ROWS and zero.total == ROWS - made.positives() and len(zero.correct) == 4
    *_, head = small_set().train(zero_head(FEATURES))
    trained = made.evaluate(head)
    assert trained.total > zero.total
    assert trained.accuracy_ppm == trained.total * 1_000_000 // ROWS


def test_the_lexicon() -> None:
    examples = load_lexicon()
    assert len(examples) == 6602
    assert sum(e.label for e in examples) == 2889
    assert Example("abandon", 0) in examples and Example("wonderful", 1) in examples
    train, evaluation = split_lexicon(examples, 5120, 1280)
    assert (len(train), len(evaluation)) == (5120, 1280)
    assert {e.text for e in train}.isdisjoint(e.text for e in evaluation)
    shares = [np.mean([e.label for e in side]) for side in (train, evaluation)]
    assert all(abs(share - 2889 / 6602) < 0.01 for share in shares)
    assert split_lexicon(examples, 5120, 1280) == (train, evaluation)


def test_a_term_listed_twice_is_on_one_side() -> None:
    examples = [Example(t, i % 2) for i, t in enumerate(["a", "b", "A", "c", "b"])]
    train, evaluation = split_lexicon(examples, 2, 1)
    assert sorted(e.text for e in train + evaluation) == ["a", "b", "c"]
    assert Example("b", 1) in train + evaluation
    with pytest.raises(TrainingError, match="distinct"):
        split_lexicon(examples, 2, 2)


def test_set_json_is_canonical(tmp_path: Path) -> None:
    raw = (small_set().write(tmp_path / "set") / "set.json").read_bytes()
    content = json.loads(raw)
    assert raw == json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
