"""Sessions and receipts."""

import dataclasses
import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
import rfc8785
from tiny_models import classifier_bytes, encoder_bytes, head_arguments, tiny_bundle, vectors

import decai.models
from decai.errors import InvalidBundle, InvalidInput, ReceiptError, StorageError
from decai.models import (
    Bundle,
    Prediction,
    Receipt,
    Session,
    build_bundle,
    close_sessions,
    compare,
    merkle_paths,
    merkle_root,
    open_session,
)
from decai.models.encoder import MAX_TEXT_BYTES, load_tokenizer
from decai.models.receipts import TOLERANCE, merkle_root_from_path
from decai.training.trainer import logits

REGISTRY = "7muPyrif7EGatG1mdVpiYEHQifpn4dUdSJhY7qzR9HAr"
WORKER = "Fta6GF9Jr241ZaCtvtojgGAMoZDZYNLyBHqWiQgFtCUq"
CID = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("session"))


@pytest.fixture(scope="module")
def session(bundle: Bundle) -> Session:
    return Session(bundle, threads=1)


def receipt_of(session: Session, text: str = "a good day", **changes: object) -> Receipt:
    arguments: dict = dict(registry=REGISTRY, version=3, cid=CID, worker=WORKER)
    return Receipt.claim(text, session.predict([text])[0], session.runtime, **(arguments | changes))


def test_every_public_name_is_there() -> None:
    assert len(set(decai.models.__all__)) == len(decai.models.__all__)
    for name in decai.models.__all__:
        value = getattr(decai.models, name)
        assert isinstance(value, str) or value.__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = decai.models.nothing


def test_an_answer_is_the_integer_heads(bundle: Bundle, session: Session) -> None:
    (answer,) = session.predict(["A GOOD day"])
    mean = vectors()[[4, 2, 5]].mean(axis=0)
    features = bundle.projection.apply(mean / np.linalg.norm(mean))
    assert answer.features == tuple(features)
    assert answer.logit == logits(bundle.weights, features)
    assert answer.scores["good"] == pytest.approx(1 / (1 + math.exp(-answer.logit / 2**18)), abs=1e-6)
    assert answer.label == ("good" if answer.logit > 0 else "bad")
    assert answer.score == answer.scores[answer.label] and sum(answer.scores.values()) == 1
    assert (answer.tokens, answer.truncated) == (3, False)


def test_an_answer_depends_on_no_other_text(session: Session) -> None:
    texts = ["good", "a bad film", "a bad day", "a day", "bad bad bad bad", "good"]
    assert session.predict(texts) == [session.predict([text])[0] for text in texts]
    assert session.predict([]) == []
    assert session.embed(texts).shape == (6, 6)
    np.testing.assert_allclose(np.linalg.norm(session.embed(texts), axis=1), 1, rtol=1e-6)


def test_a_long_text_is_cut_and_says_so(session: Session) -> None:
    cut, whole = session.predict(["good " * 9, "good " * 8])
    assert (cut.tokens, cut.truncated) == (8, True)
    assert (whole.tokens, whole.truncated) == (8, False)
    assert cut.logit == whole.logit


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("a" * (MAX_TEXT_BYTES + 1), "32,769 bytes"),
        ("\ud800", "surrogate"),
        (7, "int"),
        ("~~", "nothing that the model can read"),
    ],
)
def test_texts_no_model_can_answer_are_refused(session: Session, text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        session.predict(["good", text])
    assert caught.value.hint


def test_sessions_are_kept_by_cid(bundle: Bundle) -> None:
    close_sessions()
    first = open_session(bundle, "cid-0")
    assert open_session(bundle, "cid-0") is first
    assert open_session(bundle) is not first and open_session(bundle) is open_session(bundle)
    for other in range(1, 4):
        open_session(bundle, f"cid-{other}")
    assert open_session(bundle, "cid-0") is not first  # the least recently used went
    close_sessions()


def test_the_runtime_is_told(session: Session) -> None:
    import onnxruntime

    told = session.runtime.to_dict()
    assert told["onnxruntime"] == onnxruntime.__version__ and told["provider"] == "CPUExecutionProvider"
    assert told["threads"] == 1 and told["arch"]


def test_a_model_of_another_shape_is_refused(tmp_path: Path) -> None:
    arguments = head_arguments(tmp_path / "sources")
    arguments["encoder"].write_bytes(encoder_bytes().replace(b"input_ids", b"something"))
    made = build_bundle(tmp_path / "bundle", **arguments)
    with pytest.raises(InvalidBundle, match="takes something: not a text model"):
        Session(made)


def test_an_encoder_that_doesnt_fit_the_head_is_refused(tmp_path: Path) -> None:
    arguments = head_arguments(tmp_path / "sources")
    arguments["encoder"].write_bytes(classifier_bytes(3))  # [N, 3], not [N, tokens, 6]
    made = build_bundle(tmp_path / "bundle", **arguments)
    with pytest.raises(InvalidBundle, match=r"encoder\.onnx"):
        Session(made).predict(["good"])


def test_a_directory_without_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidBundle, match=r"no tokenizer\.json"):
        load_tokenizer(tmp_path)


