"""Models of a few kilobytes with real graphs and a real tokenizer, for tests that needn't load 23 MB."""

import json
from pathlib import Path

import numpy as np

from decai.models import Bundle, Card, Metrics, SetReference, build_bundle
from decai.models.protobuf import bytes_field, int_field
from decai.training.projection import Projection

WORDS = ["[PAD]", "[UNK]", "good", "bad", "a", "day", "film"]
SIZE, FEATURES = 6, 3
CARD = Card(description="Small.", licence="CC0-1.0", limitations=["It knows five words."])
F32, I64, INTS = 1, 7, 7


def node(operator: str, inputs: list[str], output: str, axes: list[int] | None = None, **ints: int) -> bytes:
    parts = b"".join(bytes_field(1, name) for name in inputs) + bytes_field(2, output) + bytes_field(4, operator)
    if axes is not None:
        values = b"".join(int_field(8, axis) for axis in axes)
        parts += bytes_field(5, bytes_field(1, "axes") + values + int_field(20, INTS))
    for name, value in ints.items():
        parts += bytes_field(5, bytes_field(1, name) + int_field(3, value) + int_field(20, 2))
    return bytes_field(1, parts)


def tensor(name: str, array: np.ndarray) -> bytes:
    shape = b"".join(int_field(1, n) for n in array.shape)
    data = int_field(2, F32) + bytes_field(8, name) + bytes_field(9, array.astype("<f4").tobytes())
    return bytes_field(5, shape + data)


def value(field: int, name: str, kind: int, *dimensions: str | int) -> bytes:
    shape = b"".join(bytes_field(1, bytes_field(2, d) if isinstance(d, str) else int_field(1, d)) for d in dimensions)
    tensor_type = bytes_field(1, int_field(1, kind) + bytes_field(2, shape))
    return bytes_field(field, bytes_field(1, name) + bytes_field(2, tensor_type))


def model(graph: bytes) -> bytes:
    return int_field(1, 8) + bytes_field(7, graph) + bytes_field(8, bytes_field(1, "") + int_field(2, 17))


def vectors() -> np.ndarray:
    return np.random.default_rng(5).normal(size=(len(WORDS), SIZE)).astype(np.float32)


def encoder_bytes(extra: bytes = b"") -> bytes:
    """Token ids to one vector a token."""
    return model(
        node("Gather", ["vectors", "input_ids"], "hidden")
        + bytes_field(2, "tiny")
        + tensor("vectors", vectors())
        + value(11, "input_ids", I64, "N", "L")
        + value(12, "hidden", F32, "N", "L", SIZE)
        + extra
    )


def classifier_bytes(labels: int = 3) -> bytes:
    """Token ids and mask to logits: the mean of the tokens' vectors, and a linear layer."""
    weights = np.random.default_rng(6).normal(size=(SIZE, labels))
    return model(
        node("Gather", ["vectors", "input_ids"], "hidden")
        + node("ReduceMean", ["hidden"], "mean", axes=[1], keepdims=0)
        + node("MatMul", ["mean", "weights"], "logits")
        + bytes_field(2, "tiny")
        + tensor("vectors", vectors())
        + tensor("weights", weights)
        + value(11, "input_ids", I64, "N", "L")
        + value(12, "logits", F32, "N", labels)
    )


def write_tokenizer(directory: Path, config: bool = True) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [{"type": "Lowercase"}, {"type": "Replace", "pattern": {"String": "~"}, "content": ""}],
        },
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {w: i for i, w in enumerate(WORDS)}, "unk_token": "[UNK]"},
    }
    (directory / "tokenizer.json").write_text(json.dumps(tokenizer))
    if config:
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 8, "unk_token": "[UNK]"}
        (directory / "tokenizer_config.json").write_text(json.dumps(settings))
    return directory


def projection() -> Projection:
    rng = np.random.default_rng(7)
    return Projection(rng.normal(size=(SIZE, FEATURES)).astype("f4"), rng.normal(size=SIZE).astype("f4"))


def head_arguments(directory: Path) -> dict:
    """What `build_bundle` needs for a tiny bundle; its sources are written to `directory`."""
    write_tokenizer(directory)
    (directory / "tiny.onnx").write_bytes(encoder_bytes())
    return {
        "name": "tiny",
        "labels": ["bad", "good"],
        "weights": [4000, -5000, 3000, 200],
        "projection": projection(),
        "encoder": directory / "tiny.onnx",
        "tokenizer": directory,
        "card": CARD,
        "evaluation_set": SetReference(name='held out: "five" words', sha256="ab" * 32, rows=5),
        "metrics": Metrics(correct=4, rows=5, accuracy_ppm=800_000, accuracy_before_ppm=600_000),
    }


def tiny_bundle(directory: Path) -> Bundle:
    return build_bundle(directory / "bundle", **head_arguments(directory / "sources"))
