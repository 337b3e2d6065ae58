"""Proposals from creation to the count: who may propose, who may vote, what decides."""

from typing import Any

import pytest
from dao_scene import (
    ABSTAIN,
    ADOPT_REGISTRY,
    AGAINST,
    BUDGET,
    CANCELLED,
    DEFEATED,
    FOR,
    PENDING,
    PUBLISH,
    SET_CURRENT,
    SPEND,
    SUCCEEDED,
    TOKEN_PROGRAM,
    TRAIN,
    VOTING,
    Scene,
    Sets,
)
from harness import NO_CONTENT, ComputeUnits

ONE = (1).to_bytes(8, "little")


def test_a_proposal_keeps_the_rules_of_its_day(cu: ComputeUnits) -> None:
    scene = Scene().found()
    result = scene.propose_as(scene.opening(SET_CURRENT, ONE), 0)
    cu.check("dao.create_proposal", result)
    proposal = scene.read(scene.proposal(0))
    now = scene.ledger.now
    expected = {
        "layout": 1,
        "id": 0,
        "dao": scene.dao,
        "proposer": scene.wallet("ada"),
        "registry": scene.registry,
        "kind": SET_CURRENT,
        "training_budget": 0,
        "quorum_votes": 150,
        "approval_ppm": 600_000,
        "hold_up": 50,
        "reward_pool": 0,
        "min_gain_ppm": 1_000,
        "created_at": now,
        "voting_starts": now + 10,
        "voting_ends": now + 110,
        "finalized_at": 0,
        "expires_at": 0,
        "state": PENDING,
        "executed": 0,
        "published_version": 0,
    }
    assert {field: proposal[field] for field in expected} == expected
    member = scene.read(scene.member("ada"))
    assert (member["open_proposals"], member["proposals"]) == (1, 1)
    assert scene.read(scene.dao)["proposal_count"] == 1
    assert result.event("ProposalCreated")["proposal"] == scene.proposal(0)


def test_a_proposer_needs_aged_stake_for_each_open_proposal() -> None:
    scene = Scene(min_stake=100).found()
    opening = scene.opening(SET_CURRENT, ONE)
    refused = {"opening": opening, "over": {"proposal": scene.proposal(0)}}
    scene.refuse("StakeTooSmall", "create_proposal", "bob", 0, **refused)
    scene.do("stake", "bob", amount=199)
    scene.ledger.warp(59)
    scene.refuse("StakeTooSmall", "create_proposal", "bob", 0, **refused)
    scene.ledger.warp(1)
    scene.propose(opening, "bob")
    refused = {"opening": opening, "over": {"proposal": scene.proposal(1)}}
    scene.refuse("StakeTooSmall", "create_proposal", "bob", 1, **refused)
    scene.refuse("AccountNotInitialized", "create_proposal", "mallory", 1, **refused)


@pytest.mark.parametrize(
    ("error", "kind", "payload", "changes"),
    [
        ("UnsupportedKind", 0, b"", {}),
        ("UnsupportedKind", PUBLISH, b"", {}),
        ("UnsupportedKind", SPEND, b"", {}),
        ("UnsupportedKind", 255, b"", {}),
        ("InvalidBudget", SET_CURRENT, ONE, {"training_budget": 1}),
        ("InvalidText", SET_CURRENT, ONE, {"description": ""}),
        ("InvalidText", SET_CURRENT, ONE, {"description": b"\xff" * 160}),
        ("InvalidText", SET_CURRENT, ONE, {"target_param": b"a\0b".ljust(32, b"\0")}),
        ("InvalidContentId", SET_CURRENT, ONE, {"details": {**NO_CONTENT, "len": 3}}),
        ("InvalidPayload", SET_CURRENT, b"", {}),
        ("InvalidPayload", SET_CURRENT, ONE + b"\1", {}),
        ("InvalidVersion", SET_CURRENT, b"\2", {}),
        ("InvalidPayload", ADOPT_REGISTRY, b"\1", {}),
        ("RegistryNotOffered", ADOPT_REGISTRY, b"", {}),
        ("InvalidPayload", TRAIN, b"", {"training_budget": BUDGET}),
    ],
)
def test_what_could_never_be_done_is_not_put_to_the_vote(
    error: str, kind: int, payload: bytes, changes: dict[str, Any]
) -> None:
    scene = Scene().found()
    opening = scene.opening(kind, payload, **changes)
    scene.refuse(error, "create_proposal", "ada", 0, opening=opening)


