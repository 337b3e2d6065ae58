"""Poseidon and the commitments that stand on chain for heads and data."""

from __future__ import annotations

from decai.proofs.commitments import (
    RowsKind,
    field_bytes,
    field_int,
    rows_root,
    weights_commitment,
    zero_head_commitment,
)
from decai.proofs.poseidon import FIELD, poseidon

__all__ = [
    "FIELD",
    "RowsKind",
    "field_bytes",
    "field_int",
    "poseidon",
    "rows_root",
    "weights_commitment",
    "zero_head_commitment",
]
