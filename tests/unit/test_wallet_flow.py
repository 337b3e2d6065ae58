"""An action's way to the ledger: each answer of a wallet, each outcome of sending, and never twice."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from dashboard.signing.draw import course
from dashboard.signing.flow import ANSWER_SECONDS, GRACE_SECONDS, Flow, Stage
from decai.chain import Action, Confirmation, LocalWallet, Prepared
from decai.errors import (
    DecAIError,
    InsufficientFunds,
    NetworkError,
    RpcUnreachable,
    TransactionExpired,
    TransactionFailed,
    TransactionUnknown,
)

ME = Keypair.from_seed(bytes([1] * 32))
TO = Pubkey(bytes([9] * 32))
PAY = transfer(TransferParams(from_pubkey=ME.pubkey(), to_pubkey=TO, lamports=5))


class FakeChain:
    """The chain's seam, scripted: what sending and asking bring, in order."""

    def __init__(self, *outcomes: Confirmation | DecAIError | None, accepted: bool = True) -> None:
        self.outcomes = list(outcomes)
        self.accepted = accepted
        self.sent: list[VersionedTransaction] = []
        self.asked: list[str] = []
        self.height = 10
        self.prepared = 0

    def prepare(self, action: Action) -> Prepared:
        self.prepared += 1
        blockhash = Hash(bytes([self.prepared] * 32))
        message = MessageV0.try_compile(action.payer, list(action.instructions), [], blockhash)
        return Prepared(action, VersionedTransaction.populate(message, [Signature.default()]), 150)

    def sign(self, prepared: Prepared, wallet: LocalWallet) -> VersionedTransaction:
        return signed(prepared.transaction)

    def send_signed(
        self, transaction: VersionedTransaction, height: int, *, on_state: Callable[[str, str | None], None]
    ) -> Confirmation:
        self.sent.append(transaction)
        if self.accepted:
            on_state("sent", str(transaction.signatures[0]))
        found = self._next()
        assert found is not None
        return found

    def resolve(self, signature: str) -> Confirmation | None:
        self.asked.append(signature)
        return self._next()

    wait = resolve

    def rpc(self, method: str, *_: Any) -> int:
        assert method == "getBlockHeight"
        return self.height

    def _next(self) -> Confirmation | None:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, DecAIError):
            raise outcome
        return outcome


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def signed(transaction: VersionedTransaction, key: Keypair = ME) -> VersionedTransaction:
    body = to_bytes_versioned(transaction.message)
    return VersionedTransaction.populate(transaction.message, [key.sign_message(body)])


def encoded(transaction: VersionedTransaction) -> str:
    return base64.b64encode(bytes(transaction)).decode()


def waiting(chain: FakeChain, **more: Any) -> Flow:
    flow = Flow("k", Action("Pay", (PAY,), ME.pubkey()), "solana:devnet", **more)
    flow.preview_id = "seen"
    flow.approve(chain, "seen")  # type: ignore[arg-type]
    assert flow.stage is Stage.WAITING
    return flow


def answer(flow: Flow, **more: Any) -> dict[str, Any]:
    assert flow.request is not None
    return {
        "id": flow.request.id,
        "kind": "transaction",
        "status": "signed",
        "transaction": encoded(signed(flow.request.prepared.transaction)),
        **more,
    }


CONFIRMED = Confirmation("the signature", 7)


def receive(flow: Flow, chain: FakeChain, reply: dict[str, Any]) -> None:
    flow.receive(chain, reply)  # type: ignore[arg-type]


def test_signed_sent_confirmed() -> None:
    chain = FakeChain(CONFIRMED)
    flow = waiting(chain)
    reply = answer(flow)
    receive(flow, chain, reply)
    assert flow.stage is Stage.CONFIRMED and flow.confirmation == CONFIRMED
    assert len(chain.sent) == 1
    assert flow.acknowledged == [reply["id"]]


