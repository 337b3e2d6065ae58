"""Commitments to integer heads and to chunks of rows, as the proof's circuits open them.

A commitment chains Poseidon over blocks of 11 field elements: ``h = Poseidon12(h, block)``, the last block
padded with zeros. It starts from a number holding the kind and the shape, so that no root of one kind or
shape opens as another. Weights are public, so nothing is salted: anyone can recompute every commitment on
chain from the published files.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from decai.errors import TrainingError
from decai.proofs.poseidon import FIELD, poseidon

__all__ = ["RowsKind", "field_bytes", "field_int", "rows_root", "weights_commitment", "zero_head_commitment"]

_BLOCK = 11  # field elements beside the chaining value: 12 inputs, circomlib's t = 13
_WEIGHTS_PER_ELEMENT_BYTES = 30  # 15 weights of 2 bytes
_ROWS_PER_ELEMENT_BYTES = 31  # the most whole bytes that always stay below the field's order
_WEIGHTS_TAG = 1
_WEIGHT_OFFSET = 32768
_MAX_FEATURES = 1 << 16
_MAX_ROWS = 1 << 32


class RowsKind(IntEnum):
    """What a chunk of rows is for; part of its root, so one can't stand in for the other."""

    TRAIN = 2
    EVAL = 3


def weights_commitment(weights: Sequence[int]) -> int:
    """Commit to an integer head.

    Parameters
    ----------
    weights : sequence of int
        D weights, then the bias; each from -32768 to 32767, in units of 2⁻¹².

    Returns
    -------
    int
        A field element; `field_bytes` gives it as the programs store it.

    Raises
    ------
    TrainingError
        When there is no weight beside the bias, or a weight doesn't fit 16 bits.
    """
    values = [int(w) for w in weights]
    if not 2 <= len(values) <= _MAX_FEATURES:
        raise TrainingError(
            f"A head has at least one weight and a bias, not {len(values)} numbers.",
            hint="Give the D weights followed by the bias.",
        )
    if any(not -_WEIGHT_OFFSET <= w < _WEIGHT_OFFSET for w in values):
        raise TrainingError(
            "A weight of the head is outside -32768..32767.",
            hint="Weights are 16-bit integers, in units of 2^-12.",
        )
    raw = b"".join((w + _WEIGHT_OFFSET).to_bytes(2, "little") for w in values)
    return _chain(raw, _WEIGHTS_PER_ELEMENT_BYTES, _WEIGHTS_TAG + (len(values) - 1 << 8))


def zero_head_commitment(features: int) -> int:
    """Commit to the head whose weights and bias are all zero: where training begins.

    Parameters
    ----------
    features : int
        D, the number of features.
    """
    return weights_commitment([0] * (features + 1))


def rows_root(chunk: bytes, features: int, kind: RowsKind) -> int:
    """Commit to the bytes of a chunk file.

    Parameters
    ----------
    chunk : bytes
        Per row, `features` bytes of x + 128 and one label byte (0 or 1).
    features : int
        D, the number of features of a row.
    kind : RowsKind
        Whether the rows are for training or for evaluation.

    Returns
    -------
    int
        A field element.

    Raises
    ------
    TrainingError
        When the bytes aren't whole rows, there are none, or a label is neither 0 nor 1.
    """
    if not 1 <= features < _MAX_FEATURES:
        raise TrainingError(f"A row can't have {features} features.", hint="Give a number from 1 to 65,535.")
    rows, rest = divmod(len(chunk), features + 1)
    if rest or not 0 < rows < _MAX_ROWS:
        raise TrainingError(
            f"{len(chunk)} bytes are no whole number of rows of {features + 1} bytes.",
            hint="A chunk file is exactly rows x (features + 1) bytes long.",
        )
    if max(chunk[features :: features + 1]) > 1:
        raise TrainingError("A label in the chunk is neither 0 nor 1.", hint="The last byte of a row is its label.")
    return _chain(chunk, _ROWS_PER_ELEMENT_BYTES, int(kind) + (features << 8) + (rows << 32))


def field_bytes(value: int) -> bytes:
    """Give a field element as the programs store it.

    Parameters
    ----------
    value : int
        From 0 to r - 1.

    Returns
    -------
    bytes
        32 bytes, big end first.
    """
    if not 0 <= value < FIELD:
        raise ValueError("A field element is an integer from 0 to r - 1.")
    return value.to_bytes(32, "big")


def field_int(raw: bytes) -> int:
    """Read a field element as the programs store it.

    Parameters
    ----------
    raw : bytes
        32 bytes, big end first.

    Raises
    ------
    ValueError
        When there aren't 32 bytes, or they are r or more (a second name for another element).
    """
    value = int.from_bytes(raw, "big")
    if len(raw) != 32 or value >= FIELD:
        raise ValueError("A field element is 32 bytes, big end first, below r.")
    return value


def _chain(raw: bytes, element_bytes: int, start: int) -> int:
    starts = range(0, len(raw), element_bytes)
    elements = [int.from_bytes(raw[i : i + element_bytes], "little") for i in starts]
    digest = start
    for i in range(0, len(elements), _BLOCK):
        block = elements[i : i + _BLOCK]
        digest = poseidon([digest, *block, *[0] * (_BLOCK - len(block))])
    return digest
