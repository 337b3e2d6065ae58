"""Receipts: who answered what with which model, in a form that anyone can check later.

The chain holds one hash, the *leaf*: over the registry, version and CID, the worker, the text's hash and the
answer quantised to 1e-4, in RFC 8785 canonical JSON behind a domain tag. A random nonce in it keeps a short
text from being guessed out of the leaf; the worker's key in it keeps one worker from posting another's leaf
as its own work. The receipt holds all of it, and the text only if its owner wants to hand it on: replaying
needs the text.

A batch posts the root of a Merkle tree over leaves, hashed as RFC 6962 does, so that no node passes for a
leaf; each receipt then carries its path.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from decai.errors import ReceiptError, StorageError

if TYPE_CHECKING:
    from decai.models.session import Prediction, Runtime

__all__ = [
    "MAX_BATCH",
    "SCORE_UNITS",
    "TOLERANCE",
    "Agreement",
    "BatchPath",
    "Output",
    "Receipt",
    "compare",
    "merkle_paths",
    "merkle_root",
    "merkle_root_from_path",
    "quantise",
]

FORMAT = "decai-receipt/1"
SCORE_UNITS = 10_000
"""Units of a quantised score in 1: scores are kept to 1e-4."""
TOLERANCE = 100
"""Units two machines may differ by, 0.01.

One feature rounded the other way moves a trained head's score by half that.
"""
MAX_BATCH = 1 << 20
"""Leaves in a batch, as model-manager limits it."""

_LEAF_TAG = b"decai:receipt:v1\x00"
_MAX_FILE_BYTES = 1 << 20

Agreement = Literal["exact", "within tolerance", "mismatch"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Key = Annotated[str, Field(pattern=r"^[1-9A-HJ-NP-Za-km-z]{32,44}$")]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Output(_Part):
    """An answer: the label, and each label's score in units of 1e-4."""

    label: str
    scores: Annotated[dict[str, Annotated[int, Field(ge=0, le=SCORE_UNITS)]], Field(min_length=2)]


class RuntimeEntry(_Part):
    """What computed the answer, see `decai.models.Runtime`. Told, not proven: it isn't part of the leaf."""

    onnxruntime: str
    provider: str
    arch: str
    threads: Count


class BatchPath(_Part):
    """Where a leaf is in its batch: `path` are the hashes beside it, from the bottom up."""

    root: Sha256
    index: Count
    count: Annotated[int, Field(ge=1, le=MAX_BATCH)]
    path: list[Sha256]


