"""Membership and decisions through the façade, on a chain whose clock the tests move."""

from __future__ import annotations

from typing import Any

import pytest
from solders.keypair import Keypair
from warped_world import BUDGET, POLICY, SOL, TOKEN, Founded, WarpedWorld

from decai.errors import GovernanceError, TransactionFailed
from decai.governance import DaoActions, Governance, Policy


@pytest.fixture
def founded(warped: WarpedWorld) -> Founded:
    return warped.found()


def refused(name: str, call: Any, *args: Any, **named: Any) -> TransactionFailed:
    """The program refuses with this error, in words of its own."""
    with pytest.raises(TransactionFailed) as found:
        call(*args, **named)
    assert found.value.name == name, found.value
    assert found.value.message.startswith(("dao refused", "compute-verifier refused")), found.value.message
    return found.value


# --- founding -------------------------------------------------------------------------------------------------------


def test_founding_twice_is_founding_once(warped: WarpedWorld) -> None:
    founded = warped.found()
    person = founded.people[0]
    before = person.balance()
    again = Governance.found(
        person, "collective", distribution={str(p.signer()): n * TOKEN for p, n in
                                            zip(founded.people, (500, 300, 150), strict=True)},
        registry=founded.registry, treasury_lamports=2 * BUDGET,
    )  # fmt: skip
    assert person.balance() == before, "nothing was sent"
    dao = again.dao()
    assert dao.name == "collective" and dao.supply == 950 * TOKEN == dao.deposited
    assert dao.treasury_lamports == 2 * BUDGET and dao.staked_lamports == 3 * SOL
    assert dao.policy.voting_period == POLICY.voting_period and dao.guardian is None
    assert [r.address for r in again.registries()] == [founded.registry.address]
    assert {m.wallet for m in again.members()} == {str(p.signer()) for p in founded.people}
    assert again.summary()["members"] == 3


@pytest.mark.parametrize("shares", [{}, {"11111111111111111111111111111112": 0}])
def test_a_collective_needs_holders(warped: WarpedWorld, shares: dict[str, int]) -> None:
    with pytest.raises(GovernanceError, match="distribution is empty or holds a share of zero"):
        Governance.found(warped.person(sol=0), "nobody", distribution=shares)


def test_a_policy_out_of_bounds_is_refused(warped: WarpedWorld) -> None:
    person = warped.person()
    with pytest.raises(TransactionFailed) as found:
        Governance.found(
            person, "odd", distribution={str(person.signer()): TOKEN}, policy=Policy(approval_ppm=1_000_001)
        )
    assert found.value.name == "InvalidPolicy"


# --- membership -----------------------------------------------------------------------------------------------------


def test_stake_goes_in_and_comes_out_to_the_lamport(warped: WarpedWorld, founded: Founded) -> None:
    newcomer = warped.person()
    seat = Governance(newcomer, founded.dao.address)
    assert seat.member() is None
    joined = seat.join()
    assert seat.join() == joined, "joining twice is harmless"
    vault = joined and founded.dao.dao().vault
    held = newcomer.balance(vault)
    seat.stake(3 * SOL)
    assert newcomer.balance(vault) == held + 3 * SOL and founded.dao.dao().staked_lamports == 6 * SOL
    before = newcomer.balance()
    seat.unstake(SOL)
    assert newcomer.balance() == before + SOL - 5_000
    member = seat.member()
    assert member is not None and (member.stake, member.pending_stake) == (2 * SOL, 2 * SOL)
    assert "Less is staked" in refused("InsufficientStake", seat.unstake, 2 * SOL + 1).message
    seat.unstake(2 * SOL)
    assert newcomer.balance(vault) == held


def test_tokens_go_in_and_come_out(warped: WarpedWorld, founded: Founded) -> None:
    seat, giver = founded.seats[1], founded.seats[0]
    assert seat.token_balance() == 0
    seat.withdraw(100 * TOKEN)
    assert seat.token_balance() == 100 * TOKEN and founded.dao.dao().deposited == 850 * TOKEN
    with pytest.raises(GovernanceError, match=r"holds 100 voting tokens; 100\.000001 can't be deposited"):
        seat.deposit(100 * TOKEN + 1)
    refused("InsufficientDeposit", seat.withdraw, 200 * TOKEN + 1)
    newcomer = warped.person()
    seat.give(newcomer.signer(), 40 * TOKEN)
    assert seat.token_balance(newcomer.signer()) == 40 * TOKEN
    with pytest.raises(GovernanceError, match=r"holds 60 voting tokens; 61 can't be given"):
        seat.give(newcomer.signer(), 61 * TOKEN)
    with pytest.raises(GovernanceError, match="can't be given"):
        giver.give(newcomer.signer(), 1)
    Governance(newcomer, founded.dao.address).deposit(40 * TOKEN)
    member = founded.dao.member(newcomer.signer())
    assert member is not None and member.deposited == 40 * TOKEN


