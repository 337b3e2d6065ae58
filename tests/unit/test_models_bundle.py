"""Bundles: what is built, what is refused, and that nothing half-written appears."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from tiny_models import (
    CARD,
    FEATURES,
    bytes_field,
    classifier_bytes,
    encoder_bytes,
    head_arguments,
    int_field,
    projection,
    tensor,
    tiny_bundle,
    write_tokenizer,
)

from decai.errors import InvalidBundle
from decai.models import (
    Footprint,
    Parent,
    Session,
    build_bundle,
    bundle_from_files,
    derive_bundle,
    load_bundle,
)
from decai.models.head_onnx import head_onnx, projection_of
from decai.models.onnx_files import check_onnx
from decai.proofs import field_bytes, weights_commitment
from decai.training.projection import Projection
from decai.training.trainer import logits


def rewrite(bundle: Path, name: str, raw: bytes) -> None:
    """Replace a file and its hash, as somebody would who wants to be believed."""
    (bundle / name).write_bytes(raw)
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    manifest["files"][name] = {"sha256": hashlib.sha256(raw).hexdigest(), "size": len(raw)}
    (bundle / "manifest.json").write_text(json.dumps(manifest))


def edit_manifest(bundle: Path, edit: Callable[[dict], object]) -> None:
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    edit(manifest)
    (bundle / "manifest.json").write_text(json.dumps(manifest))


def test_head_onnx_is_the_proofs_byte_for_byte() -> None:
    mean = np.arange(8, dtype="f4") / 64
    matrix = (np.arange(32, dtype="f4").reshape(8, 4) - 16) / 64
    raw = head_onnx(Projection(matrix, mean), [1, -2, 3, -32768, 32767])
    # What the proof's own writer makes of the same numbers.
    assert hashlib.sha256(raw).hexdigest() == "cbd07d7e54367d7a67cf3f75cf133bb1d3172f2baa6e828a006a5a322fc8a2a6"


def test_head_onnx_computes_the_integer_head() -> None:
    rng = np.random.default_rng(1)
    maps = Projection(rng.normal(size=(48, 32)).astype("f4"), rng.normal(size=48).astype("f4"))
    embeddings = rng.normal(size=(200, 48)).astype("f4")
    for weights in (rng.integers(-32768, 32768, 33), np.full(33, -32768), np.full(33, 32767)):
        session = onnxruntime.InferenceSession(head_onnx(maps, weights))
        features, logit, probability, label = session.run(None, {"embedding": embeddings})
        np.testing.assert_array_equal(features, maps.apply(embeddings))
        expected = logits(weights, features)
        np.testing.assert_array_equal(logit[:, 0], expected)
        np.testing.assert_array_equal(label[:, 0], expected > 0)
        np.testing.assert_allclose(probability[:, 0], 1 / (1 + np.exp(-expected / 2**18)), atol=1e-6)


def test_projection_is_read_back_from_the_head() -> None:
    assert projection_of(head_onnx(projection(), [1, 2, 3, 4])).sha256 == projection().sha256


def test_a_bundle_is_built_and_loaded(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path)
    loaded = load_bundle(bundle.path)
    assert loaded == bundle
    assert loaded.weights.tolist() == [4000, -5000, 3000, 200]
    assert loaded.commitment == field_bytes(weights_commitment([4000, -5000, 3000, 200]))
    assert loaded.projection.sha256 == projection().sha256
    assert loaded.manifest_sha256 == hashlib.sha256((bundle.path / "manifest.json").read_bytes()).hexdigest()
    assert loaded.size_bytes == sum(f.stat().st_size for f in bundle.path.iterdir())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bundle", "sources"]


def test_equal_inputs_give_equal_bytes(tmp_path: Path) -> None:
    a, b = tiny_bundle(tmp_path / "a"), tiny_bundle(tmp_path / "b")
    names = sorted(p.name for p in a.path.iterdir())
    assert names == sorted(p.name for p in b.path.iterdir())
    assert all((a.path / n).read_bytes() == (b.path / n).read_bytes() for n in names)
    raw = (a.path / "manifest.json").read_bytes()
    assert raw == json.dumps(json.loads(raw), sort_keys=True, separators=(",", ":")).encode()


def test_the_next_version_moves_the_head_alone(tmp_path: Path) -> None:
    base = tiny_bundle(tmp_path)
    footprint = Footprint(energy_joules=3600, co2e_mg=480, grade="measured", source="RAPL.", region="SE")
    parent = Parent(version=1, cid="bafy")
    weights = [1, 2, 3, 4]
    after = derive_bundle(tmp_path / "next", base, parent=parent, weights=weights, footprint=footprint)
    before_files, after_files = base.manifest.files, after.manifest.files
    changed = {name for name in before_files if before_files[name] != after_files[name]}
    assert changed == {"head.onnx", "README.md"}
    assert after.manifest.parent == parent and after.weights.tolist() == weights
    assert after.projection.sha256 == base.projection.sha256
    assert "0.48 g CO2e, measured" in after.card


def test_the_card_is_hugging_faces(tmp_path: Path) -> None:
    footprint = Footprint(energy_joules=36, co2e_mg=5, grade="declared", source='By "them"\n---\nx: 1')
    arguments = head_arguments(tmp_path / "sources") | {"footprint": footprint}
    card = build_bundle(tmp_path / "bundle", **arguments).card
    _, front, body = card.split("---\n", 2)
    assert "\nco2_eq_emissions:\n  emissions: 0.005\n" in front and '\nlicense: "cc0-1.0"\n' in "\n" + front
    assert 'source: "By \\"them\\"\\n---\\nx: 1"' in front  # no text leaves its place
    assert '        metrics:\n          - type: "accuracy"\n            value: 0.8\n' in front
    assert "Accuracy 80.00 %: 4 of 5 held-out rows" in body and "Before: 60.00 %" in body
    assert "* It knows five words." in body


@pytest.mark.parametrize("name", ["head.onnx", "encoder.onnx", "tokenizer.json", "README.md", "manifest.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    bundle = tiny_bundle(tmp_path).path
    (bundle / name).unlink()
    with pytest.raises(InvalidBundle, match=name) as caught:
        load_bundle(bundle)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["head.onnx", "encoder.onnx", "tokenizer.json", "README.md"])
def test_a_changed_file_is_named(tmp_path: Path, name: str) -> None:
    bundle = tiny_bundle(tmp_path).path
    raw = (bundle / name).read_bytes()
    (bundle / name).write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    with pytest.raises(InvalidBundle, match=f"{name} has the sha256"):
        load_bundle(bundle)


def test_a_link_out_of_the_bundle_is_refused(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path).path
    outside = (bundle / "README.md").rename(tmp_path / "outside")
    (bundle / "README.md").symlink_to(outside)
    with pytest.raises(InvalidBundle, match=r"README\.md is missing"):
        load_bundle(bundle)


def test_what_nothing_vouches_for_is_refused(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path).path
    (bundle / "weights.pkl").write_bytes(b"")
    with pytest.raises(InvalidBundle, match=r"weights\.pkl is in the bundle but not in"):
        load_bundle(bundle)
    rewrite(bundle, "weights.pkl", b"\x80\x04.")
    with pytest.raises(InvalidBundle, match=r"manifest\.json lists weights\.pkl"):
        load_bundle(bundle)


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("encoder.onnx", b"not a model", "encoder.onnx isn't an ONNX file"),
        ("encoder.onnx", b"", "encoder.onnx isn't an ONNX file"),
        ("encoder.onnx", encoder_bytes()[:-9], "encoder.onnx isn't an ONNX file"),
        ("head.onnx", encoder_bytes(), "head.onnx holds no projection"),
        ("head.onnx", head_onnx(projection(), [4000, -5000, 3000, 201]), "isn't the head"),
        ("head.onnx", head_onnx(projection(), [4000, -5000, 3000, 200]) + b"\x72\x00", "isn't the head"),
        (
            "head.onnx",
            head_onnx(Projection(projection().matrix * 2, projection().mean), [4000, -5000, 3000, 200]),
            "another projection",
        ),
        ("tokenizer.json", b"{}", "tokenizer.json isn't a tokenizer"),
        ("tokenizer.json", b"[", "tokenizer.json isn't JSON"),
        ("tokenizer_config.json", b"{}", "doesn't say model_max_length"),
        ("tokenizer_config.json", b'{"model_max_length": 9}', "says 9 tokens"),
    ],
)
def test_files_that_lie_are_refused(tmp_path: Path, name: str, raw: bytes, message: str) -> None:
    bundle = tiny_bundle(tmp_path).path
    rewrite(bundle, name, raw)
    with pytest.raises(InvalidBundle, match=message) as caught:
        load_bundle(bundle)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda m: m.update(format="decai-bundle/9"), "decai-bundle/9"),
        (lambda m: m.update(extra=1), "manifest.json is wrong at extra"),
        (lambda m: m.update(labels=["one"]), "wrong at labels"),
        (lambda m: m.update(labels=["same", "same"]), "two labels are the same"),
        (lambda m: m.update(labels=["a", "b", "c"]), "two labels"),
        (lambda m: m.update(head=None), "exactly the kind integer-head"),
        (lambda m: m["files"].pop("tokenizer.json"), "lists no tokenizer.json"),
        (lambda m: m["files"].update({"../evil": {"sha256": "0" * 64, "size": 1}}), "wrong at files"),
        (lambda m: m["head"].update(commitment="00" * 32), "commitment isn't that of its weights"),
        (lambda m: m["head"]["weights"].append(1), "weights don't fit"),
        (lambda m: m["head"]["weights"].__setitem__(0, 40_000), "head.weights.0"),
        (lambda m: m["metrics"].update(accuracy_ppm=0.8), "metrics.accuracy_ppm"),
    ],
)
def test_a_wrong_manifest_says_where(tmp_path: Path, edit: Callable[[dict], object], message: str) -> None:
    bundle = tiny_bundle(tmp_path).path
    edit_manifest(bundle, edit)
    with pytest.raises(InvalidBundle, match=message):
        load_bundle(bundle)


@pytest.mark.parametrize("raw", [b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(raw)
    with pytest.raises(InvalidBundle, match=r"manifest\.json"):
        load_bundle(tmp_path)
    with pytest.raises(InvalidBundle, match="There is no bundle"):
        load_bundle(tmp_path / "nothing")


EXTERNAL = bytes_field(13, bytes_field(1, "location") + bytes_field(2, "../secret"))
ATTRIBUTE_TENSOR = bytes_field(5, bytes_field(1, "value") + bytes_field(5, int_field(14, 1)))


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (bytes_field(5, int_field(2, 1) + bytes_field(8, "x") + EXTERNAL), "external data"),
        (bytes_field(5, int_field(2, 1) + bytes_field(8, "x") + int_field(14, 1)), "external data"),
        (bytes_field(15, bytes_field(1, b"")), "sparse"),
        (bytes_field(1, bytes_field(4, "Constant") + ATTRIBUTE_TENSOR), "external data"),
        (bytes_field(1, bytes_field(5, bytes_field(22, b""))), "sparse"),
        # inside a branch of an If
        (bytes_field(1, bytes_field(5, bytes_field(6, bytes_field(15, b"")))), "sparse"),
    ],
)
def test_models_that_reach_outside_themselves_are_refused(extra: bytes, message: str) -> None:
    check_onnx(encoder_bytes(), "x.onnx")
    with pytest.raises(InvalidBundle, match=message):
        check_onnx(encoder_bytes(extra), "x.onnx")


def test_functions_and_depth_are_looked_into() -> None:
    function = bytes_field(25, bytes_field(7, bytes_field(5, bytes_field(23, b""))))
    with pytest.raises(InvalidBundle, match="sparse"):
        check_onnx(encoder_bytes() + function, "x.onnx")
    graph = b""
    for _ in range(40):
        graph = bytes_field(1, bytes_field(5, bytes_field(6, graph)))
    with pytest.raises(InvalidBundle, match="too deeply"):
        check_onnx(encoder_bytes(graph), "x.onnx")


def test_nothing_half_built_stays(tmp_path: Path) -> None:
    good = head_arguments(tmp_path / "sources")
    (tmp_path / "broken.onnx").write_bytes(encoder_bytes()[:-9])
    for change in (
        {"encoder": tmp_path / "broken.onnx"},
        {"encoder": tmp_path / "none.onnx"},
        {"weights": [0] * (FEATURES + 2)},
        {"weights": [40_000, 0, 0, 0]},
        {"labels": ["only"]},
        {"name": "a" * 65},
        {"tokenizer": tmp_path / "nowhere"},
    ):
        with pytest.raises(InvalidBundle) as caught:
            build_bundle(tmp_path / "out" / "bundle", **(good | change))
        assert caught.value.hint
        assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []
    build_bundle(tmp_path / "out" / "bundle", **good)
    with pytest.raises(InvalidBundle, match="exists"):
        build_bundle(tmp_path / "out" / "bundle", **good)


def test_somebodys_own_classifier(tmp_path: Path) -> None:
    tokenizer = write_tokenizer(tmp_path / "tokenizer", config=False) / "tokenizer.json"
    (tmp_path / "mine.onnx").write_bytes(classifier_bytes(3))
    made = bundle_from_files(
        tmp_path / "bundle",
        model=tmp_path / "mine.onnx",
        tokenizer=tokenizer,
        name="mine",
        labels=["one", "two", "three"],
        card=CARD,
        max_tokens=5,
    )
    loaded = load_bundle(made.path)
    assert loaded.manifest.kind == "onnx-classifier" and loaded.commitment == bytes(32)
    answer, cut = Session(loaded).predict(["a good film", "a a a a a a a"])
    assert sum(answer.scores.values()) == pytest.approx(1) and answer.score == max(answer.scores.values())
    assert answer.scores[answer.label] == answer.score and answer.logit is None and answer.tokens == 3
    assert (cut.tokens, cut.truncated) == (5, True)
    with pytest.raises(InvalidBundle, match="no integer head"):
        _ = loaded.weights
    with pytest.raises(InvalidBundle, match="no integer head"):
        _ = loaded.projection


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ["one", "two"]}, "there are 2 labels"),
        ({"max_tokens": None}, "no tokenizer_config.json"),
        ({"model": "text"}, "isn't an ONNX file"),
        ({"model": "encoder"}, "answers with shape"),
        ({"model": "operator"}, "can load"),
        ({"tokenizer": "none"}, "tokenizer.json"),
        ({"tokenizer": "unknown"}, "can't be loaded"),
    ],
)
def test_a_classifier_that_cant_answer_is_never_built(tmp_path: Path, change: dict, message: str) -> None:
    write_tokenizer(tmp_path / "tokenizer", config=False)
    unknown = write_tokenizer(tmp_path / "unknown", config=False) / "tokenizer.json"
    unknown.write_text('{"model": {"type": "Unheard"}}')
    models = {
        "good": classifier_bytes(3),
        "text": b"hello",
        "encoder": encoder_bytes(),
        "operator": encoder_bytes(bytes_field(1, bytes_field(4, "Unheard") + bytes_field(2, "y"))),
    }
    (tmp_path / "m.onnx").write_bytes(models[change.get("model", "good")])
    arguments = {
        "model": tmp_path / "m.onnx",
        "tokenizer": tmp_path / change.get("tokenizer", "tokenizer"),
        "labels": change.get("labels", ["one", "two", "three"]),
        "max_tokens": change.get("max_tokens", 5),
    }
    with pytest.raises(InvalidBundle, match=message) as caught:
        bundle_from_files(tmp_path / "out" / "bundle", name="mine", card=CARD, **arguments)
    assert caught.value.hint
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_the_tiny_tensor_helper_is_onnx() -> None:
    check_onnx(encoder_bytes(tensor("more", np.zeros((1, 1)))), "x.onnx")