def test_whoever_waits_sees_it_come_further() -> None:
    chain, seen = FakeChain(CONFIRMED), []
    flow = waiting(chain)
    flow.watch = lambda: seen.append(chips(flow))
    reply = answer(flow)
    assert chips(flow) == ["Checked", "Waiting for your wallet", "Send", "Confirm"]
    receive(flow, chain, reply)
    assert seen == [
        ["Checked", "Signed", "Sending", "Confirm"],
        ["Checked", "Signed", "Sent", "Waiting for its confirmation"],
    ]
    assert chips(flow) == ["Checked", "Signed", "Sent", "Confirmed"]


def test_a_failure_on_the_ledger_ends_the_course() -> None:
    chain = FakeChain(TransactionFailed("no"))
    flow = waiting(chain)
    receive(flow, chain, answer(flow))
    assert chips(flow) == ["Checked", "Signed", "Sent", "Failed"]


def chips(flow: Flow) -> list[str]:
    return re.findall(r"([^<>]+)</span>", course(flow))


def test_only_the_preview_that_was_seen_can_be_approved() -> None:
    chain = FakeChain()
    flow = Flow("k", Action("Pay", (PAY,), ME.pubkey()), "solana:devnet")
    flow.preview_id = "now"
    flow.approve(chain, "before")  # type: ignore[arg-type]
    assert flow.stage is Stage.PREVIEW and chain.prepared == 0 and flow.asked() is None


def test_a_click_counts_once_even_when_building_failed() -> None:
    class Away(FakeChain):
        def prepare(self, action: Action) -> Prepared:
            self.prepared += 1
            raise RpcUnreachable("nobody there")

    chain = Away()
    flow = Flow("k", Action("Pay", (PAY,), ME.pubkey()), "solana:devnet")
    flow.preview_id = "seen"
    for _ in range(3):
        flow.approve(chain, "seen")  # type: ignore[arg-type]
    assert flow.stage is Stage.STOPPED and chain.prepared == 1 and flow.asked() is None


def test_reruns_ask_for_one_and_the_same_request() -> None:
    chain = FakeChain()
    flow = waiting(chain)
    first = flow.asked()
    flow.approve(chain, "seen")  # type: ignore[arg-type]
    assert flow.asked() == first and chain.prepared == 1
    assert first is not None and first["address"] == str(ME.pubkey()) and first["chain"] == "solana:devnet"


def test_an_answer_given_twice_sends_once() -> None:
    chain = FakeChain(CONFIRMED)
    flow = waiting(chain)
    reply = answer(flow)
    receive(flow, chain, reply)
    receive(flow, chain, reply)
    assert len(chain.sent) == 1


def test_an_answer_to_another_request_is_dropped_but_acknowledged() -> None:
    chain = FakeChain()
    flow = waiting(chain)
    receive(flow, chain, answer(flow, id="another"))
    assert flow.stage is Stage.WAITING and flow.acknowledged == ["another"] and not chain.sent


def test_an_answer_after_the_deadline_is_not_sent() -> None:
    clock = Clock()
    chain = FakeChain()
    flow = waiting(chain, clock=clock)
    clock.now = ANSWER_SECONDS + GRACE_SECONDS + 1
    receive(flow, chain, answer(flow))
    assert flow.stage is Stage.STOPPED and not chain.sent
    assert flow.problem is not None and "too late" in flow.problem.what


@pytest.mark.parametrize("status", ["refused", "timeout", "gone", "account", "cluster", "unsupported", "error", "?"])
def test_a_wallet_that_doesnt_sign_stops_it_with_words(status: str) -> None:
    chain = FakeChain()
    flow = waiting(chain)
    receive(flow, chain, answer(flow, status=status, message="why"))
    assert flow.stage is Stage.STOPPED and flow.problem is not None and flow.problem.what and flow.problem.do
    assert flow.asked() is None and not chain.sent


@pytest.mark.parametrize("junk", [None, "", "!!", base64.b64encode(b"junk").decode(), 5, {"a": 1}])
def test_what_isnt_a_transaction_is_refused(junk: object) -> None:
    chain = FakeChain()
    flow = waiting(chain)
    receive(flow, chain, answer(flow, transaction=junk))
    assert flow.stage is Stage.STOPPED and not chain.sent