def test_a_train_proposal_names_what_to_train_on_and_pays_for_it() -> None:
    scene = Scene().found()
    sets = Sets(scene.wallet("train"), scene.wallet("evaluation"))

    def refuse(error: str, payload: bytes, budget: int = BUDGET, **changes: Any) -> None:
        opening = scene.opening(TRAIN, payload, budget, **changes)
        scene.refuse(error, "create_proposal", "ada", 0, opening=opening)

    refuse("InvalidBudget", scene.train_payload(sets), 0)
    refuse("InvalidText", scene.train_payload(sets), target_param="")
    refuse("InvalidVersion", scene.train_payload(sets, base_version=2))
    refuse("InvalidPayload", scene.train_payload(sets, base_version=0))
    refuse("InvalidPayload", scene.train_payload(sets, work_period=0))
    refuse("InvalidPayload", scene.train_payload(sets, prove_period=2**63))
    refuse("InvalidPayload", scene.train_payload(Sets(sets.train, sets.train)))
    refuse("InvalidPayload", scene.train_payload(sets) + b"\1")
    assert scene.propose_train(sets) == 0


def test_a_registry_of_somebody_else_is_not_decided_about() -> None:
    scene = Scene().found()
    foreign = scene.offer("foreign", "mallory")
    opening = scene.opening(SET_CURRENT, ONE)
    over = {"registry": foreign}
    scene.refuse("RegistryNotOwned", "create_proposal", "ada", 0, opening=opening, over=over)
    over = {"registry": scene.ledger.clone(scene.registry, "registry", owner=TOKEN_PROGRAM)}
    scene.refuse("AccountOwnedByWrongProgram", "create_proposal", "ada", 0, opening=opening, over=over)


@pytest.mark.parametrize(
    ("error", "account", "other"),
    [
        ("ConstraintSeeds", "member", "bob"),
        ("ConstraintSeeds", "proposal", "a proposal of id 1"),
        ("ConstraintAddress", "mint", "mint"),
        ("ConstraintSeeds", "authority", "wallet"),
    ],
)
def test_proposing_with_other_accounts_is_refused(error: str, account: str, other: str) -> None:
    scene = Scene().found()
    addresses = {
        "bob": scene.member("bob"),
        "a proposal of id 1": scene.proposal(1),
        "mint": scene.ledger.clone(scene.of_dao["mint"], "mint"),
        "wallet": scene.wallet("ada"),
    }
    opening, over = scene.opening(SET_CURRENT, ONE), {account: addresses[other]}
    scene.refuse(error, "create_proposal", "ada", 0, opening=opening, over=over)


def test_nothing_is_decided_before_there_are_tokens() -> None:
    scene = Scene()
    scene.create()
    scene.offer()
    scene.do("adopt_registry", "creator")
    scene.do("join", "ada")
    scene.do("stake", "ada", amount=10_000_000)
    scene.ledger.warp(60)
    scene.refuse("FoundingUnfinished", "create_proposal", "ada", 0, opening=scene.opening(SET_CURRENT, ONE))


def test_a_proposal_is_cancelled_by_its_proposer_before_voting(cu: ComputeUnits) -> None:
    scene = Scene().found()
    number = scene.propose_current()
    scene.refuse("NotProposer", "cancel", "bob", number)
    over = {"proposer": scene.wallet("ada"), "member": scene.member("ada")}
    scene.refuse("AccountNotSigner", "cancel", "bob", number, over=over, unsigned=("proposer",))
    cu.check("dao.cancel", scene.do("cancel", "ada", number))
    assert scene.state(number) == CANCELLED
    member = scene.read(scene.member("ada"))
    assert (member["open_proposals"], member["proposals"]) == (0, 0)
    scene.refuse("WrongState", "cancel", "ada", number)
    scene.open_vote()
    scene.refuse("WrongState", "cast_vote", "bob", number, choice=FOR)
    scene.end_vote()
    scene.refuse("WrongState", "finalize", "bob", number)


def test_a_proposal_is_not_cancelled_once_voting_starts() -> None:
    scene = Scene().found()
    number = scene.propose_current()
    scene.open_vote()
    scene.refuse("VotingStarted", "cancel", "ada", number)


