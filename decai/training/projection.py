"""The projection: from a sentence's embedding to the few small integers the head is trained on.

PCA whitening, ``(embedding - mean) @ matrix``, keeps the D directions in which the training texts differ most
and gives each the same spread; times 24, rounded and clipped to ±127 it becomes a row of a chunk. (24 puts
±127 at 5.3 standard deviations.) The parameters are float32 but the arithmetic is float64: each product is
then exact, and the order of 384 additions moves the sum by some 1e-15 only. In float32 one feature of 211,264
came out differently between batch sizes on one machine, which changed the trained head.

A projection is fixed once for a model's life: new versions move the head alone, so their chunks and
commitments fit.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from decai.errors import TrainingError
from decai.training.trainer import FEATURES, Integers

__all__ = ["FEATURE_MAX", "FEATURE_SCALE", "Projection", "fit_whitening"]

FEATURE_SCALE = 24.0
"""Integer units of a feature in one standard deviation of the training texts."""
FEATURE_MAX = 127

_MAGIC = b"DAIPROJ1"
_HEADER_BYTES = len(_MAGIC) + 8
_MAX_EMBEDDING, _MAX_FEATURES = 1 << 16, 512

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Projection:
    """Parameters of the projection from E embedding values to D features.

    Attributes
    ----------
    matrix : ndarray of float32, shape (E, D)
    mean : ndarray of float32, shape (E,)
    """

    matrix: Floats
    mean: Floats

    def __post_init__(self) -> None:
        matrix = np.ascontiguousarray(self.matrix, np.float32)
        mean = np.ascontiguousarray(self.mean, np.float32)
        if matrix.ndim != 2 or mean.shape != matrix.shape[:1] or not 1 <= matrix.shape[1] <= _MAX_FEATURES:
            raise TrainingError(
                f"A matrix of shape {matrix.shape} and a mean of shape {mean.shape} make no projection.",
                hint=f"Give float32 arrays [E, D] and [E], with D up to {_MAX_FEATURES}.",
            )
        if not (np.isfinite(matrix).all() and np.isfinite(mean).all()):
            raise TrainingError("The projection holds infinities or NaNs.", hint="Fit it again on finite embeddings.")
        matrix.setflags(write=False)
        mean.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)
        object.__setattr__(self, "mean", mean)

    @property
    def embedding_size(self) -> int:
        """E, the length of an embedding."""
        return int(self.matrix.shape[0])

    @property
    def features(self) -> int:
        """D, the number of features."""
        return int(self.matrix.shape[1])

    @cached_property
    def sha256(self) -> str:
        """Hex digest of `to_bytes`: the projection's name in manifests and sets."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def apply(self, embeddings: npt.ArrayLike) -> Integers:
        """Turn embeddings into rows of integer features.

        Parameters
        ----------
        embeddings : array-like of float32, shape (N, E)

        Returns
        -------
        ndarray of int64, shape (N, D)
            From -127 to 127, in units of 2⁻⁶ for the head (ties of rounding go to the even neighbour).
        """
        wide = np.asarray(embeddings, np.float32).astype(np.float64)
        projected = (wide - self.mean.astype(np.float64)) @ self.matrix.astype(np.float64)
        rounded = np.rint(projected * FEATURE_SCALE)
        features: Integers = np.clip(rounded, -FEATURE_MAX, FEATURE_MAX).astype(np.int64)
        return features

    def to_bytes(self) -> bytes:
        """Serialise: magic, E and D (u32), the mean, the matrix by rows (f32); all little end first."""
        shape = np.array(self.matrix.shape, "<u4").tobytes()
        return _MAGIC + shape + self.mean.astype("<f4").tobytes() + self.matrix.astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Projection:
        """Read what `to_bytes` wrote.

        Raises
        ------
        TrainingError
            When the bytes aren't a projection.
        """
        if len(raw) < _HEADER_BYTES or not raw.startswith(_MAGIC):
            raise TrainingError("Not a projection file.", hint="It begins with DAIPROJ1.")
        rows, columns = (int(n) for n in np.frombuffer(raw, "<u4", 2, len(_MAGIC)))
        if not (0 < rows <= _MAX_EMBEDDING and 0 < columns <= _MAX_FEATURES) or (
            len(raw) != _HEADER_BYTES + 4 * rows * (columns + 1)
        ):
            raise TrainingError("The projection file's length doesn't fit its shape.", hint="Fetch it again.")
        mean = np.frombuffer(raw, "<f4", rows, _HEADER_BYTES)
        matrix = np.frombuffer(raw, "<f4", rows * columns, _HEADER_BYTES + 4 * rows).reshape(rows, columns)
        return cls(matrix, mean)


def fit_whitening(embeddings: npt.ArrayLike, features: int = FEATURES) -> Projection:
    """Fit a PCA whitening projection.

    Parameters
    ----------
    embeddings : array-like of float32, shape (N, E)
        Embeddings of the training texts (never of the evaluation texts).
    features : int
        D, the number of directions to keep.

    Returns
    -------
    Projection
        On the fitted embeddings, the features before scaling have mean 0, variance 1 and no correlation.

    Raises
    ------
    TrainingError
        When the embeddings don't vary in `features` independent directions.

    Notes
    -----
    Each direction's sign is chosen so that its largest component is positive: eigenvectors have none of their
    own.
    """
    x: npt.NDArray[Any] = np.asarray(embeddings, np.float64)
    if x.ndim != 2 or not 1 <= features <= min(x.shape[1], _MAX_FEATURES) or len(x) <= features:
        raise TrainingError(
            f"{features} features can't be fitted to embeddings of shape {x.shape}.",
            hint="Give more texts, or fewer features.",
        )
    mean = x.mean(axis=0)
    centred = x - mean
    variances, directions = np.linalg.eigh(centred.T @ centred / len(x))
    variances, directions = variances[::-1][:features], directions[:, ::-1][:, :features]
    if variances[-1] <= 1e-12 * variances[0] or variances[-1] <= 0:
        raise TrainingError(
            f"The embeddings vary in fewer than {features} directions.",
            hint="Give more varied texts, or fewer features.",
        )
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(features)]
    matrix = directions * np.sign(largest) / np.sqrt(variances)
    return Projection(matrix.astype(np.float32), mean.astype(np.float32))