class Receipt(_Part):
    """A receipt of one answer.

    Attributes
    ----------
    registry, worker : str
        Addresses: the model's registry and who answered.
    version : int
    cid : str
        Of the version's bundle.
    input_sha256 : str
        Hex digest of the text in UTF-8.
    nonce : str
        16 random bytes, hex.
    output : Output
    runtime : RuntimeEntry
    leaf : str
        Hex; what is on chain, or in the posted batch.
    signature, slot : str and int, or None
        The transaction, once it is confirmed.
    batch : BatchPath or None
    text : str or None
    """

    format: Literal["decai-receipt/1"] = "decai-receipt/1"
    registry: Key
    version: Annotated[int, Field(ge=1, le=2**32 - 1)]
    cid: Annotated[str, Field(min_length=1, max_length=128)]
    worker: Key
    input_sha256: Sha256
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    output: Output
    runtime: RuntimeEntry
    leaf: Sha256
    signature: Annotated[str, Field(min_length=64, max_length=88)] | None = None
    slot: Count | None = None
    batch: BatchPath | None = None
    text: str | None = None

    @classmethod
    def claim(
        cls,
        text: str,
        prediction: Prediction,
        runtime: Runtime,
        *,
        registry: str,
        version: int,
        cid: str,
        worker: str,
        nonce: bytes | None = None,
    ) -> Receipt:
        """Write the receipt of an answer that is not on chain yet.

        Parameters
        ----------
        text : str
        prediction : Prediction
        runtime : Runtime
        registry, worker : str
            Addresses, base58.
        version : int
        cid : str
        nonce : bytes, optional
            16 bytes; by default random ones.
        """
        parts: dict[str, Any] = {
            "registry": registry,
            "version": version,
            "cid": cid,
            "worker": worker,
            "input_sha256": text_sha256(text),
            "nonce": (secrets.token_bytes(16) if nonce is None else nonce).hex(),
            "output": Output(label=prediction.label, scores=quantise(prediction.scores)),
            "runtime": RuntimeEntry.model_validate(runtime.to_dict()),
            "text": text,
        }
        try:
            unsealed = cls(**parts, leaf="0" * 64)
        except ValidationError as error:
            raise _malformed(error) from error
        return unsealed.model_copy(update={"leaf": unsealed.recomputed_leaf().hex()})

    def posted(self, signature: str, slot: int, batch: BatchPath | None = None) -> Receipt:
        """Give the receipt with the transaction that put it on chain."""
        return self.model_copy(update={"signature": signature, "slot": slot, "batch": batch})

    def recomputed_leaf(self) -> bytes:
        """Hash what the receipt claims, 32 bytes."""
        claimed = ("registry", "version", "cid", "worker", "input_sha256", "nonce", "output")
        content = self.model_dump(mode="json", include=set(claimed))
        return hashlib.sha256(_LEAF_TAG + rfc8785.dumps(content)).digest()

    @property
    def posted_hash(self) -> bytes:
        """What its transaction must have posted: the leaf, or the batch's root. 32 bytes."""
        return bytes.fromhex(self.batch.root if self.batch else self.leaf)

    def contradiction(self) -> str | None:
        """Say in what the receipt contradicts itself, if it does."""
        if self.recomputed_leaf().hex() != self.leaf:
            return "its leaf isn't the hash of what it claims"
        scores = self.output.scores
        if scores.get(self.output.label) != max(scores.values()):
            return "its label isn't the one with the best score"
        if self.text is not None and text_sha256(self.text) != self.input_sha256:
            return "its text isn't the one whose hash it holds"
        if self.batch is not None:
            batch = self.batch
            root = merkle_root_from_path(bytes.fromhex(self.leaf), batch.index, batch.count, batch.path)
            if root is None or root.hex() != batch.root:
                return "its path doesn't lead to its batch's root"
        return None

    def text_to_replay(self, text: str | None = None) -> str:
        """Give the text the answer is for.

        Parameters
        ----------
        text : str, optional
            Needed when the receipt doesn't hold it.

        Raises
        ------
        ReceiptError
            When there is none, or it isn't the one the receipt is for.
        """
        found = self.text if text is None else text
        if found is None:
            raise ReceiptError(
                "The receipt doesn't hold the text, so the answer can't be replayed.",
                hint="Give the text too: decai verify FILE --text TEXT.",
            )
        if text_sha256(found) != self.input_sha256:
            raise ReceiptError(
                "The text isn't the one this receipt is for: its hash differs.",
                hint="Give it exactly as it was asked, spaces and line ends included.",
            )
        return found

    def to_dict(self, *, with_text: bool = True) -> dict[str, Any]:
        """Give the receipt as JSON-ready values.

        Parameters
        ----------
        with_text : bool
            Whether to hand the text on; without it nobody else can replay the answer, or read the question.
        """
        return self.model_dump(mode="json", exclude=set() if with_text else {"text"})

    def save(self, path: Path, *, with_text: bool = True) -> None:
        """Write the receipt to a file, all of it or nothing.

        Raises
        ------
        StorageError
            The file can't be written.
        """
        body = json.dumps(self.to_dict(with_text=with_text), indent=2, ensure_ascii=False) + "\n"
        draft = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            draft.write_text(body, "utf-8")
            draft.replace(path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise StorageError(
                f"{path} can't be written ({error.strerror}).", hint="Choose a file in a folder that can be written to."
            ) from error

    @classmethod
    def from_dict(cls, content: Any) -> Receipt:
        """Read a receipt, or an object that holds one under ``receipt`` as ``decai infer --json`` prints it.

        Raises
        ------
        ReceiptError
            When it isn't one. A receipt that reads well may still contradict itself: see `contradiction`.
        """
        if isinstance(content, dict) and isinstance(content.get("receipt"), dict):
            content = content["receipt"]
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            found = content.get("format") if isinstance(content, dict) else None
            raise ReceiptError(
                f"Not a receipt: its format is {found!r}, and this DecAI reads {FORMAT}.",
                hint="Give the file that `decai infer --save` made.",
            )
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise _malformed(error) from error

    @classmethod
    def load(cls, path: Path) -> Receipt:
        """Read a receipt from a file.

        Raises
        ------
        ReceiptError
            When there is no such file, or it isn't a receipt.
        """
        try:
            size = path.stat().st_size
            raw = path.read_bytes() if size <= _MAX_FILE_BYTES else b""
        except OSError as error:
            raise ReceiptError(f"{path} can't be read: {error.strerror}.", hint="Give a receipt's path.") from error
        if size > _MAX_FILE_BYTES:
            raise ReceiptError(f"{path} has {size:,} bytes: too many for a receipt.", hint="Give a receipt's path.")
        try:
            content = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise ReceiptError(
                f"{path} isn't JSON: {error}.", hint="Give the file that `decai infer --save` made."
            ) from error
        return cls.from_dict(content)


def compare(prediction: Prediction, receipt: Receipt, *, tolerance: int = TOLERANCE) -> Agreement:
    """Compare a replayed answer with a receipt.

    Parameters
    ----------
    prediction : Prediction
        The answer computed now, from the receipt's text and version.
    receipt : Receipt
    tolerance : int
        Units of 1e-4 that a score may differ by: ONNX Runtime promises no equal bits across machines.

    Returns
    -------
    {"exact", "within tolerance", "mismatch"}
        Another label is within tolerance only where both scores are, that is at a near tie.
    """
    claimed, found = receipt.output.scores, quantise(prediction.scores)
    if receipt.contradiction() is not None or claimed.keys() != found.keys():
        return "mismatch"
    if claimed == found and receipt.output.label == prediction.label:
        return "exact"
    worst = max(abs(claimed[label] - found[label]) for label in claimed)
    return "within tolerance" if worst <= tolerance else "mismatch"


def quantise(scores: dict[str, float]) -> dict[str, int]:
    """Round scores to units of 1e-4."""
    return {label: round(score * SCORE_UNITS) for label, score in scores.items()}


def text_sha256(text: str) -> str:
    """Hex digest of a text in UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Compute a batch's root.

    Parameters
    ----------
    leaves : sequence of bytes
        1 to 2²⁰ receipts' leaves, 32 bytes each.

    Returns
    -------
    bytes
        The Merkle tree hash of RFC 6962, section 2.1.
    """
    return _levels(leaves)[-1][0]


def merkle_paths(leaves: Sequence[bytes]) -> list[BatchPath]:
    """Find each leaf's path to the batch's root (RFC 6962, section 2.1.1).

    Parameters
    ----------
    leaves : sequence of bytes

    Returns
    -------
    list of BatchPath
        In the order of the leaves.
    """
    levels = _levels(leaves)
    root = levels[-1][0].hex()
    hexes = [[node.hex() for node in level] for level in levels[:-1]]
    paths = []
    for index in range(len(leaves)):
        path = []
        for height, level in enumerate(hexes):
            beside = (index >> height) ^ 1
            if beside < len(level):  # an odd last node has none beside it: it moved up as it is
                path.append(level[beside])
        paths.append(BatchPath(root=root, index=index, count=len(leaves), path=path))
    return paths


def merkle_root_from_path(leaf: bytes, index: int, count: int, path: Sequence[str]) -> bytes | None:
    """Follow a path up (RFC 9162, section 2.1.3.2).

    Parameters
    ----------
    leaf : bytes
    index, count : int
        The leaf's place from 0, and the leaves of the batch.
    path : sequence of str
        Hex, from the bottom up.

    Returns
    -------
    bytes or None
        The root it leads to; None when a batch of this size has no such path.
    """
    if not 0 <= index < count:
        return None
    place, last, node = index, count - 1, _leaf_hash(leaf)
    for beside in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            node = _node_hash(bytes.fromhex(beside), node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = _node_hash(node, bytes.fromhex(beside))
        place, last = place >> 1, last >> 1
    return node if last == 0 else None


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """The tree from the bottom up.

    RFC 6962 splits at powers of two: an odd last node moves up a level as it is.
    """
    if not 1 <= len(leaves) <= MAX_BATCH:
        raise ReceiptError(f"A batch has 1 to {MAX_BATCH:,} answers, not {len(leaves):,}.", hint="Split it.")
    if any(len(leaf) != 32 for leaf in leaves):
        raise ReceiptError("A leaf isn't 32 bytes long.", hint="Give receipts' leaves.")
    levels = [[_leaf_hash(leaf) for leaf in leaves]]
    while len(levels[-1]) > 1:
        level = levels[-1]
        paired = [_node_hash(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        levels.append(paired + level[len(paired) * 2 :])
    return levels


def _leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _malformed(error: ValidationError) -> ReceiptError:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "as a whole"
    return ReceiptError(
        f"The receipt is malformed at {field}: {first['msg']}.", hint="Ask its worker for the file again."
    )
