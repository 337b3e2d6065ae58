"""Ask, post, verify: on a real node, a real store and the real first model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from shared_world import World
from solders.keypair import Keypair

from decai.chain import LocalWallet
from decai.errors import InsufficientFunds, InvalidInput, ModelNotFound, ReceiptError, RpcUnreachable, WalletError
from decai.models.receipts import Receipt

TEXT = "What a wonderful day."


def test_the_model_arrives_block_by_block_once(world: World, tmp_path: Path) -> None:
    person = world.person(home=tmp_path)
    seen = []
    first = person.infer(TEXT, progress=seen.append)
    assert first.fetched.bytes_fetched == first.fetched.bytes_total > 20_000_000
    assert seen[-1].bytes_done == seen[-1].bytes_total == first.fetched.bytes_total
    assert [p.bytes_done for p in seen] == sorted(p.bytes_done for p in seen)
    again = person.infer(TEXT)
    assert again.fetched.bytes_fetched == 0
    assert again.prediction == first.prediction
    assert again.receipt.leaf != first.receipt.leaf, "a nonce keeps equal texts apart"


def test_a_receipt_is_exact_for_anyone(world: World) -> None:
    asked = world.person().infer(TEXT)
    stranger = world.person(sol=0)
    checked = stranger.verify(asked.receipt)
    assert (checked.status, checked.ok) == ("exact", True)
    frame = asked.to_frame()
    assert frame.label[0] == asked.prediction.label and frame.score[0] == max(asked.prediction.scores.values())
    html = asked._repr_html_()
    assert str(asked.receipt.signature) in html and f"{frame.score[0]:.4f}" in html
    hostile = replace(asked.prediction, label="<b onclick=x>", scores={"<b onclick=x>": 1.0})
    assert "<b onclick" not in replace(asked, prediction=hostile)._repr_html_()
    assert checked.prediction is not None and checked.prediction.label == asked.prediction.label


def test_a_receipt_without_its_text_needs_the_text(world: World, tmp_path: Path) -> None:
    asked = world.person().infer(TEXT)
    path = tmp_path / "receipt.json"
    asked.receipt.save(path, with_text=False)
    assert TEXT not in path.read_text()
    reader = world.person(sol=0)
    with pytest.raises(ReceiptError, match="--text"):
        reader.verify(path)
    with pytest.raises(ReceiptError, match="isn't the one"):
        reader.verify(path, text="Something else.")
    assert reader.verify(path, text=TEXT).status == "exact"


def test_a_changed_receipt_is_a_mismatch(world: World) -> None:
    person = world.person()
    given = person.infer(TEXT).receipt.to_dict()
    for change in (
        {"version": 2},
        {"leaf": "00" * 32},
        {"text": "Another text."},
        {"output": {"label": "negative", "scores": {"negative": 9_000, "positive": 1_000}}},
    ):
        assert person.verify({**given, **change}).status == "mismatch", change


def test_another_answers_transaction_is_a_mismatch(world: World) -> None:
    person = world.person()
    one, two = person.infer(TEXT).receipt, person.infer("A gloomy one.").receipt
    swapped = one.posted(two.signature or "", two.slot or 0)
    found = person.verify(swapped)
    assert found.status == "mismatch" and "something else" in found.detail


def test_a_resealed_lie_is_found_by_replaying(world: World) -> None:
    """A worker who posts the leaf of an answer that the model never gave: on chain, consistent, and wrong."""
    from decai.inference import answer, post_action

    person = world.person()
    given = answer(person, TEXT)
    scores = given.receipt.output.scores
    swapped = dict(zip(scores, reversed(scores.values()), strict=True))
    label = max(swapped, key=lambda k: swapped[k])
    lie = given.receipt.model_copy(update={"output": given.receipt.output.model_copy(
        update={"label": label, "scores": {k: (9_000 if k == label else 1_000) for k in swapped}})})  # fmt: skip
    lie = lie.model_copy(update={"leaf": lie.recomputed_leaf().hex()})
    import dataclasses

    done = person.act(post_action(person, dataclasses.replace(given, receipt=lie), person.signer()))
    found = person.verify(lie.posted(done.signature, done.slot))
    assert found.status == "mismatch" and "now says" in found.detail


@pytest.mark.parametrize("signature", [None, "1" * 64, "5" * 88])
def test_a_transaction_nobody_knows_is_not_found(world: World, signature: str | None) -> None:
    person = world.person()
    given = person.infer(TEXT).receipt.to_dict()
    assert person.verify({**given, "signature": signature}).status == "not found"


def test_a_poor_wallet_is_told_before_anything_is_fetched(world: World, tmp_path: Path) -> None:
    poor = world.person(sol=0, home=tmp_path)
    with pytest.raises(InsufficientFunds, match="decai wallet fund"):
        poor.infer(TEXT)
    assert poor.store.stat().blocks == 0


def test_without_a_wallet_looking_is_all(world: World) -> None:
    viewer = world.person(sol=0).with_wallet(None)
    assert viewer.registry.current is not None
    with pytest.raises(WalletError, match="wallet"):
        viewer.infer(TEXT)


@pytest.mark.parametrize("text", ["", "   "])
def test_a_text_that_cannot_be_used_posts_nothing(world: World, text: str) -> None:
    person = world.person()
    before = person.balance()
    with pytest.raises(InvalidInput):
        person.infer(text)
    assert person.balance() == before


def test_versions_by_number_and_date(world: World) -> None:
    registry = world.person(sol=0).registry
    current = registry.current
    assert current is not None
    assert registry.resolve("v1") == registry.resolve(1) == registry.version(1)
    assert registry.at(current.published_at) == current
    with pytest.raises(ModelNotFound, match="no version in use"):
        registry.resolve("2001-01-01")
    with pytest.raises(ModelNotFound, match="no version 99"):
        registry.resolve(99)


def test_nothing_there_says_what_to_start(tmp_path: Path) -> None:
    from decai.collective import connect

    with pytest.raises(RpcUnreachable, match="decai up"):
        connect(home=tmp_path)
    gone = connect("http://127.0.0.1:9", home=tmp_path, wallet=LocalWallet(Keypair()))
    with pytest.raises(RpcUnreachable, match="DECAI_URL"):
        gone.status()


def test_something_else_at_the_url_is_not_taken_for_a_chain(world: World, tmp_path: Path) -> None:
    from decai.collective import connect

    other = connect(str(world.network.urls["gateway_url"]), home=tmp_path, wallet=LocalWallet(Keypair()))
    with pytest.raises(RpcUnreachable, match="not as a Solana RPC"):
        other.status()


def test_a_cluster_without_our_programs_is_the_wrong_one(tmp_path: Path) -> None:
    from decai.collective import connect
    from decai.errors import WrongCluster
    from decai.localnet import Node, NodeServer

    node = Node()
    server = NodeServer(node)
    server.start()
    try:
        bare = connect(server.rpc_url, home=tmp_path, wallet=LocalWallet(Keypair()))
        assert not bare.status().healthy
        for use in (bare.registries, lambda: bare.create_registry("x"), lambda: bare.infer(TEXT)):
            with pytest.raises(WrongCluster, match="aren't deployed"):
                use()
    finally:
        server.stop()
        node.close()


def test_a_receipt_file_as_infer_prints_it(world: World, tmp_path: Path) -> None:
    person = world.person()
    path = tmp_path / "out.json"
    path.write_text(json.dumps({"label": "positive", "receipt": person.infer(TEXT).receipt.to_dict()}))
    assert person.verify(path).status == "exact"
    assert Receipt.load(path).text == TEXT