def test_votes_weigh_what_was_deposited_before_the_proposal(cu: ComputeUnits) -> None:
    scene = Scene().found()
    scene.do("withdraw", "bob", amount=100)
    number = scene.propose_current()
    scene.do("deposit", "bob", amount=100)
    scene.open_vote()
    result = scene.cast(number, "bob", AGAINST)
    cu.check("dao.cast_vote", result)
    scene.cast(number, "ada", FOR)
    scene.cast(number, "eve", ABSTAIN)
    proposal, record = scene.read(scene.proposal(number)), scene.read(scene.vote(number, "bob"))
    assert [proposal[f] for f in ("votes_for", "votes_against", "abstain")] == [600, 200, 100]
    assert proposal["state"] == VOTING
    assert (record["weight"], record["choice"], record["cast_at"]) == (200, AGAINST, scene.ledger.now)
    member = scene.read(scene.member("bob"))
    assert (member["votes"], member["locked_until"]) == (1, proposal["voting_ends"])
    assert result.event("VoteCast")["weight"] == 200


def test_tokens_deposited_after_creation_have_no_vote() -> None:
    scene = Scene().found({"ada": 600}, founding_supply=900)
    scene.distribute("bob", 300)
    scene.do("join", "bob")
    number = scene.propose_current()
    scene.do("deposit", "bob", amount=300)
    scene.open_vote()
    scene.refuse("NoVotingWeight", "cast_vote", "bob", number, choice=FOR)


def test_tokens_cannot_vote_twice_by_changing_hands() -> None:
    scene = Scene().found()
    number = scene.propose_current()
    scene.open_vote()
    scene.do("withdraw", "eve", amount=100)
    scene.transfer("eve", "bob", 100)
    scene.do("deposit", "bob", amount=100)
    scene.cast(number, "bob")
    assert scene.read(scene.proposal(number))["votes_for"] == 300
    scene.refuse("DepositLocked", "withdraw", "bob", amount=400)


def test_one_vote_each() -> None:
    scene = Scene().found()
    number = scene.propose_current()
    scene.open_vote()
    scene.cast(number, "bob")
    for choice in (FOR, AGAINST):
        scene.refuse("AccountAlreadyInUse", "cast_vote", "bob", number, choice=choice)
    over = {"record": scene.vote(number, "eve")}
    scene.refuse("ConstraintSeeds", "cast_vote", "bob", number, choice=FOR, over=over)
    assert scene.read(scene.proposal(number))["votes_for"] == 300


def test_votes_are_taken_only_while_voting() -> None:
    scene = Scene().found()
    number = scene.propose_current()
    scene.ledger.warp(9)
    scene.refuse("VotingNotStarted", "cast_vote", "bob", number, choice=FOR)
    scene.ledger.warp(1)
    scene.refuse("InvalidChoice", "cast_vote", "bob", number, choice=0)
    scene.refuse("InvalidChoice", "cast_vote", "bob", number, choice=4)
    scene.cast(number, "bob")
    scene.ledger.warp(99)
    scene.cast(number, "ada")
    scene.refuse("VotingNotEnded", "finalize", "bob", number)
    scene.ledger.warp(1)
    scene.refuse("VotingEnded", "cast_vote", "eve", number, choice=FOR)
    scene.refuse("VotingEnded", "relinquish_vote", "bob", number)


def test_members_of_another_collective_have_no_vote() -> None:
    scene = Scene().found()
    number = scene.propose_current()
    scene.open_vote()
    other, _ = scene.create_other("mallory")
    member = scene.ledger.pda("dao", b"member", other, scene.wallet("mallory"))
    scene.do("join", "mallory", over={"dao": other, "member": member})
    record = scene.ledger.pda("dao", b"vote", scene.proposal(number), member)
    over = {"member": member, "record": record}
    scene.refuse("ConstraintSeeds", "cast_vote", "mallory", number, choice=FOR, over=over)


def test_accounts_of_other_types_are_refused_as_proposal_and_member() -> None:
    scene = Scene().found()
    number = scene.propose_current()
    scene.open_vote()
    over = {"proposal": scene.member("ada")}
    scene.refuse("AccountDiscriminatorMismatch", "cast_vote", "ada", number, choice=FOR, over=over)
    over = {"member": scene.proposal(number)}
    scene.refuse("AccountDiscriminatorMismatch", "cast_vote", "ada", number, choice=FOR, over=over)
    forged = scene.ledger.clone(scene.proposal(number), "proposal", owner=TOKEN_PROGRAM)
    over = {"proposal": forged}
    scene.refuse("AccountOwnedByWrongProgram", "cast_vote", "ada", number, choice=FOR, over=over)
    scene.ledger.patch(scene.proposal(number), layout=9)
    scene.refuse("UnknownLayout", "cast_vote", "ada", number, choice=FOR)


