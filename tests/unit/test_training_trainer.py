"""The integer trainer, against the vectors that the circuits agree with."""

import json
from pathlib import Path

import numpy as np
import pytest

from decai.errors import TrainingError
from decai.training.trainer import (
    STEPS_PER_SEGMENT,
    correct,
    head_array,
    logits,
    pack_chunk,
    parse_chunk,
    predict,
    rounded_shift,
    segment,
    step,
    zero_head,
)

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "vectors.json").read_text())
CASES = pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])


@CASES
def test_every_step_equals_the_vectors(case: dict) -> None:
    rows, labels = parse_chunk(bytes.fromhex(case["chunk"]), case["D"])
    assert rows.shape == (case["N"], case["D"])
    head = np.array(case["weights"][0])
    assert logits(head, rows)[: len(case["first_logits"])].tolist() == case["first_logits"]
    for expected in case["weights"][1:]:
        head = step(head, rows, labels)
        assert head.tolist() == expected
    assert segment(case["weights"][0], rows, labels, case["K"]).tolist() == case["weights"][-1]


@CASES
def test_counts_and_logits_equal_the_vectors(case: dict) -> None:
    rows, labels = parse_chunk(bytes.fromhex(case["eval_chunk"]), case["D"])
    assert correct(case["weights"][0], rows, labels) == case["correct_before"]
    assert correct(case["weights"][-1], rows, labels) == case["correct_after"]
    after = logits(case["weights"][-1], rows)
    assert after[: len(case["eval_logits_after"])].tolist() == case["eval_logits_after"]


@CASES
def test_chunk_bytes_survive_a_round_trip(case: dict) -> None:
    for raw in (bytes.fromhex(case["chunk"]), bytes.fromhex(case["eval_chunk"])):
        assert pack_chunk(*parse_chunk(raw, case["D"])) == raw


@pytest.mark.parametrize("tie", VECTORS["rounding"], ids=lambda tie: f"{tie['g']}>>{tie['shift']}")
def test_rounding(tie: dict) -> None:
    assert rounded_shift(tie["g"], tie["shift"]) == tie["q"]


def test_the_steps_of_a_proof_are_four() -> None:
    case = VECTORS["cases"][-1]
    assert case["K"] == STEPS_PER_SEGMENT
    rows, labels = parse_chunk(bytes.fromhex(case["chunk"]))
    assert segment(case["weights"][0], rows, labels).tolist() == case["weights"][-1]


def test_the_zero_head_says_no() -> None:
    assert predict(zero_head(2), [[3, -4], [-128, 127]]).tolist() == [0, 0]


@pytest.mark.parametrize("rows", [0, 3, 12])
def test_a_chunk_is_a_power_of_two(rows: int) -> None:
    with pytest.raises(TrainingError, match="power of two"):
        step(zero_head(2), np.zeros((rows, 2), int), np.zeros(rows, int))


@pytest.mark.parametrize(
    ("rows", "labels"),
    [([[128]], [0]), ([[-129]], [0]), ([[0]], [2]), ([[0]], [0, 1]), ([0], [0]), (np.zeros((0, 2), int), [])],
)
def test_rows_that_dont_fit_a_chunk_are_refused(rows: list, labels: list) -> None:
    with pytest.raises(TrainingError):
        pack_chunk(rows, labels)


@pytest.mark.parametrize("chunk", [b"", bytes(4), bytes([1, 1, 2])])
def test_what_is_no_chunk_is_refused(chunk: bytes) -> None:
    with pytest.raises(TrainingError):
        parse_chunk(chunk, 2)


@pytest.mark.parametrize("weights", [[1], [[1, 2]], [0.5, 1.0], [0, 40_000], [-32769, 0]])
def test_what_is_no_head_is_refused(weights: list) -> None:
    with pytest.raises(TrainingError):
        head_array(weights)


def test_a_head_of_another_size_is_refused() -> None:
    assert head_array([1, 2, 3], 2).tolist() == [1, 2, 3]
    with pytest.raises(TrainingError, match="33 numbers"):
        head_array([1, 2, 3], 32)
