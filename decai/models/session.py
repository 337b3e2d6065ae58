"""Inference: a bundle, opened once and asked many times.

`open_session` keeps the last few sessions by CID, so that a process loads a version once. Sessions may be
shared by threads: ONNX Runtime's are, and the tokenizer is guarded.
"""

from __future__ import annotations

import platform
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from decai.errors import InvalidBundle
from decai.models.bundle import Bundle
from decai.models.encoder import (
    Embedder,
    Tokens,
    available_threads,
    load_tokenizer,
    onnx_session,
    pool,
)

__all__ = ["Prediction", "Runtime", "Session", "close_sessions", "open_session"]

_KEPT_SESSIONS = 4
_PROVIDER = "CPUExecutionProvider"


@dataclass(frozen=True)
class Runtime:
    """What computed an answer: two equal runtimes are expected to agree in every bit.

    Attributes
    ----------
    onnxruntime : str
        Its version.
    provider : str
        The execution provider.
    arch : str
        The machine's architecture.
    threads : int
        Threads inside an operator.
    """

    onnxruntime: str
    provider: str
    arch: str
    threads: int

    def to_dict(self) -> dict[str, str | int]:
        """Give the fields as a dictionary."""
        return asdict(self)


@dataclass(frozen=True)
class Prediction:
    """A model's answer to one text.

    Attributes
    ----------
    label : str
    score : float
        The label's score, from 0 to 1.
    scores : dict of str to float
        The score of every label, in the model's order; they sum to 1.
    logit : int or None
        Of an integer head, in units of 2⁻¹⁸.
    tokens : int
        Tokens the model saw.
    truncated : bool
        Whether the text was longer than the model takes, and was cut.
    features : tuple of int or None
        Of an integer head: the row its circuits would see.
    """

    label: str
    score: float
    scores: dict[str, float]
    logit: int | None
    tokens: int
    truncated: bool
    features: tuple[int, ...] | None = None


