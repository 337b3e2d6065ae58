"""The first model's data: words and short phrases that people rated for sentiment.

The source is the VADER lexicon (Hutto and Gilbert, *VADER: A Parsimonious Rule-based Model for Sentiment
Analysis of Social Media Text*, ICWSM 2014; MIT licence), as the ``vaderSentiment`` wheel carries it: each
term's mean rating by ten people, from -4 to 4. Kept are the terms that begin with a letter a-z and are rated
at least half a point away from neutral; the label is 1 where the rating is positive.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from decai.errors import TrainingError

__all__ = ["LEXICON_SHA256", "MIN_RATING", "Example", "load_lexicon", "split_lexicon"]

LEXICON_SHA256 = "1ec9c6e9ee19aade328f8beb393a6afa71a5bb3acf7d3cc22d4ef568df374bf5"
"""Of ``vader_lexicon.txt`` in vaderSentiment 3.3.2: another edition would make another data set."""
MIN_RATING = 0.5
"""Ratings nearer to 0 than this say too little to be a label."""

_SPLIT_SEED = "decai:vader:v1"


@dataclass(frozen=True)
class Example:
    """A text and its label.

    Attributes
    ----------
    text : str
    label : int
        1 for positive, 0 for negative.
    """

    text: str
    label: int


def load_lexicon() -> list[Example]:
    """Read the rated terms, in the lexicon's order.

    Returns
    -------
    list of Example
        6,602 terms. The lexicon lists a few twice, sometimes rated differently.

    Raises
    ------
    TrainingError
        When the installed lexicon isn't the pinned edition.
    """
    raw = (files("vaderSentiment") / "vader_lexicon.txt").read_bytes()
    found = hashlib.sha256(raw).hexdigest()
    if found != LEXICON_SHA256:
        raise TrainingError(
            f"The installed VADER lexicon is another edition (sha256 {found}).",
            hint="Install vaderSentiment 3.3.2: pip install vaderSentiment==3.3.2.",
        )
    examples = []
    for line in raw.decode("utf-8").splitlines():
        term, rating_text, *_ = line.split("\t")
        rating = float(rating_text)
        if "a" <= term[:1] <= "z" and abs(rating) >= MIN_RATING:
            examples.append(Example(term, int(rating > 0)))
    return examples


def split_lexicon(examples: list[Example], train_rows: int, eval_rows: int) -> tuple[list[Example], list[Example]]:
    """Split into training and evaluation rows, in a shuffled order that every machine agrees on.

    A term listed twice counts once, with its first label: otherwise it could be trained on and then tested.
    The order is that of sha256(seed ‖ term), which depends on no library's random generator.

    Parameters
    ----------
    examples : list of Example
        As `load_lexicon` gives them.
    train_rows, eval_rows : int
        How many rows to give to each side.

    Returns
    -------
    train, evaluation : list of Example
        No term is in both.

    Raises
    ------
    TrainingError
        When there are too few distinct terms.
    """
    distinct: dict[str, Example] = {}
    for example in examples:
        distinct.setdefault(example.text.lower(), example)  # the tokenizer doesn't see case
    if len(distinct) < train_rows + eval_rows:
        raise TrainingError(
            f"{len(distinct)} distinct terms can't fill {train_rows} + {eval_rows} rows.",
            hint="Ask for fewer rows.",
        )
    shuffled = sorted(distinct, key=lambda term: hashlib.sha256(f"{_SPLIT_SEED}:{term}".encode()).digest())
    chosen = [distinct[term] for term in shuffled]
    return chosen[:train_rows], chosen[train_rows : train_rows + eval_rows]
