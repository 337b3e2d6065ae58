"""compute-verifier: every constraint of a job's instructions, violated once."""

from __future__ import annotations

from typing import Any

import pytest
from compute_world import (
    AKASH,
    BASE_HEAD,
    BID_PERIOD,
    BUDGET,
    CHALLENGE_PERIOD,
    DISPUTED,
    EVAL,
    FIELD_ORDER,
    GOLEM,
    OTHER_HEAD,
    PEER,
    POLICY,
    PRICE,
    PROGRAM,
    PUBLISH_HOLD,
    STAKE,
    STAKE_AGE,
    TRAIN,
    TRAINED_HEAD,
    WORK_PERIOD,
    World,
)
from harness import NO_CONTENT, SYSTEM_PROGRAM, content_id
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

OUTSIDE_FIELD = FIELD_ORDER.to_bytes(32, "big")
YEAR_AND_MORE = 366 * 24 * 3_600 + 1


@pytest.fixture
def world() -> World:
    return World()


class TestOpenJob:
    def refuse(self, world: World, error: str, **args: Any) -> None:
        world.refuse(error, world.open_ix(args=args), world.eve, world.authority)

    @pytest.mark.parametrize(
        ("args", "error"),
        [
            ({"budget": 0}, "NoBudget"),
            ({"work_period": 0}, "PeriodOutOfRange"),
            ({"work_period": YEAR_AND_MORE}, "PeriodOutOfRange"),
            ({"prove_period": 0}, "PeriodOutOfRange"),
            ({"prove_period": -1}, "PeriodOutOfRange"),
            ({"base_commitment": OUTSIDE_FIELD}, "NotAFieldElement"),
            ({"policy": POLICY | {"bid_period": 0}}, "PeriodOutOfRange"),
            ({"policy": POLICY | {"publish_hold": -1}}, "PeriodOutOfRange"),
            ({"policy": POLICY | {"challenge_period": 2**63 - 1}}, "PeriodOutOfRange"),
            ({"policy": POLICY | {"stake_age": -(2**63)}}, "PeriodOutOfRange"),
            ({"policy": POLICY | {"min_attestations": 0}}, "NoAttestationsRequired"),
            ({"policy": POLICY | {"min_gain_ppm": 1_000_001}}, "RatioOutOfRange"),
            ({"policy": POLICY | {"allow_development_keys": 2}}, "NotAFlag"),
        ],
    )
    def test_terms_under_which_it_could_not_end(self, world: World, args: dict[str, Any], error: str) -> None:
        self.refuse(world, error, **args)
        assert not world.ledger.exists(world.job_of(1))

    def test_without_the_daos_authority(self, world: World) -> None:
        world.refuse("AccountNotSigner", world.open_ix(unsigned=["authority"]))
        world.refuse("ConstraintSeeds", world.open_ix(authority=world.ada), world.eve, world.ada)
        other = world.authority_of(world.found("another dao"))
        world.refuse("ConstraintSeeds", world.open_ix(authority=other), world.eve, other)
        # the address this program itself derives from the same seeds is not the dao's
        own = world.ledger.pda(PROGRAM, b"authority", world.dao)
        world.refuse("ConstraintSeeds", world.open_ix(authority=own), world.eve, own)

    def test_without_the_payers_signature(self, world: World) -> None:
        open_job = world.open_ix(payer=world.bob, unsigned=["payer"])
        world.refuse("AccountNotSigner", open_job, world.eve, world.authority)

    def test_twice_for_one_proposal(self, world: World) -> None:
        world.opened()
        self.refuse(world, "AccountAlreadyInUse")

    def test_at_another_proposals_address(self, world: World) -> None:
        world.refuse("ConstraintSeeds", world.open_ix(job=world.job_of(2)), world.eve, world.authority)

    def test_sets_that_are_not_sets_or_not_the_named_ones(self, world: World) -> None:
        self.refuse(world, "WrongSetKind", train_set=world.eval, eval_set=world.train)
        self.refuse(world, "WrongSetKind", eval_set=world.train)  # one account twice
        self.refuse(world, "WrongSetKind", train_set=world.eval)
        self.refuse(world, "FeaturesDiffer", train_set=world.register(TRAIN, 2, features=16))
        self.refuse(world, "AccountDiscriminatorMismatch", train_set=world.provider_of(world.ada))
        self.refuse(world, "AccountOwnedByWrongProgram", eval_set=world.dao)
        self.refuse(world, "AccountOwnedByWrongProgram", eval_set=world.job_of(99))
        for name in ("train_set", "eval_set"):
            other = world.register(TRAIN if name == "train_set" else EVAL, 7)
            world.refuse("WrongSet", world.open_ix(**{name: other}), world.eve, world.authority)

    def test_an_unfinished_set(self, world: World) -> None:
        world.send(world.open_draft_ix(world.eve, bytes(32)))
        draft = world.draft_of(world.eve, bytes(32))
        self.refuse(world, "AccountDiscriminatorMismatch", train_set=draft)

    def test_a_set_of_unknown_layout(self, world: World) -> None:
        for name, address in (("train_set", world.train), ("eval_set", world.eval)):
            world.ledger.patch(address, layout=2)
            self.refuse(world, "UnknownLayout", **{name: address})
            world.ledger.patch(address, layout=1)

    def test_another_program_in_place_of_the_system_program(self, world: World) -> None:
        open_job = world.open_ix()
        accounts = [*open_job.accounts[:-1], AccountMeta(world.dao, False, False)]
        wrong = Instruction(open_job.program_id, open_job.data, accounts)
        world.refuse("InvalidProgramId", wrong, world.eve, world.authority)

    def test_lamports_sent_to_the_address_beforehand_do_not_block_it(self, world: World) -> None:
        world.ledger.svm.airdrop(world.job_of(1), 5_000_000)
        world.send(world.open_ix(), world.eve, world.authority)


