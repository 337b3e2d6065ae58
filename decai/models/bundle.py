"""Model bundles: directories that hold everything a model needs, and nothing that isn't checked.

A bundle is either DecAI's own kind, an encoder with an integer head, or somebody's ONNX text classifier::

    manifest.json           see decai.models.manifest
    encoder.onnx head.onnx  or: model.onnx
    tokenizer.json tokenizer_config.json
    README.md               the model card
    LICENSE

Building happens in a temporary directory that is renamed when it is whole: a half-written bundle never
appears. Loading trusts nothing: every file is hashed, ONNX files must be self-contained, the head must be
exactly what the manifest's integers derive, and nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy.typing as npt
from pydantic import ValidationError

from decai.errors import InvalidBundle, TrainingError
from decai.models.card import model_card
from decai.models.head_onnx import head_onnx, projection_of
from decai.models.manifest import (
    Card,
    FileEntry,
    Footprint,
    Head,
    Manifest,
    Metrics,
    Parent,
    ProjectionEntry,
    SetReference,
    Training,
    parse_manifest,
)
from decai.models.onnx_files import check_onnx
from decai.proofs import field_bytes, weights_commitment
from decai.training.projection import Projection
from decai.training.trainer import Integers, head_array

__all__ = ["Bundle", "build_bundle", "bundle_from_files", "derive_bundle", "load_bundle"]

_MANIFEST = "manifest.json"
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
_REQUIRED = {
    "integer-head": ("encoder.onnx", "head.onnx", *_TOKENIZER_FILES, "README.md"),
    "onnx-classifier": ("model.onnx", *_TOKENIZER_FILES, "README.md"),
}
# What save_pretrained() may write beside the tokenizer, and legal texts: data, all of it.
_OPTIONAL = frozenset({"LICENSE", "NOTICE", "special_tokens_map.json", "added_tokens.json", "vocab.txt", "config.json"})


@dataclass(frozen=True)
class Bundle:
    """A bundle that has been checked.

    Attributes
    ----------
    path : Path
        Its directory.
    manifest : Manifest
    manifest_sha256 : str
        Hex digest of ``manifest.json``, which names every other file's hash.
    """

    path: Path
    manifest: Manifest
    manifest_sha256: str

    @property
    def name(self) -> str:
        """The model's name."""
        return self.manifest.name

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order of the model's outputs."""
        return tuple(self.manifest.labels)

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.manifest.files.values()) + (self.path / _MANIFEST).stat().st_size

    @property
    def weights(self) -> Integers:
        """The integer head, shape (D + 1,), bias last.

        Raises
        ------
        InvalidBundle
            When the model is of another kind.
        """
        return head_array(self._head.weights)

    @property
    def commitment(self) -> bytes:
        """The head's commitment as programs store it, 32 bytes; all zero for models of another kind."""
        return bytes.fromhex(self.manifest.head.commitment) if self.manifest.head else bytes(32)

    @cached_property
    def projection(self) -> Projection:
        """The projection the head's features come from."""
        self._head  # noqa: B018 - refuses models of another kind
        return projection_of((self.path / "head.onnx").read_bytes())

    @property
    def card(self) -> str:
        """The model card, in Markdown."""
        return (self.path / "README.md").read_text(encoding="utf-8")

    @property
    def _head(self) -> Head:
        if self.manifest.head is None:
            raise InvalidBundle(
                f"{self.name} has no integer head, so it can't be trained or proven.",
                hint="Only models of the kind integer-head can.",
            )
        return self.manifest.head


