"""The integer trainer: a linear head trained in whole numbers, bit for bit as the proof's circuits compute
it.

A step is one full-batch gradient step of a logistic-like loss with a hard sigmoid, at learning rate 1 on the
mean gradient. Everything is an integer, so every machine gets the same head, and a zero-knowledge proof can
say that it did.

================  ==========================================  ===============
thing             integer                                     real value
================  ==========================================  ===============
feature           -127..127 (-128 is admitted)                x / 2⁶
label             0 or 1
weight, bias      -32768..32767                               w / 2¹²
logit             Σ w_j x_j + 64 b                            z / 2¹⁸
residual          clamp(z + 2¹⁹, 0, 2²⁰) - y 2²⁰              e / 2²⁰
gradient          g_j = Σ e_i x_ij, for the bias Σ 64 e_i     g / 2²⁶
================  ==========================================  ===============

A step moves a weight by g rounded at bit S = 14 + log2 N, ties up: ``w - ((g + 2^(S-1)) >> S)``, and
saturates at 16 bits. It saturates rather than fails, so that every head has exactly one successor on every
chunk and a job can always be proven. All sums stay far inside 64 bits: |z| ≤ 2²¹ (2D + 1) and |g| ≤ 2²⁷ N.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from decai.errors import TrainingError

__all__ = [
    "BIAS_INPUT",
    "FEATURES",
    "LOGIT_SCALE",
    "ROWS_PER_CHUNK",
    "STEPS_PER_SEGMENT",
    "WEIGHT_MAX",
    "WEIGHT_MIN",
    "Integers",
    "correct",
    "head_array",
    "logits",
    "pack_chunk",
    "parse_chunk",
    "predict",
    "rounded_shift",
    "segment",
    "step",
    "zero_head",
]

FEATURES = 32
"""D of the circuits: features of a row."""
ROWS_PER_CHUNK = 256
"""N of the circuits: rows of a chunk."""
STEPS_PER_SEGMENT = 4
"""K of the circuits: steps on one chunk that one proof covers."""
BIAS_INPUT = 64
"""The bias's constant input, 1.0 in units of 2⁻⁶."""
LOGIT_SCALE = 1 << 18
"""A logit of this size is 1.0."""
WEIGHT_MIN, WEIGHT_MAX = -32768, 32767

_HALF, _ONE = 1 << 19, 1 << 20
_FEATURE_OFFSET = 128

Integers = npt.NDArray[np.int64]


def zero_head(features: int = FEATURES) -> Integers:
    """The head training starts from: `features` weights and a bias, all zero."""
    return np.zeros(features + 1, np.int64)


def head_array(weights: npt.ArrayLike, features: int | None = None) -> Integers:
    """Check and convert a head.

    Parameters
    ----------
    weights : array-like of int, shape (D + 1,)
        D weights, then the bias, in units of 2⁻¹².
    features : int, optional
        The D it must have.

    Raises
    ------
    TrainingError
        When the shape is wrong, or a number isn't a 16-bit integer.
    """
    head: npt.NDArray[Any] = np.asarray(weights)
    if head.ndim != 1 or len(head) < 2 or (features is not None and len(head) != features + 1):
        wanted = "D + 1" if features is None else features + 1
        raise TrainingError(
            f"A head is a list of {wanted} numbers, not an array of shape {head.shape}.",
            hint="Give the D weights followed by the bias.",
        )
    if not np.issubdtype(head.dtype, np.integer):
        raise TrainingError(f"A head holds integers, not {head.dtype}.", hint="Weights are in units of 2^-12.")
    if head.min() < WEIGHT_MIN or head.max() > WEIGHT_MAX:
        raise TrainingError(
            f"A weight of the head is outside {WEIGHT_MIN}..{WEIGHT_MAX}.",
            hint="Weights are 16-bit integers.",
        )
    return head.astype(np.int64)


def logits(weights: npt.ArrayLike, rows: npt.ArrayLike) -> Integers:
    """Compute the integer logits of rows.

    Parameters
    ----------
    weights : array-like of int, shape (D + 1,)
        The head, bias last, in units of 2⁻¹².
    rows : array-like of int, shape (N, D)
        Features in units of 2⁻⁶.

    Returns
    -------
    ndarray of int64, shape (N,)
        In units of 2⁻¹⁸; logistic(z / 2¹⁸) is the probability shown.
    """
    head = np.asarray(weights, np.int64)
    product: Integers = np.asarray(rows, np.int64) @ head[:-1] + BIAS_INPUT * head[-1]
    return product


def rounded_shift(gradient: npt.ArrayLike, shift: int) -> Integers:
    """Divide by 2^shift and round to the nearest integer, ties up (also below zero: -1.5 gives -1).

    Parameters
    ----------
    gradient : array-like of int64
        Summed gradients, in units of 2⁻²⁶.
    shift : int
        S = 14 + log2 N.
    """
    moved: Integers = (np.asarray(gradient, np.int64) + (1 << (shift - 1))) >> shift  # >> floors below zero too
    return moved