# --- receipts -----------------------------------------------------------------------------------------------


def test_the_leaf_is_what_the_format_says(session: Session) -> None:
    receipt = receipt_of(session, nonce=bytes(range(16)))
    content = receipt.to_dict()
    claimed = ("registry", "version", "cid", "worker", "input_sha256", "nonce", "output")
    canonical = rfc8785.dumps({name: content[name] for name in claimed})
    assert receipt.leaf == hashlib.sha256(b"decai:receipt:v1\x00" + canonical).hexdigest()
    assert content["input_sha256"] == hashlib.sha256(b"a good day").hexdigest()
    assert sum(content["output"]["scores"].values()) == 10_000
    assert receipt.posted_hash.hex() == receipt.leaf and receipt.contradiction() is None


def test_a_nonce_keeps_equal_answers_apart(session: Session) -> None:
    assert receipt_of(session).leaf != receipt_of(session).leaf


def test_a_receipt_survives_its_file(session: Session, tmp_path: Path) -> None:
    receipt = receipt_of(session, text="a gööd day").posted("5" * 88, 1234)
    receipt.save(tmp_path / "with.json")
    receipt.save(tmp_path / "without.json", with_text=False)
    assert Receipt.load(tmp_path / "with.json") == receipt
    with pytest.raises(StorageError, match="can't be written"):
        receipt.save(tmp_path / "no" / "where.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(StorageError, match=r"folder\.json"):
        receipt.save(tmp_path / "folder.json")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.json", "with.json", "without.json"], "no drafts"
    private = Receipt.load(tmp_path / "without.json")
    assert private.text is None and "text" not in private.to_dict(with_text=False)
    assert private.leaf == receipt.leaf and private.contradiction() is None
    assert Receipt.from_dict({"label": "good", "receipt": receipt.to_dict()}) == receipt
    assert receipt.text_to_replay() == "a gööd day" == private.text_to_replay("a gööd day")
    with pytest.raises(ReceiptError, match="doesn't hold the text"):
        private.text_to_replay()
    with pytest.raises(ReceiptError, match="isn't the one this receipt is for"):
        private.text_to_replay("a gööd day ")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("version",), 4, "leaf"),
        (("cid",), CID[:-1] + "a", "leaf"),
        (("worker",), REGISTRY, "leaf"),
        (("output", "scores", "good"), 0, "leaf"),
        (("nonce",), "00" * 16, "leaf"),
        (("text",), "a bad day", "text"),
    ],
)
def test_a_forged_receipt_contradicts_itself(session: Session, path: tuple, value: object, said: str) -> None:
    content = receipt_of(session).to_dict()
    part = content
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    forged = Receipt.from_dict(content)
    assert said in (forged.contradiction() or "")
    assert compare(session.predict(["a good day"])[0], forged) == "mismatch"


def test_a_label_that_isnt_the_best_contradicts_the_scores(session: Session) -> None:
    answer = session.predict(["a good day"])[0]
    other = next(label for label in answer.scores if label != answer.label)
    lied = dataclasses.replace(answer, label=other)
    receipt = Receipt.claim("a good day", lied, session.runtime, registry=REGISTRY, version=1, cid=CID, worker=WORKER)
    assert receipt.contradiction() == "its label isn't the one with the best score"


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {"format": "decai-receipt/2"},
        {"format": "decai-receipt/1"},
        {"receipt": {"format": "decai-receipt/1", "registry": 1}},
    ],
)
def test_what_is_no_receipt_is_refused(content: object) -> None:
    with pytest.raises(ReceiptError) as caught:
        Receipt.from_dict(content)
    assert caught.value.hint