def test_a_vote_is_taken_back_and_cast_anew(cu: ComputeUnits) -> None:
    scene = Scene().found()
    number = scene.propose_current()
    scene.open_vote()
    scene.cast(number, "bob", FOR)
    scene.refuse("NotVoter", "relinquish_vote", "mallory", number, over={
        "member": scene.member("bob"), "record": scene.vote(number, "bob"), "voter": scene.wallet("bob")})  # fmt: skip
    cu.check("dao.relinquish_vote", scene.do("relinquish_vote", "bob", number))
    assert scene.read(scene.proposal(number))["votes_for"] == 0
    assert not scene.ledger.exists(scene.vote(number, "bob"))
    assert scene.read(scene.member("bob"))["votes"] == 0
    scene.refuse("AccountNotInitialized", "relinquish_vote", "bob", number)
    scene.cast(number, "bob", AGAINST)
    assert scene.read(scene.proposal(number))["votes_against"] == 300


@pytest.mark.parametrize(
    ("shares", "votes", "state"),
    [
        pytest.param({"ada": 150, "bob": 850}, {"ada": FOR}, SUCCEEDED, id="support_150_of_1000"),
        pytest.param({"ada": 149, "bob": 851}, {"ada": FOR}, DEFEATED, id="support_149_of_1000"),
        pytest.param(
            {"ada": 1, "bob": 149, "eve": 850}, {"ada": FOR, "bob": ABSTAIN}, SUCCEEDED, id="abstain_149_for_1_of_1000"
        ),
        pytest.param({"ada": 400, "bob": 600}, {"ada": ABSTAIN}, DEFEATED, id="only_abstentions"),
        pytest.param({"ada": 600, "bob": 400}, {"ada": FOR, "bob": AGAINST}, SUCCEEDED, id="approval_600_to_400"),
        pytest.param({"ada": 599, "bob": 401}, {"ada": FOR, "bob": AGAINST}, DEFEATED, id="approval_599_to_401"),
        pytest.param({"ada": 500, "bob": 500}, {}, DEFEATED, id="nobody_votes"),
    ],
)
def test_quorum_and_approval(shares: dict[str, int], votes: dict[str, int], state: int) -> None:
    scene = Scene().found(shares)
    number = scene.propose_current()
    assert scene.decide(number, votes) == state
    assert scene.read(scene.member("ada"))["open_proposals"] == (1 if state == SUCCEEDED else 0)


def test_a_tie_is_defeated_even_where_half_is_enough() -> None:
    scene = Scene(approval_ppm=500_000).found({"ada": 500, "bob": 500})
    assert scene.decide(scene.propose_current(), {"ada": FOR, "bob": AGAINST}) == DEFEATED


def test_quorum_is_of_the_supply_at_creation() -> None:
    scene = Scene(quorum_ppm=500_000).found({"ada": 101, "bob": 100})
    number = scene.propose_current()
    assert scene.read(scene.proposal(number))["quorum_votes"] == 101  # half of 201, rounded up
    assert scene.decide(number, {"ada": FOR}) == SUCCEEDED


def test_anyone_counts_once_after_the_vote(cu: ComputeUnits) -> None:
    scene = Scene().found()
    number = scene.propose_current()
    scene.open_vote()
    scene.cast(number, "ada")
    scene.refuse("VotingNotEnded", "finalize", "stranger", number)
    scene.end_vote()
    over = {"proposer_member": scene.member("bob")}
    scene.refuse("ConstraintSeeds", "finalize", "stranger", number, over=over)
    result = scene.do("finalize", "stranger", number)
    cu.check("dao.finalize", result)
    proposal, now = scene.read(scene.proposal(number)), scene.ledger.now
    assert (proposal["finalized_at"], proposal["expires_at"]) == (now, now + 50 + 200)
    assert result.event("ProposalFinalized")["executable_at"] == now + 50
    scene.refuse("WrongState", "finalize", "stranger", number)
    scene.refuse("WrongState", "cast_vote", "bob", number, choice=AGAINST)