def changed(flow: Flow, *instructions: Instruction) -> str:
    assert flow.request is not None
    before = flow.request.prepared.transaction.message
    message = MessageV0.try_compile(ME.pubkey(), list(instructions), [], before.recent_blockhash)
    return encoded(signed(VersionedTransaction.populate(message, [Signature.default()])))


def test_another_transaction_is_refused() -> None:
    chain = FakeChain()
    flow = waiting(chain)
    drain = transfer(TransferParams(from_pubkey=ME.pubkey(), to_pubkey=TO, lamports=10**12))
    receive(flow, chain, answer(flow, transaction=changed(flow, drain)))
    assert flow.stage is Stage.STOPPED and not chain.sent
    assert flow.problem is not None and "other instructions" in flow.problem.what


def test_anothers_signature_is_refused() -> None:
    chain = FakeChain()
    flow = waiting(chain)
    assert flow.request is not None
    forged = signed(flow.request.prepared.transaction, Keypair.from_seed(bytes([2] * 32)))
    receive(flow, chain, answer(flow, transaction=encoded(forged)))
    assert flow.stage is Stage.STOPPED and not chain.sent


FEE = Instruction(Pubkey.from_string("ComputeBudget111111111111111111111111111111"), b"\3" + bytes([9] + [0] * 7), [])


def test_a_permitted_change_waits_for_a_yes() -> None:
    chain = FakeChain(CONFIRMED)
    flow = waiting(chain)
    receive(flow, chain, answer(flow, transaction=changed(flow, FEE, PAY)))
    assert flow.stage is Stage.REVIEW and flow.changes and not chain.sent
    flow.accept_changes(chain)  # type: ignore[arg-type]
    assert flow.stage is Stage.CONFIRMED and len(chain.sent) == 1
    flow.accept_changes(chain)  # type: ignore[arg-type]
    assert len(chain.sent) == 1


def test_a_permitted_change_can_be_declined() -> None:
    chain = FakeChain()
    flow = waiting(chain)
    receive(flow, chain, answer(flow, transaction=changed(flow, FEE, PAY)))
    flow.reject_changes()
    flow.accept_changes(chain)  # type: ignore[arg-type]
    assert flow.stage is Stage.STOPPED and not chain.sent


@pytest.mark.parametrize(
    ("outcome", "accepted", "stage"),
    [
        (TransactionExpired("ran out"), True, Stage.STOPPED),
        (TransactionFailed("program said no", name="NotOwner"), False, Stage.STOPPED),
        (TransactionFailed("program said no", signature="s"), True, Stage.FAILED),
        (InsufficientFunds("poor"), False, Stage.STOPPED),
        (InsufficientFunds("poor"), True, Stage.FAILED),
        (RpcUnreachable("nobody there"), False, Stage.STOPPED),
        (NetworkError("asking failed"), True, Stage.UNKNOWN),
        (TransactionUnknown("lost", signature="s"), True, Stage.UNKNOWN),
        (TransactionUnknown("lost on the way", signature="s"), False, Stage.UNKNOWN),
    ],
)
def test_every_end_of_sending(outcome: DecAIError, accepted: bool, stage: Stage) -> None:
    chain = FakeChain(outcome, accepted=accepted)
    flow = waiting(chain)
    receive(flow, chain, answer(flow))
    assert flow.stage is stage
    assert flow.problem is not None and flow.problem.what == outcome.message
    assert (flow.signature is None) == (stage is Stage.STOPPED)


def test_unknown_is_resolved_by_asking_and_never_sent_again() -> None:
    chain = FakeChain(TransactionUnknown("lost", signature="s"), None, RpcUnreachable("gone"), CONFIRMED)
    flow = waiting(chain)
    receive(flow, chain, answer(flow))
    for expected in (Stage.UNKNOWN, Stage.UNKNOWN, Stage.CONFIRMED, Stage.CONFIRMED):
        flow.resolve(chain)  # type: ignore[arg-type]
        assert flow.stage is expected
        flow.approve(chain, flow.preview_id)  # type: ignore[arg-type]
    assert len(chain.sent) == 1 and len(chain.asked) == 3