class Session:
    """A model ready to answer.

    Parameters
    ----------
    bundle : Bundle
    threads : int, optional
        Threads inside an operator; by default as many as this process may use cores.

    Raises
    ------
    InvalidBundle
        When ONNX Runtime or the tokenizer library can't load it, or its outputs don't fit its labels.
    """

    def __init__(self, bundle: Bundle, *, threads: int | None = None) -> None:
        self.bundle = bundle
        self._threads = threads or available_threads()
        self._lock = threading.Lock()
        head = bundle.manifest.head
        own_head = head is not None
        self._embedding_size = head.projection.embedding_size if head else 0
        name = "encoder.onnx" if own_head else "model.onnx"
        # Importing transformers and loading the model take most of a second each, the latter in native code.
        with ThreadPoolExecutor(1, "decai-model") as pool_of_one:
            loading = pool_of_one.submit(onnx_session, bundle.path / name, name=name, threads=threads, spinning=True)
            tokenizer = load_tokenizer(bundle.path)
            model = loading.result()
        self._embedder = Embedder(model, tokenizer, name=name)
        self._head = (
            onnx_session((bundle.path / "head.onnx").read_bytes(), name="head.onnx", threads=1) if own_head else None
        )

    @property
    def runtime(self) -> Runtime:
        """What computes this session's answers."""
        import onnxruntime

        return Runtime(onnxruntime.__version__, _PROVIDER, platform.machine(), self._threads)

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Answer texts.

        Parameters
        ----------
        texts : sequence of str
            Each not empty and at most 32 KiB; beyond the model's token limit it is cut, and the answer says
            so.

        Returns
        -------
        list of Prediction
            In the order of the texts; an answer doesn't depend on the other texts.

        Raises
        ------
        InvalidInput
            When a text can't be used.
        """
        if not texts:
            return []
        tokens = self._tokenise(texts)
        if self._head is not None:
            return self._from_head(tokens, self._embedder.run(tokens, self._pooled))
        return self._from_logits(tokens, self._embedder.run(tokens, self._logits))

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed texts with the encoder of a model with an integer head.

        Returns
        -------
        ndarray of float32, shape (texts, E)
            Each row of length 1.

        Raises
        ------
        InvalidBundle
            When the model is of another kind.
        """
        if self._head is None:
            raise InvalidBundle(
                f"{self.bundle.name} has no encoder of its own.",
                hint="Only models with an integer head have.",
            )
        return self._embedder.run(self._tokenise(texts), self._pooled)

    def _tokenise(self, texts: Sequence[str]) -> list[Tokens]:
        with self._lock:  # setting a tokenizer's truncation isn't safe beside another thread's call
            return self._embedder.tokenise(texts)

    def _pooled(self, hidden: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        size = self._embedding_size
        if hidden.ndim != 3 or hidden.shape[2] != size:
            raise InvalidBundle(
                f"encoder.onnx answers with shape {hidden.shape}, but the head takes embeddings of {size}.",
                hint="Its first output must be hidden states [texts, tokens, size].",
            )
        return pool(hidden)

    def _from_head(self, tokens: Sequence[Tokens], embeddings: npt.NDArray[np.float32]) -> list[Prediction]:
        assert self._head is not None
        features, logits, probabilities, labels = self._head.run(
            ["features", "logit", "probability", "label"], {"embedding": embeddings}
        )
        low, high = self.bundle.labels
        answers = []
        for i, text in enumerate(tokens):
            positive = float(probabilities[i, 0])
            scores = {low: 1 - positive, high: positive}
            label = high if labels[i, 0] else low
            answers.append(
                Prediction(
                    label=label,
                    score=scores[label],
                    scores=scores,
                    logit=int(logits[i, 0]),
                    tokens=len(text),
                    truncated=text.truncated,
                    features=tuple(features[i].tolist()),
                )
            )
        return answers

    def _logits(self, output: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        if output.ndim != 2 or output.shape[1] != len(self.bundle.labels):
            raise InvalidBundle(
                f"model.onnx answers with shape {output.shape}; there are {len(self.bundle.labels)} labels.",
                hint="Its first output must be logits [texts, labels].",
            )
        return output

    def _from_logits(self, tokens: Sequence[Tokens], logits: npt.NDArray[np.float32]) -> list[Prediction]:
        wide = logits.astype(np.float64)
        exponents = np.exp(wide - wide.max(axis=1, keepdims=True))
        probabilities = exponents / exponents.sum(axis=1, keepdims=True)
        labels = self.bundle.labels
        answers = []
        for text, row in zip(tokens, probabilities, strict=True):
            best = int(row.argmax())
            scores = dict(zip(labels, row.tolist(), strict=True))
            answers.append(Prediction(labels[best], scores[labels[best]], scores, None, len(text), text.truncated))
        return answers


_sessions: OrderedDict[tuple[str, int | None], Session] = OrderedDict()
_sessions_lock = threading.Lock()


def open_session(
    bundle: Bundle | Callable[[], Bundle], cid: str | None = None, *, threads: int | None = None
) -> Session:
    """Open a bundle, or take the session this process already has.

    Parameters
    ----------
    bundle : Bundle or callable
        A callable is only asked for the bundle when there is no session of this `cid` yet.
    cid : str, optional
        The bundle's content identifier; without it the manifest's hash is the key, which names the same
        bytes.
    threads : int, optional
        As for `Session`.

    Returns
    -------
    Session
    """
    with _sessions_lock:  # held while loading, so that two threads never load one model twice
        loaded = bundle() if cid is None and callable(bundle) else bundle
        key = (cid or cast(Bundle, loaded).manifest_sha256, threads)
        session = _sessions.get(key)
        if session is None:
            session = _sessions[key] = Session(loaded() if callable(loaded) else loaded, threads=threads)
            while len(_sessions) > _KEPT_SESSIONS:
                _sessions.popitem(last=False)
        _sessions.move_to_end(key)
        return session


def close_sessions() -> None:
    """Forget the sessions this process keeps."""
    with _sessions_lock:
        _sessions.clear()
