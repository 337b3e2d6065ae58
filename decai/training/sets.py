"""Chunked sets: the data a head is trained on or judged by, as files anyone can check and a program can name.

A set is a directory, added to the store as it is::

    set.json          what it is: kind, shape, roots, source, the projection's hash
    projection.bin    from an embedding to a row (see decai.training.projection)
    chunk-000.bin …   rows, exactly N a chunk: D feature bytes x + 128, then the label's byte
    texts.jsonl       the text behind each row, in order
    LICENSE           of the texts

The chunk bytes are the definition: the encoder before them works in floats and may differ between machines.
On chain a set is its content's identifier, its parameters and the roots of its chunks; its address follows
from all three.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy.typing as npt
import rfc8785

from decai.errors import TrainingError
from decai.proofs import RowsKind, field_bytes, rows_root
from decai.training.projection import Projection
from decai.training.trainer import (
    ROWS_PER_CHUNK,
    STEPS_PER_SEGMENT,
    Integers,
    correct,
    head_array,
    pack_chunk,
    parse_chunk,
    segment,
)

__all__ = ["MAX_CHUNKS", "ChunkedSet", "Evaluation", "SetKind"]

SetKind = Literal["train", "eval"]

MAX_CHUNKS = 64
"""Roots that fit the on-chain account."""

_FORMAT = "decai-set/1"
_CONTENT_ID_BYTES = 40
_KINDS: dict[SetKind, RowsKind] = {"train": RowsKind.TRAIN, "eval": RowsKind.EVAL}
_KIND_CODES: dict[SetKind, int] = {"train": 1, "eval": 2}


@dataclass(frozen=True)
class Evaluation:
    """How a head does on an evaluation set.

    Attributes
    ----------
    correct : tuple of int
        Rows predicted correctly, a chunk each.
    rows : int
        Rows in all chunks.
    """

    correct: tuple[int, ...]
    rows: int

    @property
    def total(self) -> int:
        """Rows predicted correctly in all chunks."""
        return sum(self.correct)

    @property
    def accuracy_ppm(self) -> int:
        """Accuracy in parts per million, rounded down."""
        return self.total * 1_000_000 // self.rows


@dataclass(frozen=True)
class ChunkedSet:
    """An immutable training or evaluation set.

    Attributes
    ----------
    kind : {"train", "eval"}
    features : int
        D, features of a row.
    rows_per_chunk : int
        N, a power of two; every chunk is full.
    chunks : tuple of bytes
        At most 64 chunk files.
    projection : Projection
        What made the features.
    texts : tuple of str
        The text behind each row.
    name, source, licence : str
        What it is called, where its labels come from, and the SPDX identifier of the texts' licence.
    licence_text : str
        The licence in full.
    """

    kind: SetKind
    features: int
    rows_per_chunk: int
    chunks: tuple[bytes, ...]
    projection: Projection = field(repr=False)
    texts: tuple[str, ...] = field(repr=False)
    name: str
    source: str
    licence: str
    licence_text: str = field(repr=False)

    def __post_init__(self) -> None:
        n = self.rows_per_chunk
        if self.kind not in _KINDS:
            raise TrainingError(f"A set is of kind train or eval, not {self.kind!r}.")
        if n <= 0 or n & (n - 1):
            raise TrainingError(f"{n} rows a chunk can't be trained on.", hint="Use a power of two, such as 256.")
        if not 1 <= len(self.chunks) <= MAX_CHUNKS:
            raise TrainingError(
                f"A set has 1 to {MAX_CHUNKS} chunks, not {len(self.chunks)}.",
                hint="Split it into several sets.",
            )
        if any(len(chunk) != n * (self.features + 1) for chunk in self.chunks):
            raise TrainingError(
                f"A chunk isn't {n} rows of {self.features} features.",
                hint="Every chunk is full: no padding.",
            )
        if self.projection.features != self.features:
            raise TrainingError("The set's projection makes another number of features than its rows have.")
        if len(self.texts) != n * len(self.chunks):
            raise TrainingError(f"The set has {len(self.texts)} texts for {n * len(self.chunks)} rows.")

    @classmethod
    def build(
        cls,
        kind: SetKind,
        embeddings: npt.ArrayLike,
        labels: Sequence[int],
        texts: Sequence[str],
        projection: Projection,
        *,
        name: str,
        source: str,
        licence: str,
        licence_text: str,
        rows_per_chunk: int = ROWS_PER_CHUNK,
    ) -> ChunkedSet:
        """Project embeddings and cut them into chunks.

        Parameters
        ----------
        kind : {"train", "eval"}
        embeddings : array-like of float32, shape (rows, E)
        labels : sequence of int
            0 or 1, one a row.
        texts : sequence of str
        projection : Projection
        name, source, licence, licence_text : str
        rows_per_chunk : int

        Raises
        ------
        TrainingError
            When the rows don't fill whole chunks.
        """
        rows = projection.apply(embeddings)
        if len(rows) % rows_per_chunk or len(rows) != len(labels):
            raise TrainingError(
                f"{len(rows)} rows with {len(labels)} labels don't fill chunks of {rows_per_chunk}.",
                hint="Leave some out: chunks aren't padded.",
            )
        chunks = tuple(
            pack_chunk(rows[at : at + rows_per_chunk], labels[at : at + rows_per_chunk])
            for at in range(0, len(rows), rows_per_chunk)
        )
        return cls(
            kind=kind,
            features=projection.features,
            rows_per_chunk=rows_per_chunk,
            chunks=chunks,
            projection=projection,
            texts=tuple(texts),
            name=name,
            source=source,
            licence=licence,
            licence_text=licence_text,
        )

    @cached_property
    def roots(self) -> tuple[bytes, ...]:
        """The commitment of each chunk as the program stores it: 32 bytes, big end first."""
        kind = _KINDS[self.kind]
        return tuple(field_bytes(rows_root(chunk, self.features, kind)) for chunk in self.chunks)

    @property
    def rows(self) -> int:
        """Rows in all chunks."""
        return self.rows_per_chunk * len(self.chunks)

    def parsed(self) -> Iterator[tuple[Integers, Integers]]:
        """Give each chunk's rows (N, D) and labels (N,) in order."""
        return (parse_chunk(chunk, self.features) for chunk in self.chunks)

    def positives(self) -> int:
        """Rows whose label is 1."""
        return sum(sum(chunk[self.features :: self.features + 1]) for chunk in self.chunks)

    def parameters(self) -> bytes:
        """The parameters as compute-verifier hashes them.

        Kind u8, features u16, rows a chunk u32, chunks u32.
        """
        return struct.pack("<BHII", _KIND_CODES[self.kind], self.features, self.rows_per_chunk, len(self.chunks))

    def set_id(self, content: bytes) -> bytes:
        """Compute the seed of the set's on-chain address.

        Parameters
        ----------
        content : bytes
            The directory's ``ContentId`` as accounts hold it: scheme, length, 38 bytes.

        Returns
        -------
        bytes
            sha256(content ‖ parameters ‖ roots), 32 bytes.
        """
        if len(content) != _CONTENT_ID_BYTES:
            raise TrainingError(f"A content identifier has {_CONTENT_ID_BYTES} bytes, not {len(content)}.")
        return hashlib.sha256(content + self.parameters() + b"".join(self.roots)).digest()

    def train(
        self, weights: npt.ArrayLike, segments: int | None = None, steps: int = STEPS_PER_SEGMENT
    ) -> Iterator[Integers]:
        """Train a head through the chunks in order, a segment each.

        Parameters
        ----------
        weights : array-like of int, shape (D + 1,)
            The head to start from.
        segments : int, optional
            How many chunks to use, from the first; by default all.
        steps : int
            Steps on each.

        Yields
        ------
        ndarray of int64, shape (D + 1,)
            The head after each segment.
        """
        head = head_array(weights, self.features)
        if segments is not None and not 1 <= segments <= len(self.chunks):
            raise TrainingError(f"The set has {len(self.chunks)} chunks, so {segments} segments can't be trained.")
        for chunk in self.chunks[:segments]:
            head = segment(head, *parse_chunk(chunk, self.features), steps)
            yield head

    def evaluate(self, weights: npt.ArrayLike) -> Evaluation:
        """Count the rows a head predicts correctly, in every chunk."""
        head = head_array(weights, self.features)
        return Evaluation(tuple(correct(head, x, y) for x, y in self.parsed()), self.rows)

    def describe(self) -> dict[str, Any]:
        """The content of ``set.json``."""
        return {
            "format": _FORMAT,
            "kind": self.kind,
            "name": self.name,
            "source": self.source,
            "licence": self.licence,
            "features": self.features,
            "rows_per_chunk": self.rows_per_chunk,
            "roots": [root.hex() for root in self.roots],
            "projection_sha256": self.projection.sha256,
        }

    def write(self, directory: Path) -> Path:
        """Write the set's directory, all of it or nothing.

        Parameters
        ----------
        directory : Path
            Must not exist yet; the same set always gives the same bytes.

        Raises
        ------
        TrainingError
            When there is something already.
        """
        if directory.exists():
            raise TrainingError(f"{directory} exists.", hint="Choose another directory.")
        directory.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
        try:
            (building / "set.json").write_bytes(rfc8785.dumps(self.describe()))
            (building / "projection.bin").write_bytes(self.projection.to_bytes())
            (building / "LICENSE").write_text(self.licence_text, encoding="utf-8", newline="\n")
            lines = "".join(json.dumps(text, ensure_ascii=False) + "\n" for text in self.texts)
            (building / "texts.jsonl").write_text(lines, encoding="utf-8", newline="\n")
            for i, chunk in enumerate(self.chunks):
                (building / _chunk_name(i)).write_bytes(chunk)
            building.chmod(0o755)  # mkdtemp's 0700 would shut out a store that runs as somebody else
            building.rename(directory)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        return directory

    @classmethod
    def load(cls, directory: Path) -> ChunkedSet:
        """Read a set's directory and check it: shapes, projection and every root.

        Raises
        ------
        TrainingError
            When a file is missing, malformed, or not what ``set.json`` says.
        """
        try:
            described = json.loads((directory / "set.json").read_bytes())
            if not isinstance(described, dict) or described.get("format") != _FORMAT:
                raise TrainingError(
                    f"{directory.name}/set.json isn't a {_FORMAT} description.", hint="Use a newer DecAI."
                )
            loaded = cls(
                kind=described["kind"],
                features=int(described["features"]),
                rows_per_chunk=int(described["rows_per_chunk"]),
                chunks=tuple((directory / _chunk_name(i)).read_bytes() for i in range(len(described["roots"]))),
                projection=Projection.from_bytes((directory / "projection.bin").read_bytes()),
                texts=tuple(
                    json.loads(line)
                    for line in (directory / "texts.jsonl").read_text(encoding="utf-8").split("\n")
                    if line
                ),
                name=described["name"],
                source=described["source"],
                licence=described["licence"],
                licence_text=(directory / "LICENSE").read_text(encoding="utf-8"),
            )
        except FileNotFoundError as error:
            missing = Path(str(error.filename)).name
            raise TrainingError(
                f"The set at {directory} has no {missing}.", hint="Fetch it again by its CID."
            ) from error
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, TrainingError):
                raise
            raise TrainingError(
                f"The set at {directory} is malformed: {error}", hint="Fetch it again by its CID."
            ) from error
        if loaded.describe() != described:
            raise TrainingError(
                f"The set at {directory} doesn't hold what its set.json says.",
                hint="Fetch it again by its CID.",
            )
        return loaded


def _chunk_name(index: int) -> str:
    return f"chunk-{index:03d}.bin"
