"""Transactions as files: built here, signed there, sent here; and what is refused on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import (
    CreateAccountParams,
    TransferParams,
    create_account,
    transfer,
)
from solders.transaction import VersionedTransaction

from decai.chain import Action, Confirmation, LocalWallet, Prepared
from decai.chain.offline import build_file, read_file, send_file, sign_file
from decai.errors import AccountMismatch, TransactionExpired, WalletError, WrongCluster

ME = Keypair.from_seed(bytes([1] * 32))
FRESH = Keypair.from_seed(bytes([2] * 32))
NONCE = Pubkey(bytes([4] * 32))
PAY = transfer(TransferParams(from_pubkey=ME.pubkey(), to_pubkey=Pubkey(bytes([9] * 32)), lamports=5))
NEW = create_account(
    CreateAccountParams(from_pubkey=ME.pubkey(), to_pubkey=FRESH.pubkey(), lamports=9, space=0, owner=Pubkey.default())
)


class FakeChain:
    url, genesis, height = "http://127.0.0.1:1", "the genesis hash", 100

    def __init__(self) -> None:
        self.sent: list[VersionedTransaction] = []
        self.known: dict[str, Confirmation] = {}
        self.nonce = bytes(8) + bytes(ME.pubkey()) + bytes([6] * 32) + (5000).to_bytes(8, "little")
        self.nonce = (1).to_bytes(4, "little") * 2 + self.nonce[8:]

    def prepare(self, action: Action) -> Prepared:
        message = MessageV0.try_compile(action.payer, list(action.instructions), [], Hash(bytes([5] * 32)))
        count = message.header.num_required_signatures
        return Prepared(action, VersionedTransaction.populate(message, [Signature.default()] * count), 150)

    def rpc(self, method: str, *_: Any) -> int:
        assert method == "getBlockHeight"
        return self.height

    def raw_account(self, address: Pubkey) -> bytes | None:
        return self.nonce if address == NONCE else None

    def resolve(self, signature: str) -> Confirmation | None:
        return self.known.get(signature)

    def send_signed(self, transaction: VersionedTransaction, height: int) -> Confirmation:
        self.sent.append(transaction)
        done = Confirmation(str(transaction.signatures[0]), 7)
        self.known[done.signature] = done
        return done


@pytest.fixture
def chain() -> Any:
    return FakeChain()


def action(*instructions: Any, signers: tuple[Keypair, ...] = ()) -> Action:
    return Action("Pay", tuple(instructions) or (PAY,), ME.pubkey(), signers=signers)


def test_there_and_back(chain: Any, tmp_path: Path) -> None:
    path, out = tmp_path / "pay.json", tmp_path / "signed.json"
    built = build_file(chain, action(PAY, NEW, signers=(FRESH,)), path)
    assert built.missing == (ME.pubkey(),)
    assert [w.does for w in built.words({})] == ["Transfer 0.000000005 SOL", "Create account"]
    signed = sign_file(path, LocalWallet(ME), out)
    assert signed.missing == () and read_file(path).missing == (ME.pubkey(),)
    assert read_file(out) == signed
    done = send_file(chain, out)
    assert chain.sent[0].message == built.message and all(chain.sent[0].verify_with_results())
    assert send_file(chain, out) == done and len(chain.sent) == 1


def test_signing_in_place(chain: Any, tmp_path: Path) -> None:
    path = tmp_path / "pay.json"
    build_file(chain, action(), path)
    sign_file(path, LocalWallet(ME))
    assert read_file(path).missing == ()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["pay.json"]


def test_an_existing_file_is_never_replaced(chain: Any, tmp_path: Path) -> None:
    path = tmp_path / "pay.json"
    path.write_text("mine")
    with pytest.raises(WalletError, match="already"):
        build_file(chain, action(), path)
    assert path.read_text() == "mine" and len(list(tmp_path.iterdir())) == 1
    with pytest.raises(WalletError, match="can't be written"):
        build_file(chain, action(), tmp_path / "missing" / "pay.json")


def test_another_wallet_cant_sign(chain: Any, tmp_path: Path) -> None:
    path = tmp_path / "pay.json"
    build_file(chain, action(), path)
    with pytest.raises(WalletError, match="isn't among"):
        sign_file(path, LocalWallet(FRESH))


def test_an_unsigned_file_isnt_sent(chain: Any, tmp_path: Path) -> None:
    path = tmp_path / "pay.json"
    build_file(chain, action(), path)
    with pytest.raises(WalletError, match="still needs"):
        send_file(chain, path)
    assert not chain.sent


def edit(path: Path, **change: Any) -> None:
    raw = json.loads(path.read_text())
    path.write_text(json.dumps({**raw, **change}))


def redigest(path: Path, **change: Any) -> None:
    """A forger who knows the format."""
    from decai.chain.offline import _digest

    raw = {**json.loads(path.read_text()), **change}
    raw.pop("digest")
    path.write_text(json.dumps({**raw, "digest": _digest(raw)}))


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Something harmless"},
        {"cluster_genesis": "another"},
        {"message": "AAAA"},
        {"signatures": {}},
        {"last_valid_block_height": 10**9},
        {"nonce_account": str(NONCE)},
        {"digest": None},
    ],
)
def test_a_changed_file_is_refused(chain: Any, tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "pay.json"
    build_file(chain, action(PAY, NEW, signers=(FRESH,)), path)
    edit(path, **change)
    with pytest.raises(WalletError, match="changed"):
        sign_file(path, LocalWallet(ME))


def test_a_forged_digest_doesnt_help(chain: Any, tmp_path: Path) -> None:
    path = tmp_path / "pay.json"
    build_file(chain, action(), path)
    before = path.read_text()
    other = Pubkey(bytes([8] * 32))
    for change, words in (
        ({"payer": str(other)}, "other signers"),
        ({"signers": [str(ME.pubkey()), str(other)]}, "other signers"),
        ({"signatures": {str(ME.pubkey()): str(Signature.default())}}, "isn't one of"),
        ({"signatures": {str(other): str(Signature.default())}}, "isn't one of"),
        ({"signatures": {"x": "y"}}, "can't be read"),
        ({"signatures": []}, "can't be read"),
        ({"message": "!!"}, "can't be read"),
        ({"message": ""}, "can't be read"),
        ({"last_valid_block_height": "soon"}, "can't be read"),
        ({"nonce_account": "x"}, "can't be read"),
        ({"extra": 1}, "other fields"),
        ({"version": 2}, "version 2"),
    ):
        path.write_text(before)
        redigest(path, **change)
        with pytest.raises(WalletError, match=words):
            read_file(path)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "another"}', "\0", "null"])
def test_what_isnt_such_a_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(WalletError, match="isn't a transaction file"):
        read_file(path)


def test_no_file_and_a_huge_one(tmp_path: Path) -> None:
    with pytest.raises(WalletError, match="no file"):
        read_file(tmp_path / "none.json")
    (tmp_path / "huge.json").write_text(" " * 100_000)
    with pytest.raises(WalletError, match="too large"):
        read_file(tmp_path / "huge.json")


def test_another_cluster_is_refused(chain: Any, tmp_path: Path) -> None:
    path = tmp_path / "pay.json"
    build_file(chain, action(), path)
    sign_file(path, LocalWallet(ME))
    chain.genesis = "another cluster"
    with pytest.raises(WrongCluster, match="the genesis hash"):
        send_file(chain, path)
    assert not chain.sent


def test_a_blockhash_that_ran_out_is_explained(chain: Any, tmp_path: Path) -> None:
    path = tmp_path / "pay.json"
    build_file(chain, action(), path)
    sign_file(path, LocalWallet(ME))
    chain.height = 151
    with pytest.raises(TransactionExpired, match="ran out") as caught:
        send_file(chain, path)
    assert caught.value.hint is not None and "nonce" in caught.value.hint
    assert not chain.sent


def test_a_nonce_outlives_the_blockhash_until_it_is_used(chain: Any, tmp_path: Path) -> None:
    path = tmp_path / "pay.json"
    built = build_file(chain, action(), path, nonce_account=NONCE)
    assert built.words({})[0].does == "Advance nonce"
    assert built.message.recent_blockhash == Hash(bytes([6] * 32)) and built.last_valid_block_height is None
    assert read_file(path).nonce_account == NONCE
    sign_file(path, LocalWallet(ME))
    chain.height = 10**9
    used = chain.nonce
    chain.nonce = used[:40] + bytes([7] * 32) + used[72:]
    with pytest.raises(TransactionExpired, match="was used"):
        send_file(chain, path)
    chain.nonce = used
    assert send_file(chain, path).slot == 7


def test_a_nonce_account_must_be_the_signers_own(chain: Any, tmp_path: Path) -> None:
    chain.nonce = chain.nonce[:8] + bytes(FRESH.pubkey()) + chain.nonce[40:]
    with pytest.raises(AccountMismatch, match="belongs to"):
        build_file(chain, action(), tmp_path / "a.json", nonce_account=NONCE)
    for raw in (None, b"", bytes(80)):
        chain.nonce = raw
        with pytest.raises(AccountMismatch, match="isn't an initialised"):
            build_file(chain, action(), tmp_path / "a.json", nonce_account=NONCE)
    assert not list(tmp_path.iterdir())


def test_the_signature_is_over_the_message_in_the_file(chain: Any, tmp_path: Path) -> None:
    path = tmp_path / "pay.json"
    built = build_file(chain, action(), path)
    signed = sign_file(path, LocalWallet(ME))
    assert signed.signatures[ME.pubkey()].verify(ME.pubkey(), to_bytes_versioned(built.message))