def build_bundle(
    dest: Path,
    *,
    name: str,
    labels: Sequence[str],
    weights: npt.ArrayLike,
    projection: Projection,
    encoder: Path,
    tokenizer: Path,
    card: Card,
    parent: Parent | None = None,
    training: Training | None = None,
    training_set: SetReference | None = None,
    evaluation_set: SetReference | None = None,
    metrics: Metrics | None = None,
    footprint: Footprint | None = None,
) -> Bundle:
    """Build a bundle with an integer head.

    Parameters
    ----------
    dest : Path
        The directory to make; it must not exist. Equal arguments give equal bytes.
    name : str
    labels : sequence of str
        The labels 0 and 1 stand for.
    weights : array-like of int, shape (D + 1,)
        16-bit weights, then the bias.
    projection : Projection
    encoder : Path
        The encoder's ONNX file.
    tokenizer : Path
        A directory with ``tokenizer.json``, ``tokenizer_config.json`` and optionally ``LICENSE``.
    card : Card
    parent, training, training_set, evaluation_set, metrics, footprint : optional
        See `decai.models.manifest`.

    Returns
    -------
    Bundle
        Loaded again from what was written, so it has passed every check.

    Raises
    ------
    InvalidBundle
        When a file or argument can't be used; nothing is left behind.
    """
    try:
        head = head_array(weights, projection.features)
    except TrainingError as error:
        raise InvalidBundle(f"The head can't be used: {error.message}", hint=error.hint) from error
    raw_head = head_onnx(projection, head)
    entry = Head(
        weights=[int(w) for w in head],
        commitment=field_bytes(weights_commitment([int(w) for w in head])).hex(),
        projection=ProjectionEntry(
            sha256=projection.sha256, embedding_size=projection.embedding_size, features=projection.features
        ),
    )
    manifest = _manifest(
        kind="integer-head",
        name=name,
        labels=list(labels),
        max_tokens=_max_tokens(tokenizer),
        head=entry,
        parent=parent,
        training=training,
        training_set=training_set,
        evaluation_set=evaluation_set,
        metrics=metrics,
        footprint=footprint,
        card=card,
    )
    sources: dict[str, Path | bytes] = {
        "encoder.onnx": encoder,
        "head.onnx": raw_head,
        **_tokenizer_sources(tokenizer),
    }
    return _write(dest, manifest, sources)


def derive_bundle(
    dest: Path,
    base: Bundle,
    *,
    parent: Parent,
    weights: npt.ArrayLike,
    training: Training | None = None,
    training_set: SetReference | None = None,
    metrics: Metrics | None = None,
    footprint: Footprint | None = None,
    card: Card | None = None,
) -> Bundle:
    """Build the next version of a bundle: another head on the same encoder, tokenizer and projection.

    Parameters
    ----------
    dest : Path
        The directory to make; it must not exist.
    base : Bundle
        The version trained from.
    parent : Parent
        Its number and CID.
    weights : array-like of int, shape (D + 1,)
    training, training_set, metrics, footprint, card : optional
        Of the new version; `training_set` and `card` are the base's unless given.

    Raises
    ------
    InvalidBundle
        When the base has no integer head, or the new one doesn't fit it; nothing is left behind.
    """
    return build_bundle(
        dest,
        name=base.name,
        labels=base.labels,
        weights=weights,
        projection=base.projection,
        encoder=base.path / "encoder.onnx",
        tokenizer=base.path,
        card=card or base.manifest.card,
        parent=parent,
        training=training,
        training_set=training_set or base.manifest.training_set,
        evaluation_set=base.manifest.evaluation_set,
        metrics=metrics,
        footprint=footprint,
    )


