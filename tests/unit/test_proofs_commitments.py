"""Poseidon and the commitments, against circomlib's results and the proof's vectors."""

import json
from pathlib import Path

import pytest

from decai.errors import TrainingError
from decai.proofs import (
    FIELD,
    RowsKind,
    field_bytes,
    field_int,
    poseidon,
    rows_root,
    weights_commitment,
    zero_head_commitment,
)

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "vectors.json").read_text())
CASES = pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])


def test_poseidon_is_circomlibs() -> None:
    assert int(VECTORS["field"]) == FIELD
    # The results circomlib's own tests expect for 2 and 4 inputs.
    assert poseidon([1, 2]) == 7853200120776062878684798364095072458815029376092732009249414926327459813530
    assert poseidon([1, 2, 3, 4]) == 18821383157269793795438455681495246036402687001665670618754263018637548127333
    assert f"{poseidon(range(1, 13)):064x}" == VECTORS["poseidon12_of_1_to_12"]


@pytest.mark.parametrize("inputs", [[], [0] * 17, [-1], [FIELD]])
def test_poseidon_refuses_what_is_no_field_element(inputs: list[int]) -> None:
    with pytest.raises(ValueError, match="Poseidon takes"):
        poseidon(inputs)


@CASES
def test_commitments_equal_the_vectors(case: dict) -> None:
    assert f"{weights_commitment(case['weights'][0]):064x}" == case["w_in"]
    assert f"{weights_commitment(case['weights'][-1]):064x}" == case["w_out"]
    chunk, eval_chunk = bytes.fromhex(case["chunk"]), bytes.fromhex(case["eval_chunk"])
    assert field_bytes(rows_root(chunk, case["D"], RowsKind.TRAIN)).hex() == case["chunk_root"]
    assert field_bytes(rows_root(eval_chunk, case["D"], RowsKind.EVAL)).hex() == case["eval_root"]


def test_zero_head() -> None:
    for features, expected in VECTORS["zero_head_commitment"].items():
        assert f"{zero_head_commitment(int(features)):064x}" == expected


def test_kind_and_shape_are_part_of_a_root() -> None:
    chunk = bytes(8 * 5)
    roots = {
        rows_root(chunk, 4, RowsKind.TRAIN),
        rows_root(chunk, 4, RowsKind.EVAL),
        rows_root(chunk, 9, RowsKind.TRAIN),
        rows_root(chunk + bytes(5), 4, RowsKind.TRAIN),
    }
    assert len(roots) == 4
    assert weights_commitment([0] * 5) != weights_commitment([0] * 6)


@pytest.mark.parametrize("weights", [[1], [], [0, 32768], [-32769, 0]])
def test_heads_outside_the_circuits_range_are_refused(weights: list[int]) -> None:
    with pytest.raises(TrainingError):
        weights_commitment(weights)


@pytest.mark.parametrize(
    ("chunk", "features"),
    [(b"", 4), (bytes(9), 4), (bytes([0, 0, 0, 0, 2]), 4), (bytes(5), 0), (bytes(5), 1 << 16)],
)
def test_what_is_no_chunk_is_refused(chunk: bytes, features: int) -> None:
    with pytest.raises(TrainingError):
        rows_root(chunk, features, RowsKind.TRAIN)


def test_field_bytes_have_one_reading() -> None:
    assert field_int(field_bytes(FIELD - 1)) == FIELD - 1
    for raw in (FIELD.to_bytes(32, "big"), bytes(31), bytes(33)):
        with pytest.raises(ValueError, match="below r"):
            field_int(raw)
    for value in (-1, FIELD):
        with pytest.raises(ValueError, match="from 0 to"):
            field_bytes(value)