def test_fields_of_a_receipt_are_checked(session: Session) -> None:
    good = receipt_of(session).to_dict()
    for change in ({"version": 0}, {"version": "3"}, {"leaf": "zz"}, {"more": 1}, {"registry": "0OIl"}, {"slot": -1}):
        with pytest.raises(ReceiptError, match=f"malformed at {next(iter(change))}"):
            Receipt.from_dict(good | change)
    with pytest.raises(ReceiptError, match="malformed at version"):
        receipt_of(session, version=0)


def test_files_that_are_no_receipt_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "big").write_bytes(bytes(2 << 20))
    for name, message in (
        ("text", "isn't JSON"),
        ("big", "too many"),
        ("none", "can't be read"),
        (".", "can't be read"),
    ):
        with pytest.raises(ReceiptError, match=message):
            Receipt.load(tmp_path / name)


def test_comparison_has_three_answers(session: Session) -> None:
    receipt = receipt_of(session)
    answer = session.predict(["a good day"])[0]

    def moved(units: int) -> Prediction:
        label, other = answer.label, next(name for name in answer.scores if name != answer.label)
        scores = {label: answer.score + units * 1e-4, other: answer.scores[other] - units * 1e-4}
        return dataclasses.replace(answer, scores={name: scores[name] for name in answer.scores})

    assert compare(answer, receipt) == "exact"
    assert compare(moved(1), receipt) == compare(moved(-TOLERANCE), receipt) == "within tolerance"
    assert compare(moved(TOLERANCE + 2), receipt) == "mismatch"
    assert compare(dataclasses.replace(answer, scores={"x": 0.5, "y": 0.5}), receipt) == "mismatch"
    assert compare(moved(1), receipt, tolerance=0) == "mismatch"


def rfc6962_root(leaves: list[bytes]) -> bytes:
    """The recursive definition, as the RFC writes it."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + rfc6962_root(leaves[:k]) + rfc6962_root(leaves[k:])).digest()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17, 33])
def test_batches_are_rfc_6962_trees(count: int) -> None:
    leaves = [hashlib.sha256(bytes([i])).digest() for i in range(count)]
    root = merkle_root(leaves)
    assert root == rfc6962_root(leaves)
    for i, path in enumerate(merkle_paths(leaves)):
        assert (path.index, path.count, path.root) == (i, count, root.hex())
        assert merkle_root_from_path(leaves[i], i, count, path.path) == root
        assert merkle_root_from_path(leaves[i], i, count, [*path.path, root.hex()]) is None
        if count > 1:
            assert merkle_root_from_path(leaves[i], (i + 1) % count, count, path.path) != root
            assert merkle_root_from_path(leaves[i], i, count, path.path[:-1]) != root
            assert merkle_root_from_path(leaves[i - 1], i, count, path.path) != root
    assert merkle_root_from_path(leaves[0], count, count, []) is None


def test_no_node_passes_for_a_leaf() -> None:
    leaves = [bytes([i]) * 32 for i in range(4)]
    inner = [rfc6962_root(leaves[:2]), rfc6962_root(leaves[2:])]
    assert merkle_root(inner) != merkle_root(leaves)


@pytest.mark.parametrize("leaves", [[], [b"short"]])
def test_what_is_no_batch_is_refused(leaves: list[bytes]) -> None:
    with pytest.raises(ReceiptError):
        merkle_root(leaves)


def test_a_receipt_of_a_batch_carries_its_path(session: Session) -> None:
    receipts = [receipt_of(session, text) for text in ("good", "bad", "a day")]
    paths = merkle_paths([bytes.fromhex(r.leaf) for r in receipts])
    posted = [r.posted("5" * 88, 9, path) for r, path in zip(receipts, paths, strict=True)]
    assert {r.posted_hash.hex() for r in posted} == {paths[0].root}
    assert all(r.contradiction() is None for r in posted)
    swapped = receipts[0].posted("5" * 88, 9, paths[1])
    assert swapped.contradiction() == "its path doesn't lead to its batch's root"
    assert Receipt.from_dict(json.loads(json.dumps(posted[2].to_dict()))) == posted[2]