@pytest.mark.parametrize("act", ["stake", "unstake", "deposit", "withdraw", "fund_treasury"])
@pytest.mark.parametrize("amount", [0, -1])
def test_amounts_are_more_than_zero(warped: WarpedWorld, act: str, amount: int) -> None:
    seat = Governance(warped.opened[0], Keypair().pubkey())
    with pytest.raises(GovernanceError, match="more than zero"):
        getattr(seat, act)(amount)


# --- proposing ------------------------------------------------------------------------------------------------------


def test_what_a_proposal_needs_is_said_before_anything_is_sent(warped: WarpedWorld, founded: Founded) -> None:
    dao = founded.dao
    before = founded.people[0].balance()
    with pytest.raises(GovernanceError, match="needs a budget"):
        warped.train(founded, budget=0)
    with pytest.raises(GovernanceError, match=r"treasury holds 0\.1 SOL; the budget is 0\.100000001 SOL"):
        warped.train(founded, budget=2 * BUDGET + 1)
    with pytest.raises(GovernanceError, match="needs a description"):
        dao.propose_train("x", budget=1, train_set=warped.sets[0].address, eval_set=warped.sets[1].address,
                          description="  ")  # fmt: skip
    assert founded.people[0].balance() == before

    stranger = warped.person()
    outside = Governance(stranger, dao.address)
    with pytest.raises(GovernanceError, match="Only members can propose"):
        outside.propose_set_current(2)
    outside.join()
    with pytest.raises(GovernanceError, match=r"needs 0\.1 SOL staked for 10 s"):
        outside.propose_set_current(2)
    outside.stake(SOL)
    with pytest.raises(GovernanceError, match="once it is old enough"):
        outside.propose_set_current(2)
    warped.warp(POLICY.stake_age)
    assert outside.propose_set_current(2).proposer == str(stranger.signer())


def test_which_registry_is_meant(warped: WarpedWorld, founded: Founded) -> None:
    person = warped.person()
    bare = Governance.found(person, "bare", distribution={str(person.signer()): TOKEN})
    with pytest.raises(GovernanceError, match="owns no registry"):
        bare.propose_set_current(2)
    empty = person.create_registry("empty")
    with pytest.raises(GovernanceError, match="no version to train on"):
        bare.propose_train("x", budget=1, train_set=warped.sets[0].address, eval_set=warped.sets[1].address,
                           description="x", registry=empty)  # fmt: skip
    other = founded.people[0].create_registry("other")
    other.offer(founded.dao.dao().authority)
    adopting = founded.dao.propose_adopt(other)
    assert adopting.kind == "adopt registry" and adopting.description == "Adopt other"
    warped.pass_(founded, adopting)
    assert {r.name for r in founded.dao.registries()} == {"model", "other"}
    with pytest.raises(GovernanceError, match="owns several registries"):
        founded.dao.propose_set_current(2)
    with pytest.raises(GovernanceError, match="There is no proposal 77"):
        founded.dao.proposal(77)
    with pytest.raises(GovernanceError, match="There is no proposal -1"):
        founded.dao.proposal(-1)


def test_a_registry_that_was_not_offered_is_not_adopted(warped: WarpedWorld, founded: Founded) -> None:
    other = warped.person().create_registry("unoffered")
    refused("RegistryNotOffered", founded.dao.propose_adopt, other)


# --- voting ---------------------------------------------------------------------------------------------------------


def test_weights_choices_and_the_lock(warped: WarpedWorld, founded: Founded) -> None:
    a, b, c = founded.seats
    proposal = a.propose_set_current(2)
    with pytest.raises(GovernanceError, match="'maybe' isn't a choice"):
        a.vote(proposal, "maybe")
    a.vote(proposal, "for")
    b.vote(proposal.id, "against")
    c.vote(proposal, "abstain")
    seen = a.proposal(proposal.id)
    assert (seen.votes_for, seen.votes_against, seen.abstain) == (500 * TOKEN, 300 * TOKEN, 150 * TOKEN)
    assert a.my_vote(seen) == ("for", 500 * TOKEN) and c.my_vote(seen) == ("abstain", 150 * TOKEN)
    assert seen.quorum_votes == 190 * TOKEN and seen.approval == 0.625 and seen.passing
    with pytest.raises(TransactionFailed):
        a.vote(proposal, "against")
    assert a.proposal(proposal.id).votes_for == 500 * TOKEN, "one vote each"
    refused("DepositLocked", a.withdraw, 1)
    a.relinquish(proposal)
    assert a.my_vote(seen) is None and not a.proposal(proposal.id).passing
    with pytest.raises(GovernanceError, match="hasn't voted"):
        a.relinquish(proposal)
    a.vote(proposal, "against")
    warped.warp(POLICY.voting_period)
    refused("VotingEnded", b.relinquish, proposal)
    assert a.finalize(proposal).state == "defeated"
    a.withdraw(500 * TOKEN)


