"""A bundle's manifest: what the model is, what it was made from, and the hash of every file.

``manifest.json`` is RFC 8785 canonical JSON, so equal contents are equal bytes. Numbers are integers in the
units their names say: parts per million, joules, milligrams.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from decai.errors import InvalidBundle

__all__ = [
    "Card",
    "FileEntry",
    "Footprint",
    "Head",
    "Manifest",
    "Metrics",
    "Parent",
    "ProjectionEntry",
    "SetReference",
    "Training",
    "parse_manifest",
]

FORMAT = "decai-bundle/1"
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Paragraph = Annotated[str, Field(max_length=4000)]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
Ppm = Annotated[int, Field(ge=0, le=1_000_000)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FileEntry(_Part):
    """A file of the bundle: its hash and its size in bytes."""

    sha256: Sha256
    size: Count


class Parent(_Part):
    """The version this one was trained from, in the same registry."""

    version: Annotated[int, Field(ge=1, le=2**32 - 1)]
    cid: Line


class ProjectionEntry(_Part):
    """The projection inside ``head.onnx``: its shape, and its hash as ``projection.bin`` of the sets has
    it."""

    sha256: Sha256
    embedding_size: Annotated[int, Field(ge=1, le=65_536)]
    features: Annotated[int, Field(ge=1, le=512)]


class Head(_Part):
    """The integer head: D weights and the bias, in units of 2⁻¹², and their commitment (32 bytes, big end
    first)."""

    weights: Annotated[list[Annotated[int, Field(ge=-32768, le=32767)]], Field(min_length=2, max_length=513)]
    commitment: Sha256
    projection: ProjectionEntry


class SetReference(_Part):
    """A training or evaluation set: ``cid`` of its directory where it is stored, the hash of its
    ``set.json``."""

    name: Line
    sha256: Sha256
    rows: Count
    cid: Line | None = None


class Training(_Part):
    """How the head was trained: segments of `steps` full-batch steps on `rows` rows each."""

    segments: Count
    steps: Count
    rows: Count


class Metrics(_Part):
    """How the model does on its evaluation set; `accuracy_before_ppm` is its parent's."""

    correct: Count
    rows: Annotated[int, Field(ge=1)]
    accuracy_ppm: Ppm
    accuracy_before_ppm: Ppm | None = None


class Footprint(_Part):
    """What making the model cost the climate, and how that is known."""

    energy_joules: Count
    co2e_mg: Count
    grade: Literal["measured", "estimated", "declared"]
    source: Paragraph
    region: Line | None = None
    hardware: Line | None = None


class Card(_Part):
    """What the model card says in words."""

    description: Paragraph
    intended_use: Paragraph = ""
    limitations: list[Paragraph] = []
    licence: Line
    language: Line | None = None
    authors: Line | None = None
    attributions: list[Paragraph] = []


class Manifest(_Part):
    """The content of ``manifest.json``."""

    format: Literal["decai-bundle/1"] = "decai-bundle/1"
    kind: Literal["integer-head", "onnx-classifier"]
    name: Annotated[Line, Field(max_length=64)]
    task: Literal["text-classification"] = "text-classification"
    labels: Annotated[list[Annotated[Line, Field(max_length=64)]], Field(min_length=2, max_length=1000)]
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)]
    files: dict[Annotated[str, Field(pattern=f"^{FILE_NAME.pattern}$")], FileEntry] = {}
    parent: Parent | None = None
    head: Head | None = None
    training: Training | None = None
    training_set: SetReference | None = None
    evaluation_set: SetReference | None = None
    metrics: Metrics | None = None
    footprint: Footprint | None = None
    card: Card

    @model_validator(mode="after")
    def _coherent(self) -> Manifest:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("two labels are the same")
        if (self.kind == "integer-head") != (self.head is not None):
            raise ValueError("exactly the kind integer-head has a head")
        if self.head is not None:
            if len(self.labels) != 2:
                raise ValueError("an integer head has two labels")
            if len(self.head.weights) != self.head.projection.features + 1:
                raise ValueError("the head's weights don't fit its projection")
        return self

    def to_bytes(self) -> bytes:
        """Serialise as canonical JSON."""
        return rfc8785.dumps(self.model_dump(mode="json"))


def parse_manifest(raw: bytes) -> Manifest:
    """Read and check ``manifest.json``.

    Raises
    ------
    InvalidBundle
        When it isn't a manifest, saying which field is wrong.
    """
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidBundle(
            f"manifest.json isn't JSON: {error}.", hint="Build the bundle with `decai publish`."
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else None
        raise InvalidBundle(
            f"manifest.json has the format {found!r}; this DecAI reads {FORMAT}.",
            hint="Use a newer DecAI, or build the bundle again.",
        )
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "as a whole"
        raise InvalidBundle(
            f"manifest.json is wrong at {field}: {first['msg']}.",
            hint="Build the bundle with `decai publish`.",
        ) from error