def bundle_from_files(
    dest: Path,
    *,
    model: Path,
    tokenizer: Path,
    name: str,
    labels: Sequence[str],
    card: Card,
    max_tokens: int | None = None,
) -> Bundle:
    """Build a bundle from somebody's own ONNX text classifier.

    Parameters
    ----------
    dest : Path
        The directory to make; it must not exist.
    model : Path
        One self-contained ONNX file: input_ids (and attention_mask, token_type_ids) in, logits [N, labels]
        out.
    tokenizer : Path
        ``tokenizer.json``, or the directory that holds it.
    name : str
    labels : sequence of str
        In the order of the model's outputs.
    card : Card
    max_tokens : int, optional
        Tokens the model takes; needed when there is no ``tokenizer_config.json`` that says model_max_length.

    Raises
    ------
    InvalidBundle
        When a file can't be used, or the model doesn't answer a first text with one number a label; nothing
        is left behind.
    """
    directory = tokenizer.parent if tokenizer.is_file() else tokenizer
    sources: dict[str, Path | bytes] = {"model.onnx": model, **_tokenizer_sources(directory)}
    if max_tokens is not None:
        sources["tokenizer_config.json"] = _limited_config(directory, max_tokens)
    manifest = _manifest(
        kind="onnx-classifier",
        name=name,
        labels=list(labels),
        max_tokens=max_tokens or _max_tokens(directory),
        card=card,
    )
    return _write(dest, manifest, sources, trial=_answers)


def load_bundle(path: Path) -> Bundle:
    """Load and check a bundle.

    Parameters
    ----------
    path : Path
        Its directory.

    Returns
    -------
    Bundle

    Raises
    ------
    InvalidBundle
        Saying which file is missing, changed or unusable, and what to do.
    """
    if not path.is_dir():
        raise InvalidBundle(f"There is no bundle at {path}.", hint="Give the directory with manifest.json.")
    raw = _read(path, _MANIFEST)
    manifest = parse_manifest(raw)
    _check_names(path, manifest)
    for name, entry in manifest.files.items():
        _check_file(path / name, entry)
    _check_tokenizer(path, manifest)
    for name in _REQUIRED[manifest.kind]:
        if name.endswith(".onnx"):
            check_onnx(_read(path, name), name)
    if manifest.head is not None:
        _check_head(path, manifest.head)
    return Bundle(path, manifest, hashlib.sha256(raw).hexdigest())


def _check_names(path: Path, manifest: Manifest) -> None:
    required = set(_REQUIRED[manifest.kind])
    missing = sorted(required - set(manifest.files))
    if missing:
        raise InvalidBundle(f"manifest.json lists no {missing[0]}.", hint="Build the bundle again with it.")
    strange = sorted(set(manifest.files) - required - _OPTIONAL)
    if strange:
        raise InvalidBundle(
            f"manifest.json lists {strange[0]}, which a bundle of this kind doesn't have.",
            hint="Leave it out.",
        )
    unlisted = sorted({file.name for file in path.iterdir()} - set(manifest.files) - {_MANIFEST})
    if unlisted:
        raise InvalidBundle(
            f"{unlisted[0]} is in the bundle but not in manifest.json.",
            hint="Remove it: nothing vouches for it.",
        )


def _check_file(file: Path, entry: FileEntry) -> None:
    if file.is_symlink() or not file.is_file():
        raise InvalidBundle(f"{file.name} is missing from the bundle.", hint="Fetch or build the bundle again.")
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != entry.sha256 or file.stat().st_size != entry.size:
        raise InvalidBundle(
            f"{file.name} has the sha256 {found}, but manifest.json says {entry.sha256}.",
            hint="It was changed or damaged: fetch or build the bundle again.",
        )


def _check_tokenizer(path: Path, manifest: Manifest) -> None:
    tokenizer = _json(path, "tokenizer.json")
    if not isinstance(tokenizer.get("model"), dict):
        raise InvalidBundle(
            "tokenizer.json isn't a tokenizer.",
            hint="Save the model's fast tokenizer with save_pretrained().",
        )
    limit = _max_tokens(path)
    if limit != manifest.max_tokens:
        raise InvalidBundle(
            f"tokenizer_config.json says {limit} tokens, but manifest.json says {manifest.max_tokens}.",
            hint="Build the bundle again.",
        )