class TestBid:
    def test_a_job_without_its_budget_in_escrow(self, world: World) -> None:
        job = world.job_of(1)
        world.send(world.open_ix(), world.eve, world.authority)
        world.refuse("Unfunded", world.bid_ix(job, world.ada, PRICE), world.ada)
        world.ledger.svm.airdrop(job, BUDGET - 1)
        world.refuse("Unfunded", world.bid_ix(job, world.ada, PRICE), world.ada)
        world.ledger.svm.airdrop(job, 1)
        world.send(world.bid_ix(job, world.ada, PRICE), world.ada)

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"price": BUDGET + 1}, "PriceAboveBudget"),
            ({"price": 2**64 - 1}, "PriceAboveBudget"),
            ({"market": 0}, "UnknownMarket"),
            ({"market": 5}, "UnknownMarket"),
            ({"market": AKASH}, "MalformedText"),  # a lease there has an id
            ({"market": GOLEM}, "MalformedText"),
            ({"external_id": b"\xff" * 64}, "MalformedText"),
            ({"external_id": b"a\0b".ljust(64, b"\0")}, "MalformedText"),
        ],
    )
    def test_terms_the_job_does_not_admit(self, world: World, changes: dict[str, Any], error: str) -> None:
        job = world.opened()
        world.refuse(error, world.bid_ix(job, world.ada, PRICE, **changes), world.ada)

    def test_not_cheaper_than_the_best(self, world: World) -> None:
        job = world.opened()
        world.send(world.bid_ix(job, world.ada, PRICE), world.ada)
        world.refuse("NotCheaper", world.bid_ix(job, world.bob, PRICE, outbid=world.ada), world.bob)

    def test_after_the_end(self, world: World) -> None:
        job = world.opened()
        world.ledger.warp(BID_PERIOD - 1)
        world.send(world.bid_ix(job, world.ada, PRICE), world.ada)
        world.ledger.warp(1)
        world.refuse("BiddingEnded", world.bid_ix(job, world.bob, 1, outbid=world.ada), world.bob)
        world.send(world.lease_ix(job))
        world.refuse("WrongState", world.bid_ix(job, world.bob, 1, outbid=world.ada), world.bob)

    def test_a_bond_that_goes_back_to_somebody_else(self, world: World) -> None:
        job = world.opened()
        first = world.bid_ix(job, world.ada, PRICE, outbid=world.eve)
        world.refuse("WrongRefundAccount", first, world.ada)
        world.send(world.bid_ix(job, world.ada, PRICE), world.ada)
        for thief in (world.bob, world.eve):
            bid = world.bid_ix(job, world.bob, 1, outbid=thief)
            world.refuse("WrongRefundAccount", bid, world.bob)

    def test_without_the_bond(self, world: World) -> None:
        job = world.opened()
        world.ledger.set_account(world.ada.pubkey(), b"", lamports=BUDGET // 10)  # the fee is missing
        world.refuse("ResultWithNegativeLamports", world.bid_ix(job, world.ada, PRICE), world.ada)

    def test_by_a_wallet_that_is_no_provider_of_the_dao(self, world: World) -> None:
        job = world.opened()
        world.refuse("AccountNotInitialized", world.bid_ix(job, world.eve, 1), world.eve)
        borrowed = world.bid_ix(job, world.eve, 1, provider=world.provider_of(world.ada))
        world.refuse("ConstraintSeeds", borrowed, world.eve)
        dao = world.found("another dao")
        world.send(world.create_provider_ix(world.eve, dao=dao), world.eve)
        elsewhere = world.bid_ix(job, world.eve, 1, provider=world.provider_of(world.eve, dao))
        world.refuse("ConstraintSeeds", elsewhere, world.eve)

    def test_unsigned(self, world: World) -> None:
        job = world.opened()
        world.refuse("AccountNotSigner", world.bid_ix(job, world.ada, 1, unsigned=["wallet"]), world.bob)

    def test_accounts_of_another_type_program_address_or_layout(self, world: World) -> None:
        job = world.opened()

        def refuse(error: str, **changes: Any) -> None:
            world.refuse(error, world.bid_ix(job, world.ada, 1, **changes), world.ada)

        refuse("AccountDiscriminatorMismatch", provider=world.leaderboard_of())
        refuse("AccountOwnedByWrongProgram", provider=world.dao)
        world.refuse("AccountDiscriminatorMismatch", world.bid_ix(world.leaderboard_of(), world.ada, 1), world.ada)
        fake = world.ledger.clone(job, "job", owner=world.dao)
        world.refuse("AccountOwnedByWrongProgram", world.bid_ix(fake, world.ada, 1), world.ada)
        copy = world.ledger.clone(job, "job copy")
        world.refuse("ConstraintSeeds", world.bid_ix(copy, world.ada, 1), world.ada)
        world.ledger.patch(world.provider_of(world.ada), layout=2)
        refuse("UnknownLayout")
        world.ledger.patch(world.provider_of(world.ada), layout=1)
        world.ledger.patch(job, layout=2)
        refuse("UnknownLayout")

    def test_another_program_in_place_of_the_system_program(self, world: World) -> None:
        bid = world.bid_ix(world.opened(), world.ada, 1)
        accounts = [*bid.accounts[:-1], AccountMeta(world.dao, False, False)]
        world.refuse("InvalidProgramId", Instruction(bid.program_id, bid.data, accounts), world.ada)


class TestLease:
    def test_too_early_without_a_bid_or_twice(self, world: World) -> None:
        job = world.opened()
        world.refuse("BiddingOpen", world.lease_ix(job))
        world.ledger.warp(BID_PERIOD)
        world.refuse("NoBid", world.lease_ix(job))
        other = world.leased(2)
        world.refuse("WrongState", world.lease_ix(other))

    def test_with_the_escrow_gone(self, world: World) -> None:
        job = world.opened()
        world.send(world.bid_ix(job, world.ada, 1), world.ada)
        world.ledger.warp(BID_PERIOD)
        world.ledger.patch(job, budget=BUDGET + 1)
        world.refuse("Unfunded", world.lease_ix(job))

    def test_accounts_that_are_not_the_job(self, world: World) -> None:
        job = world.opened()
        world.refuse("ConstraintSeeds", world.lease_ix(world.ledger.clone(job, "job")))
        world.refuse("AccountOwnedByWrongProgram", world.lease_ix(world.dao))
        world.refuse("AccountDiscriminatorMismatch", world.lease_ix(world.leaderboard_of()))
        world.ledger.patch(job, layout=0)
        world.refuse("UnknownLayout", world.lease_ix(job))


class TestFailLease:
    def test_before_a_lease_and_after_a_record(self, world: World) -> None:
        job = world.submitted()
        world.ledger.warp(10 * WORK_PERIOD)
        world.refuse("WrongState", world.fail_lease_ix(job, world.ada))
        bidding = world.opened(2)
        world.send(world.bid_ix(bidding, world.ada, 1), world.ada)
        world.ledger.warp(10 * WORK_PERIOD)
        world.refuse("WrongState", world.fail_lease_ix(bidding, world.ada))

    def test_accounts_that_are_not_the_providers_or_the_treasurys(self, world: World) -> None:
        job = world.leased()
        world.ledger.warp(WORK_PERIOD + 1)
        world.refuse("ConstraintSeeds", world.fail_lease_ix(job, world.bob))
        world.refuse("ConstraintSeeds", world.fail_lease_ix(job, world.ada, treasury=world.eve))
        other = world.treasury_of(world.found("another dao"))
        world.refuse("ConstraintSeeds", world.fail_lease_ix(job, world.ada, treasury=other))
        own = world.ledger.pda(PROGRAM, b"treasury", world.dao)
        world.refuse("ConstraintSeeds", world.fail_lease_ix(job, world.ada, treasury=own))
        board = world.leaderboard_of()
        world.refuse("AccountDiscriminatorMismatch", world.fail_lease_ix(job, world.ada, provider=board))
        world.refuse("ConstraintSeeds", world.fail_lease_ix(world.ledger.clone(job, "job"), world.ada))
        for account in (world.provider_of(world.ada), job):
            world.ledger.patch(account, layout=2)
            world.refuse("UnknownLayout", world.fail_lease_ix(job, world.ada))
            world.ledger.patch(account, layout=1)
        world.send(world.fail_lease_ix(job, world.ada))


class TestSubmitRecord:
    @pytest.mark.parametrize(
        ("args", "error"),
        [
            ({"model": NO_CONTENT}, "MalformedContent"),
            ({"model": content_id("x") | {"len": 39}}, "MalformedContent"),
            ({"report": content_id("x") | {"scheme": 9}}, "MalformedContent"),
            ({"manifest_sha256": bytes(32)}, "EmptyHash"),
            ({"w_after": bytes(32)}, "EmptyHash"),
            ({"w_after": OUTSIDE_FIELD}, "NotAFieldElement"),
            ({"correct_before": 1_281}, "TooManyCorrect"),
            ({"correct_after": 1_281}, "TooManyCorrect"),
            ({"correct_after": 2**32 - 1}, "TooManyCorrect"),
            ({"energy_grade": 0}, "UnknownEnergyGrade"),
            ({"energy_grade": 4}, "UnknownEnergyGrade"),
            ({"energy_band_ppm": 1_000_001}, "RatioOutOfRange"),
            ({"hardware_efficiency_ppm": 1_000_001}, "RatioOutOfRange"),
            ({"co2e_mg": 528}, "CarbonMismatch"),
            ({"co2e_mg": 531}, "CarbonMismatch"),
            ({"co2e_mg": 2**64 - 1}, "CarbonMismatch"),
            ({"energy_joules": 2**64 - 1, "carbon_mg_per_kwh": 2**32 - 1}, "CarbonMismatch"),
            ({"region": b"\xff" * 8}, "MalformedText"),
            ({"device": bytes(32)}, "MalformedText"),
        ],
    )
    def test_what_cannot_be_true(self, world: World, args: dict[str, Any], error: str) -> None:
        job = world.leased()
        world.refuse(error, world.submit_ix(job, world.ada, args), world.ada)
        assert not world.ledger.exists(world.record_of(job))

    @pytest.mark.parametrize(("co2e_mg", "after", "gain"), [(530, 0, -550_000), (529, 1_280, 450_000)])
    def test_either_rounding_and_a_loss_are_recorded(self, world: World, co2e_mg: int, after: int, gain: int) -> None:
        job = world.leased()
        args = {"co2e_mg": co2e_mg, "correct_after": after}
        world.send(world.submit_ix(job, world.ada, args), world.ada)
        record = world.ledger.account(world.record_of(job))
        assert (record["accuracy_gain_ppm"], record["co2e_mg"]) == (gain, co2e_mg)

    def test_rented_energy_that_is_not_declared(self, world: World) -> None:
        job = world.opened()
        bid = world.bid_ix(job, world.ada, 1, market=AKASH, external_id=b"dseq 17".ljust(64, b"\0"))
        world.send(bid, world.ada)
        world.ledger.warp(BID_PERIOD)
        world.send(world.lease_ix(job))
        for grade in (1, 2):
            submit = world.submit_ix(job, world.ada, {"energy_grade": grade})
            world.refuse("RentedEnergyIsDeclared", submit, world.ada)
        world.send(world.submit_ix(job, world.ada, {"energy_grade": 3}), world.ada)

    def test_a_peers_energy_may_be_measured(self, world: World) -> None:
        job = world.opened()
        world.send(world.bid_ix(job, world.ada, 1, market=PEER), world.ada)
        world.ledger.warp(BID_PERIOD)
        world.send(world.lease_ix(job))
        world.send(world.submit_ix(job, world.ada, {"energy_grade": 1}), world.ada)

    def test_by_anyone_but_the_provider(self, world: World) -> None:
        job = world.leased()
        world.refuse("NotTheProvider", world.submit_ix(job, world.bob), world.bob)
        world.refuse("AccountNotSigner", world.submit_ix(job, world.ada, unsigned=["wallet"]), world.bob)

    def test_too_late_too_early_or_twice(self, world: World) -> None:
        bidding = world.opened(2)
        world.send(world.bid_ix(bidding, world.ada, 1), world.ada)
        world.refuse("WrongState", world.submit_ix(bidding, world.ada), world.ada)
        job = world.leased()
        world.ledger.warp(WORK_PERIOD)
        world.send(world.submit_ix(job, world.ada), world.ada)
        world.refuse("AccountAlreadyInUse", world.submit_ix(job, world.ada), world.ada)
        late = world.leased(3)
        world.ledger.warp(WORK_PERIOD + 1)
        world.refuse("DeadlinePassed", world.submit_ix(late, world.ada), world.ada)

    def test_accounts_that_are_not_the_jobs(self, world: World) -> None:
        job = world.leased()
        other = world.record_of(world.job_of(9))
        world.refuse("ConstraintSeeds", world.submit_ix(job, world.ada, record=other), world.ada)
        copy = world.ledger.clone(job, "job")
        world.refuse("ConstraintSeeds", world.submit_ix(copy, world.ada), world.ada)
        submit = world.submit_ix(world.provider_of(world.ada), world.ada)
        world.refuse("AccountDiscriminatorMismatch", submit, world.ada)
        world.ledger.patch(job, layout=2)
        world.refuse("UnknownLayout", world.submit_ix(job, world.ada), world.ada)


class TestAttest:
    def test_provider_and_proposer(self, world: World) -> None:
        job = world.submitted()
        for wallet in (world.ada, world.proposer):
            world.refuse("InterestedParty", world.attest_ix(job, wallet), wallet)

    def test_twice(self, world: World) -> None:
        job = world.submitted()
        world.send(world.attest_ix(job, world.mia), world.mia)
        world.refuse("AccountAlreadyInUse", world.attest_ix(job, world.mia), world.mia)
        assert world.ledger.account(job)["attestations"] == 1

    def test_other_weights(self, world: World) -> None:
        job = world.submitted()
        for head in (OTHER_HEAD, BASE_HEAD, bytes(32)):
            world.refuse("StatementMismatch", world.attest_ix(job, world.mia, head), world.mia)

    def test_before_a_record_and_after_settlement(self, world: World) -> None:
        world.refuse("WrongState", world.attest_ix(world.leased(), world.mia), world.mia)
        world.seat(world.bob)
        settled = world.settled(2)
        world.refuse("WrongState", world.attest_ix(settled, world.bob), world.bob)

    @pytest.mark.parametrize("stake", [0, 1, STAKE - 1])
    def test_too_little_stake(self, world: World, stake: int) -> None:
        job = world.submitted()
        world.seat(world.bob, aged=stake)
        world.refuse("NotEnoughStake", world.attest_ix(job, world.bob), world.bob)

    def test_stake_that_is_too_young_counts_once_it_has_aged(self, world: World) -> None:
        job = world.submitted()
        world.seat(world.bob, aged=STAKE - 1, pending=1, since=world.ledger.now)
        world.ledger.warp(STAKE_AGE - 1)
        world.refuse("NotEnoughStake", world.attest_ix(job, world.bob), world.bob)
        world.ledger.warp(1)
        world.send(world.attest_ix(job, world.bob), world.bob)

    def test_members_without_stake_under_a_policy_that_asks_for_none(self, world: World) -> None:
        job = world.submitted(policy=POLICY | {"min_stake": 0})
        world.seat(world.bob, aged=0)
        world.refuse("NotEnoughStake", world.attest_ix(job, world.bob), world.bob)
        world.seat(world.bob, aged=1)
        world.send(world.attest_ix(job, world.bob), world.bob)

    def test_accounts_that_are_no_membership_of_the_signer(self, world: World) -> None:
        job = world.submitted()

        def refuse(member: Pubkey) -> None:
            world.refuse("NotAMember", world.attest_ix(job, world.bob, member=member), world.bob)

        refuse(world.member_of(world.bob))  # not a member at all
        refuse(world.member_of(world.mia))  # another's
        refuse(world.seat(world.bob, dao=world.found("another dao")))
        refuse(world.seat(world.bob, owner=SYSTEM_PROGRAM))
        refuse(world.seat(world.bob, kind="Dao"))
        refuse(world.seat(world.bob, layout=2))
        refuse(job)
        world.send(world.attest_ix(job, world.bob, member=world.seat(world.bob)), world.bob)

    def test_unsigned_or_at_another_address(self, world: World) -> None:
        job = world.submitted()
        world.refuse("AccountNotSigner", world.attest_ix(job, world.mia, unsigned=["attester"]), world.bob)
        other = world.attestation_of(job, world.max)
        world.refuse("ConstraintSeeds", world.attest_ix(job, world.mia, attestation=other), world.mia)
        copy = world.ledger.clone(job, "job")
        world.refuse("ConstraintSeeds", world.attest_ix(copy, world.mia), world.mia)
        world.ledger.patch(job, layout=2)
        world.refuse("UnknownLayout", world.attest_ix(job, world.mia), world.mia)


class TestSettle:
    def test_too_early(self, world: World) -> None:
        job = world.submitted()
        for member in (world.mia, world.max):
            world.send(world.attest_ix(job, member), member)
        world.ledger.warp(CHALLENGE_PERIOD - 1)
        world.refuse("ChallengePeriodOpen", world.settle_ix(job, world.ada))
        world.ledger.warp(1)
        world.send(world.settle_ix(job, world.ada))

    def test_with_too_few_attestations(self, world: World) -> None:
        job = world.submitted()
        world.send(world.attest_ix(job, world.mia), world.mia)
        world.ledger.warp(10 * CHALLENGE_PERIOD)
        world.refuse("NotEnoughAttestations", world.settle_ix(job, world.ada))

    def test_a_disputed_job(self, world: World) -> None:
        job = world.attested()
        world.ledger.patch(job, state=DISPUTED)
        world.refuse("WrongState", world.settle_ix(job, world.ada))

    def test_with_the_escrow_gone(self, world: World) -> None:
        job = world.attested()
        world.ledger.patch(job, budget=BUDGET + 1)
        world.refuse("Unfunded", world.settle_ix(job, world.ada))

    def test_accounts_that_are_not_the_jobs(self, world: World) -> None:
        job, other = world.attested(), world.submitted(2)

        def refuse(error: str, **changes: Any) -> None:
            world.refuse(error, world.settle_ix(job, world.ada, **changes))

        refuse("NotTheProvider", wallet=world.bob)
        refuse("NotTheProvider", wallet=world.treasury)
        refuse("ConstraintSeeds", provider=world.provider_of(world.bob))
        refuse("ConstraintSeeds", record=world.record_of(other))
        refuse("ConstraintSeeds", treasury=world.ada)
        refuse("ConstraintSeeds", treasury=world.treasury_of(world.found("another dao")))
        refuse("ConstraintSeeds", treasury=world.ledger.pda(PROGRAM, b"treasury", world.dao))
        forged = world.ledger.clone(world.leaderboard_of(), "leaderboard")
        refuse("ConstraintSeeds", leaderboard=forged)
        refuse("AccountDiscriminatorMismatch", leaderboard=world.provider_of(world.ada))
        refuse("AccountDiscriminatorMismatch", provider=world.leaderboard_of())
        refuse("AccountDiscriminatorMismatch", record=job)
        stolen = world.ledger.clone(world.record_of(job), "record", owner=world.dao)
        refuse("AccountOwnedByWrongProgram", record=stolen)
        refuse("ConstraintSeeds", job=world.ledger.clone(job, "job"))
        for account in (job, world.record_of(job), world.provider_of(world.ada), world.leaderboard_of()):
            world.ledger.patch(account, layout=2)
            refuse("UnknownLayout")
            world.ledger.patch(account, layout=1)
        world.send(world.settle_ix(job, world.ada))


class TestRefund:
    def test_accounts_that_are_not_the_daos(self, world: World) -> None:
        job = world.opened()
        world.ledger.warp(2 * BID_PERIOD + 1)
        world.refuse("ConstraintSeeds", world.refund_ix(job, treasury=world.eve))
        other = world.treasury_of(world.found("another dao"))
        world.refuse("ConstraintSeeds", world.refund_ix(job, treasury=other))
        world.refuse("ConstraintSeeds", world.refund_ix(world.ledger.clone(job, "job")))
        world.refuse("AccountOwnedByWrongProgram", world.refund_ix(world.dao))
        world.ledger.patch(job, layout=2)
        world.refuse("UnknownLayout", world.refund_ix(job))


class TestMarkPublished:
    def test_by_anyone_but_the_dao(self, world: World) -> None:
        job = world.settled()
        world.ledger.warp(PUBLISH_HOLD)
        world.refuse("AccountNotSigner", world.publish_ix(job, unsigned=["authority"]))
        world.refuse("ConstraintSeeds", world.publish_ix(job, authority=world.ada), world.eve, world.ada)
        other = world.authority_of(world.found("another dao"))
        world.refuse("ConstraintSeeds", world.publish_ix(job, authority=other), world.eve, other)

    def test_too_early_twice_or_not_newer(self, world: World) -> None:
        submitted = world.submitted(2)
        world.refuse("WrongState", world.publish_ix(submitted), world.eve, world.authority)
        job = world.settled()
        world.ledger.warp(PUBLISH_HOLD - 1)
        world.refuse("PublishHoldOpen", world.publish_ix(job), world.eve, world.authority)
        world.ledger.warp(1)
        for version in (0, 1):
            world.refuse("VersionNotNewer", world.publish_ix(job, version), world.eve, world.authority)
        world.send(world.publish_ix(job), world.eve, world.authority)
        world.refuse("WrongState", world.publish_ix(job, 3), world.eve, world.authority)

    def test_accounts_that_are_not_the_job(self, world: World) -> None:
        job = world.settled()
        world.ledger.warp(PUBLISH_HOLD)
        copy = world.ledger.clone(job, "job")
        world.refuse("ConstraintSeeds", world.publish_ix(copy), world.eve, world.authority)
        record = world.record_of(job)
        world.refuse("AccountDiscriminatorMismatch", world.publish_ix(record), world.eve, world.authority)
        world.ledger.patch(job, layout=2)
        world.refuse("UnknownLayout", world.publish_ix(job), world.eve, world.authority)


def test_a_record_cannot_be_attested_for_weights_it_does_not_name(world: World) -> None:
    """The job and its record agree on the weights that members attest to."""
    job = world.submitted()
    record = world.ledger.account(world.record_of(job))
    assert record["w_after"] == world.ledger.account(job)["w_after"] == TRAINED_HEAD