def test_unknown_past_its_blockhash_was_not_executed_and_may_be_signed_again() -> None:
    chain = FakeChain(TransactionUnknown("lost", signature="s"), None, None, None, CONFIRMED)
    flow = waiting(chain)
    receive(flow, chain, answer(flow))
    flow.resolve(chain)  # type: ignore[arg-type]
    assert flow.stage is Stage.UNKNOWN
    chain.height = 151
    flow.resolve(chain)  # type: ignore[arg-type]
    assert flow.stage is Stage.STOPPED and flow.signature is None
    flow.approve(chain, flow.preview_id)  # type: ignore[arg-type]
    receive(flow, chain, answer(flow))
    assert flow.stage is Stage.CONFIRMED and len(chain.sent) == 2


def test_it_may_have_landed_between_the_two_questions() -> None:
    chain = FakeChain(TransactionUnknown("lost", signature="s"), None, CONFIRMED)
    chain.height = 151
    flow = waiting(chain)
    receive(flow, chain, answer(flow))
    flow.resolve(chain)  # type: ignore[arg-type]
    assert flow.stage is Stage.CONFIRMED


def test_an_interruption_while_sending_becomes_a_question() -> None:
    class Interrupted(BaseException):
        pass

    class Broken(FakeChain):
        def send_signed(self, *_: object, **__: object) -> Confirmation:
            raise Interrupted

    chain = Broken(CONFIRMED)
    flow = waiting(chain)
    with pytest.raises(Interrupted):
        receive(flow, chain, answer(flow))
    flow.interrupted()
    assert flow.stage is Stage.UNKNOWN and flow.signature is not None
    flow.resolve(chain)  # type: ignore[arg-type]
    assert flow.stage is Stage.CONFIRMED


def test_a_change_of_account_ends_what_wasnt_sent() -> None:
    chain = FakeChain(TransactionUnknown("lost", signature="s"))
    flow = waiting(chain)
    reply = answer(flow)
    flow.account_changed(TO)
    receive(flow, chain, reply)
    assert flow.stage is Stage.STOPPED and not chain.sent
    flow = waiting(chain)
    receive(flow, chain, answer(flow))
    flow.account_changed(None)
    assert flow.stage is Stage.UNKNOWN


def test_a_wallet_that_sends_itself_is_followed() -> None:
    chain = FakeChain(CONFIRMED)
    flow = waiting(chain)
    assert flow.request is not None
    body = to_bytes_versioned(flow.request.prepared.transaction.message)
    signature = base64.b64encode(bytes(ME.sign_message(body))).decode()
    receive(flow, chain, answer(flow, status="sent", signature=signature))
    assert flow.stage is Stage.CONFIRMED and not flow.changes and not chain.sent


def test_a_wallet_that_sends_something_else_is_told_on() -> None:
    chain = FakeChain(CONFIRMED)
    flow = waiting(chain)
    signature = base64.b64encode(bytes(ME.sign_message(b"another message"))).decode()
    receive(flow, chain, answer(flow, status="sent", signature=signature))
    assert flow.stage is Stage.CONFIRMED and "changed" in flow.changes[0]


def test_on_the_embedded_chain_a_wallet_may_never_send_itself() -> None:
    flow = Flow("k", Action("Pay", (PAY,), ME.pubkey()), "solana:localnet")
    flow.preview_id = "seen"
    flow.approve(FakeChain(), "seen")  # type: ignore[arg-type]
    asked = flow.asked()
    assert asked is not None and asked["maySend"] is False


def test_this_machines_key_goes_the_same_way() -> None:
    chain = FakeChain(CONFIRMED)
    flow = Flow("k", Action("Pay", (PAY,), ME.pubkey()), "solana:localnet", local=True)
    flow.preview_id = "seen"
    flow.sign_locally(chain, LocalWallet(ME), "another")  # type: ignore[arg-type]
    assert not chain.sent
    flow.sign_locally(chain, LocalWallet(ME), "seen")  # type: ignore[arg-type]
    assert flow.stage is Stage.CONFIRMED and len(chain.sent) == 1