def test_only_tokens_deposited_before_count(warped: WarpedWorld, founded: Founded) -> None:
    newcomer = warped.person()
    late = Governance(newcomer, founded.dao.address)
    founded.seats[0].withdraw(200 * TOKEN)
    founded.seats[0].give(newcomer.signer(), 200 * TOKEN)
    proposal = founded.dao.propose_set_current(2)
    with pytest.raises(GovernanceError, match=f"no votes on proposal {proposal.id}"):
        late.vote(proposal, "for")
    late.deposit(200 * TOKEN)
    with pytest.raises(GovernanceError, match="deposited before it was made"):
        late.vote(proposal, "for")
    refused("NoVotingWeight", newcomer.act, late.actions.vote(proposal, "for"))
    founded.dao.vote(proposal, "for")
    assert founded.dao.proposal(proposal.id).votes_for == 300 * TOKEN
    second = founded.seats[1].propose_set_current(2)
    late.vote(second, "for")
    assert founded.dao.proposal(second.id).votes_for == 200 * TOKEN


def test_a_delegates_vote_can_be_taken_back_by_the_member(warped: WarpedWorld, founded: Founded) -> None:
    member, (friend, helper) = founded.seats[1], founded.people[1:]
    friend.act(member.actions.set_delegate(helper.signer()))
    proposal = founded.dao.propose_set_current(2)
    delegated = DaoActions(helper.chain, founded.dao.address, helper.signer())
    helper.act(delegated.vote(proposal, "against", member_wallet=friend.signer()))
    assert member.my_vote(proposal) == ("against", 300 * TOKEN)
    before = helper.balance()
    member.relinquish(proposal)
    assert helper.balance() > before, "the record's rent returns to whoever paid it"
    member.vote(proposal, "for")
    assert founded.dao.proposal(proposal.id).votes_for == 300 * TOKEN


def test_cancelling_is_the_proposers_and_only_before_voting(warped: WarpedWorld) -> None:
    founded = warped.found(voting_delay=30)
    a, b, _ = founded.seats
    proposal = a.propose_set_current(2)
    assert proposal.phase(a.chain.now()) == "waiting"
    refused("VotingNotStarted", a.vote, proposal, "for")
    with pytest.raises(GovernanceError, match="voting starts at"):
        a.execute(proposal)
    refused("NotProposer", b.cancel, proposal)
    a.cancel(proposal)
    assert a.proposal(proposal.id).state == "cancelled"
    member = a.member()
    assert member is not None and member.open_proposals == 0
    with pytest.raises(GovernanceError, match="it is cancelled"):
        a.execute(proposal)
    second = a.propose_set_current(2)
    warped.warp(30)
    refused("VotingStarted", a.cancel, second)


# --- deciding -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choices", "state"),
    [
        (("for", None, None), "succeeded"),
        (("for", "against", "abstain"), "succeeded"),
        (("against", "for", "for"), "defeated"),
        ((None, None, "for"), "defeated"),  # 150 of 950: no quorum
        ((None, None, None), "defeated"),
        (("abstain", None, "for"), "succeeded"),  # abstentions count for the quorum, not for the approval
        (("abstain", None, None), "defeated"),
    ],
)
def test_quorum_and_approval(warped: WarpedWorld, founded: Founded, choices: tuple[str, ...], state: str) -> None:
    proposal = founded.dao.propose_set_current(2)
    for seat, choice in zip(founded.seats, choices, strict=True):
        if choice:
            seat.vote(proposal, choice)
    assert founded.dao.proposal(proposal.id).passing == (state == "succeeded"), "the forecast is the count"
    with pytest.raises(GovernanceError, match="voting lasts until"):
        founded.dao.execute(proposal)
    refused("VotingNotEnded", founded.dao.finalize, proposal)
    warped.warp(POLICY.voting_period)
    assert founded.seats[2].finalize(proposal).state == state
    refused("WrongState", founded.dao.finalize, proposal)
    member = founded.dao.member()
    assert member is not None and member.open_proposals == (1 if state == "succeeded" else 0)