def step(weights: npt.ArrayLike, rows: npt.ArrayLike, labels: npt.ArrayLike) -> Integers:
    """Take one full-batch gradient step at learning rate 1.

    Parameters
    ----------
    weights : array-like of int, shape (D + 1,)
        The head before the step.
    rows : array-like of int, shape (N, D)
        Features; N must be a power of two.
    labels : array-like of int, shape (N,)
        0 or 1.

    Returns
    -------
    ndarray of int64, shape (D + 1,)
        The head after it, within 16 bits.

    Raises
    ------
    TrainingError
        When N isn't a power of two.
    """
    w, x, y = (np.asarray(a, np.int64) for a in (weights, rows, labels))
    n = len(y)
    if n == 0 or n & (n - 1):
        raise TrainingError(f"A chunk of {n} rows can't be trained on.", hint="Rows per chunk must be a power of two.")
    residual = np.clip(logits(w, x) + _HALF, 0, _ONE) - y * _ONE
    gradient = np.append(residual @ x, BIAS_INPUT * residual.sum())
    shift = 14 + n.bit_length() - 1
    moved: Integers = np.clip(w - rounded_shift(gradient, shift), WEIGHT_MIN, WEIGHT_MAX)
    return moved


def segment(
    weights: npt.ArrayLike, rows: npt.ArrayLike, labels: npt.ArrayLike, steps: int = STEPS_PER_SEGMENT
) -> Integers:
    """Take `steps` steps on the same rows: what one proof covers.

    Parameters
    ----------
    weights, rows, labels
        As for `step`.
    steps : int
        K, 4 in the circuits.
    """
    head = np.asarray(weights, np.int64)
    for _ in range(steps):
        head = step(head, rows, labels)
    return head


def predict(weights: npt.ArrayLike, rows: npt.ArrayLike) -> Integers:
    """Predict labels: 1 exactly where the logit is above 0, so the zero head predicts 0 everywhere."""
    return (logits(weights, rows) > 0).astype(np.int64)


def correct(weights: npt.ArrayLike, rows: npt.ArrayLike, labels: npt.ArrayLike) -> int:
    """Count the rows the head predicts correctly."""
    return int((predict(weights, rows) == np.asarray(labels)).sum())


def pack_chunk(rows: npt.ArrayLike, labels: npt.ArrayLike) -> bytes:
    """Write a chunk file: the bytes the data's root commits to.

    Parameters
    ----------
    rows : array-like of int, shape (N, D)
        Features from -128 to 127.
    labels : array-like of int, shape (N,)
        0 or 1.

    Returns
    -------
    bytes
        Per row, D bytes of x + 128 and the label's byte.

    Raises
    ------
    TrainingError
        When the shapes don't fit each other or a value is out of range.
    """
    x, y = np.asarray(rows, np.int64), np.asarray(labels, np.int64)
    if x.ndim != 2 or y.shape != x.shape[:1] or not x.size:
        raise TrainingError(
            f"Rows of shape {x.shape} and labels of shape {y.shape} make no chunk.",
            hint="Give N rows of D features and N labels.",
        )
    if x.min() < -_FEATURE_OFFSET or x.max() >= _FEATURE_OFFSET or not np.isin(y, (0, 1)).all():
        raise TrainingError(
            "A feature isn't an 8-bit integer, or a label is neither 0 nor 1.",
            hint="Quantise the features first (decai.training.Projection does).",
        )
    return np.concatenate([x + _FEATURE_OFFSET, y[:, None]], axis=1).astype(np.uint8).tobytes()


def parse_chunk(chunk: bytes, features: int = FEATURES) -> tuple[Integers, Integers]:
    """Read a chunk file.

    Parameters
    ----------
    chunk : bytes
        As `pack_chunk` writes it.
    features : int
        D.

    Returns
    -------
    rows : ndarray of int64, shape (N, D)
    labels : ndarray of int64, shape (N,)

    Raises
    ------
    TrainingError
        When the bytes aren't whole rows or a label is neither 0 nor 1.
    """
    if not chunk or len(chunk) % (features + 1):
        raise TrainingError(
            f"{len(chunk)} bytes are no whole number of rows of {features + 1} bytes.",
            hint="A chunk file is exactly rows x (features + 1) bytes long.",
        )
    table = np.frombuffer(chunk, np.uint8).reshape(-1, features + 1).astype(np.int64)
    if table[:, -1].max() > 1:
        raise TrainingError("A label in the chunk is neither 0 nor 1.", hint="Its last column holds labels.")
    return table[:, :-1] - _FEATURE_OFFSET, table[:, -1]
