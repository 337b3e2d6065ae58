"""What a wallet may change in a transaction, and that everything else is refused."""

from __future__ import annotations

import pytest
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from dashboard.signing.compare import LIGHTHOUSE, MAX_PRIORITY_FEE, accept, differences
from decai.errors import WalletError

ME = Keypair.from_seed(bytes([1] * 32))
FRESH = Keypair.from_seed(bytes([2] * 32))
TO = Pubkey(bytes([9] * 32))
BUDGET = Pubkey.from_string("ComputeBudget111111111111111111111111111111")
HASH, NEWER = Hash(bytes([5] * 32)), Hash(bytes([6] * 32))


def pay(lamports: int = 5, to: Pubkey = TO) -> Instruction:
    return transfer(TransferParams(from_pubkey=ME.pubkey(), to_pubkey=to, lamports=lamports))


def limit(units: int) -> Instruction:
    return Instruction(BUDGET, b"\2" + units.to_bytes(4, "little"), [])


def price(micro: int) -> Instruction:
    return Instruction(BUDGET, b"\3" + micro.to_bytes(8, "little"), [])


def guard(kind: int, *metas: AccountMeta) -> Instruction:
    return Instruction(Pubkey.from_string(LIGHTHOUSE), bytes([kind, 1]), list(metas))


def message(*instructions: Instruction, payer: Pubkey | None = None, blockhash: Hash = HASH) -> MessageV0:
    return MessageV0.try_compile(payer or ME.pubkey(), list(instructions), [], blockhash)


SENT = message(limit(1000), pay())


def test_the_same_bytes_are_no_change() -> None:
    assert differences(SENT, message(limit(1000), pay())) == ()


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (message(limit(1000), pay(), blockhash=NEWER), ["newer blockhash"]),
        (message(limit(1000), price(2_000_000), pay()), ["priority fee to 0.000002 SOL"]),
        (message(limit(90_000), pay()), ["compute limit to 90"]),
        (message(pay(), limit(1000)), ["same transaction in another order"]),
        (message(pay()), ["took away the compute limit"]),
        (message(limit(1000), pay(), guard(5, AccountMeta(TO, False, False))), ["1 check by Lighthouse"]),
        (message(guard(2), limit(1000), pay(), guard(5), blockhash=NEWER), ["2 checks", "newer blockhash"]),
    ],
)
def test_what_wallets_may_change_is_told(returned: MessageV0, words: list[str]) -> None:
    told = differences(SENT, returned)
    assert len(told) == len(words)
    for part, line in zip(words, told, strict=True):
        assert part in line


OTHER = Pubkey(bytes([8] * 32))


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (message(limit(1000), pay(6)), "other instructions"),
        (message(limit(1000), pay(to=OTHER)), "other instructions"),
        (message(limit(1000), pay(), pay(1, OTHER)), "other instructions"),
        (message(limit(1000)), "instructions missing"),
        (message(limit(1000), pay(), payer=OTHER), "another account pays"),
        (message(limit(1000), price(10**13), pay()), "more than 0.01 SOL"),
        (message(limit(1000), limit(2000), pay()), "twice"),
        (message(limit(1000), Instruction(BUDGET, b"\1\0\0\0\1", []), pay()), "isn't allowed"),
        (message(limit(1000), Instruction(BUDGET, b"", []), pay()), "isn't allowed"),
        (message(limit(1000), pay(), guard(0)), "other instructions"),
        (message(limit(1000), pay(), guard(1)), "other instructions"),
        (message(limit(1000), pay(), guard(5, AccountMeta(OTHER, False, True))), "may do with"),
        (message(limit(1000), pay(), guard(5, AccountMeta(OTHER, True, False))), "other keys must sign"),
        (
            message(limit(1000), pay(), Instruction(OTHER, b"\5", [AccountMeta(TO, False, False)])),
            "other instructions",
        ),
        (Message.new_with_blockhash([limit(1000), pay()], ME.pubkey(), HASH), "another kind"),
    ],
)
def test_anything_else_is_refused(returned: Message | MessageV0, words: str) -> None:
    with pytest.raises(WalletError, match=words) as caught:
        differences(SENT, returned)
    assert caught.value.hint


def test_an_account_must_keep_its_access() -> None:
    def with_access(writable: bool) -> MessageV0:
        return message(Instruction(OTHER, b"x", [AccountMeta(TO, False, writable)]))

    for first, second in ((False, True), (True, False)):
        with pytest.raises(WalletError, match="may do with"):
            differences(with_access(first), with_access(second))


def test_the_largest_priority_fee_is_to_the_lamport() -> None:
    units = 1_000_000
    fair, greedy = (message(limit(units), price(fee), pay()) for fee in (MAX_PRIORITY_FEE, MAX_PRIORITY_FEE + 1))
    assert any("0.01 SOL" in line for line in differences(SENT, fair))
    with pytest.raises(WalletError, match="priority fee"):
        differences(SENT, greedy)


def signed(body: MessageV0, *keys: Keypair) -> VersionedTransaction:
    required = body.account_keys[: body.header.num_required_signatures]
    known = {k.pubkey(): k.sign_message(to_bytes_versioned(body)) for k in keys}
    return VersionedTransaction.populate(body, [known.get(a, Signature.default()) for a in required])


def test_a_complete_transaction_is_accepted_as_it_is() -> None:
    transaction = signed(SENT, ME)
    assert bytes(accept(transaction, ME.pubkey())) == bytes(transaction)


def test_a_fresh_key_signs_again_what_the_wallet_changed() -> None:
    create = Instruction(OTHER, b"new", [AccountMeta(ME.pubkey(), True, True), AccountMeta(FRESH.pubkey(), True, True)])
    body = message(create, blockhash=NEWER)
    ready = accept(signed(body, ME), ME.pubkey(), [FRESH])
    assert all(ready.verify_with_results())
    with pytest.raises(WalletError, match="missing or wrong"):
        accept(signed(body, ME), ME.pubkey())


@pytest.mark.parametrize("keys", [(), (FRESH,)])
def test_without_the_payers_own_signature_it_is_refused(keys: tuple[Keypair, ...]) -> None:
    body = message(pay())
    signatures = [k.sign_message(to_bytes_versioned(body)) for k in keys] or [Signature.default()]
    with pytest.raises(WalletError, match="isn't"):
        accept(VersionedTransaction.populate(body, signatures), ME.pubkey())


def test_another_payer_is_refused() -> None:
    with pytest.raises(WalletError, match="another account pays"):
        accept(signed(SENT, ME), FRESH.pubkey())