def test_execution_waits_for_the_hold_up_and_happens_once(warped: WarpedWorld, founded: Founded) -> None:
    proposal = founded.dao.propose_set_current(2)
    founded.dao.vote(proposal, "for")
    warped.warp(POLICY.voting_period)
    with pytest.raises(GovernanceError, match="its hold-up lasts until"):
        founded.dao.execute(proposal)  # counts the votes on the way
    assert founded.dao.proposal(proposal.id).state == "succeeded"
    refused("StakeLocked", founded.dao.unstake, SOL)
    refused("HoldUpRunning", founded.people[0].act, founded.dao.actions.execute(proposal))
    warped.warp(POLICY.hold_up)
    stranger = Governance(warped.person(), founded.dao.address)
    assert stranger.execute(proposal).executed, "anyone can"
    with pytest.raises(GovernanceError, match="it is executed"):
        founded.dao.execute(proposal)
    founded.dao.unstake(SOL)


def test_a_proposal_nobody_executes_lapses_and_frees_the_stake(warped: WarpedWorld) -> None:
    founded = warped.found(execution_window=30)
    proposal = founded.dao.propose_set_current(2)
    founded.dao.vote(proposal, "for")
    warped.warp(POLICY.voting_period)
    founded.dao.finalize(proposal)
    refused("ExecutionWindowOpen", founded.dao.expire, proposal)
    warped.warp(POLICY.hold_up + 30)
    with pytest.raises(GovernanceError, match=f"window has closed.*decai expire {proposal.id}"):
        founded.dao.execute(proposal)
    refused("ExecutionWindowClosed", founded.people[0].act, founded.dao.actions.execute(proposal))
    assert founded.dao.expire(proposal).state == "expired"
    founded.dao.unstake(SOL)


# --- money ----------------------------------------------------------------------------------------------------------


def test_the_treasury_pays_the_executed_budget_and_never_a_members_stake(warped: WarpedWorld) -> None:
    founded = warped.found(treasury=BUDGET + 7)
    person, dao = founded.people[0], founded.dao
    first = warped.train(founded)
    second = founded.seats[1]
    other = second.propose_train(
        "again", budget=BUDGET, train_set=warped.sets[0].address, eval_set=warped.sets[1].address,
        description="The same money twice",
    )  # fmt: skip
    for proposal in (first, other):
        for seat in founded.seats:
            seat.vote(proposal, "for")
    warped.warp(POLICY.voting_period)
    dao.finalize(first)
    dao.finalize(other)
    warped.warp(POLICY.hold_up)
    done = dao.execute(first)
    job = person.market.job(done.job or "")
    account = person.chain.rpc("getAccountInfo", job.address, {"encoding": "base64"})["value"]
    assert account["lamports"] - person.chain.rent(899) == BUDGET == job.budget
    assert dao.treasury_lamports() == 7 and dao.dao().spent_lamports == BUDGET
    assert "fund it" in refused("TreasuryTooSmall", dao.execute, other).message
    assert dao.treasury_lamports() == 7 and dao.dao().staked_lamports == 3 * SOL
    assert person.balance(dao.dao().vault) - person.chain.rent(0) == 3 * SOL
    second.fund_treasury(BUDGET)
    assert dao.execute(other).executed and dao.treasury_lamports() == 7
    assert person.balance(dao.dao().vault) - person.chain.rent(0) == 3 * SOL


def test_what_was_not_trained_is_not_published(warped: WarpedWorld, founded: Founded) -> None:
    proposal, job = warped.job(founded)
    assert job.state == "bidding"
    with pytest.raises(GovernanceError, match="is bidding, not settled"):
        founded.dao.publish_trained(proposal)
    with pytest.raises(GovernanceError, match="has no training to publish"):
        founded.dao.publish_trained(founded.dao.propose_set_current(2))
    assert founded.registry.refresh().latest == 2


def test_proposals_as_a_table(warped: WarpedWorld, founded: Founded) -> None:
    one, two = founded.dao.propose_set_current(2), warped.train(founded)
    found = founded.dao.proposals()
    assert [p.id for p in found] == [two.id, one.id] and found[0].payload["base_version"] == 1
    frame = found.to_frame()
    assert list(frame.kind) == ["train", "set current"] and list(frame.training_budget) == [BUDGET, 0]
    assert "set current" in found._repr_html_()