def _check_head(path: Path, head: Head) -> None:
    raw = _read(path, "head.onnx")
    projection = projection_of(raw)
    if projection.sha256 != head.projection.sha256:
        raise InvalidBundle(
            "head.onnx holds another projection than manifest.json names.", hint="Build the bundle again."
        )
    if head_onnx(projection, head.weights) != raw:
        raise InvalidBundle(
            "head.onnx isn't the head that manifest.json's integer weights make.",
            hint="Don't edit it: build the bundle from the weights.",
        )
    if field_bytes(weights_commitment(head.weights)).hex() != head.commitment:
        raise InvalidBundle("manifest.json's commitment isn't that of its weights.", hint="Build the bundle again.")


def _write(
    dest: Path,
    manifest: Manifest,
    sources: Mapping[str, Path | bytes],
    trial: Callable[[Bundle], None] | None = None,
) -> Bundle:
    if dest.exists():
        raise InvalidBundle(f"{dest} exists.", hint="Choose another directory, or remove that one.")
    dest.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{dest.name}-", dir=dest.parent))
    try:
        for name, source in {**sources, "README.md": model_card(manifest).encode()}.items():
            if isinstance(source, bytes):
                (building / name).write_bytes(source)
            elif source.is_file():
                shutil.copyfile(source, building / name)
            else:
                raise InvalidBundle(f"There is no {name} at {source}.", hint="Give the path of the file.")
        entries = {file.name: _entry(file) for file in sorted(building.iterdir())}
        (building / _MANIFEST).write_bytes(manifest.model_copy(update={"files": entries}).to_bytes())
        bundle = load_bundle(building)
        if trial is not None:
            trial(bundle)
        building.chmod(0o755)  # mkdtemp's 0700 would shut out a store that runs as somebody else
        building.rename(dest)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    return Bundle(dest, bundle.manifest, bundle.manifest_sha256)


def _entry(file: Path) -> FileEntry:
    with file.open("rb") as stream:
        return FileEntry(sha256=hashlib.file_digest(stream, "sha256").hexdigest(), size=file.stat().st_size)


def _answers(bundle: Bundle) -> None:
    """Ask a first question, so that a model that can't answer is never published."""
    from decai.models.session import Session

    Session(bundle).predict(["A first question."])


def _manifest(**parts: Any) -> Manifest:
    try:
        return Manifest(**parts)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the bundle"
        raise InvalidBundle(f"{field} can't be used: {first['msg']}.", hint="Change it and build again.") from error


def _tokenizer_sources(directory: Path) -> dict[str, Path | bytes]:
    names = (*_TOKENIZER_FILES, *sorted(_OPTIONAL - {"config.json"}))
    return {name: directory / name for name in names if name in _TOKENIZER_FILES or (directory / name).is_file()}


def _limited_config(directory: Path, max_tokens: int) -> bytes:
    config = _json(directory, "tokenizer_config.json") if (directory / "tokenizer_config.json").is_file() else {}
    config.setdefault("tokenizer_class", "PreTrainedTokenizerFast")
    config["model_max_length"] = max_tokens
    return json.dumps(config, ensure_ascii=False, indent=2, sort_keys=True).encode()


def _max_tokens(directory: Path) -> int:
    limit = _json(directory, "tokenizer_config.json").get("model_max_length")
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= 1_000_000:
        raise InvalidBundle(
            "tokenizer_config.json doesn't say model_max_length.",
            hint="Add the number of tokens the model takes, such as 256.",
        )
    return limit


def _json(path: Path, name: str) -> dict[str, Any]:
    try:
        content = json.loads(_read(path, name))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InvalidBundle):
            raise
        raise InvalidBundle(f"{name} isn't JSON: {error}.", hint="Save the tokenizer again.") from error
    if not isinstance(content, dict):
        raise InvalidBundle(f"{name} isn't a JSON object.", hint="Save the tokenizer again.")
    return content


def _read(path: Path, name: str) -> bytes:
    try:
        return (path / name).read_bytes()
    except FileNotFoundError as error:
        raise InvalidBundle(f"There is no {name} in {path}.", hint="Fetch or build the bundle again.") from error
    except OSError as error:
        raise InvalidBundle(f"{name} in {path} can't be read: {error}.", hint="Check its permissions.") from error
