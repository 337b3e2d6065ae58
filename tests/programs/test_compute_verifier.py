"""compute-verifier: the life of a job, and where each lamport goes."""

from __future__ import annotations

import pytest
from compute_world import (
    BASE_HEAD,
    BID_PERIOD,
    BIDDING,
    BOND,
    BUDGET,
    CHALLENGE_PERIOD,
    EVAL,
    LEASED,
    NOBODY,
    POLICY,
    PRICE,
    PROGRAM,
    PUBLISH_HOLD,
    PUBLISHED,
    REFUNDED,
    SETTLED,
    STAKE,
    SUBMITTED,
    TRAIN,
    TRAINED_HEAD,
    TREASURY_START,
    WORK_PERIOD,
    World,
)
from harness import ComputeUnits, content_id, text
from solders.pubkey import Pubkey

SIGNATURE_FEE = 5_000


@pytest.fixture
def world() -> World:
    return World()


def test_every_instruction_of_the_idl_is_tested(world: World) -> None:
    assert set(world.ledger.idls[PROGRAM].instructions) == {
        "attest", "bid", "close_draft", "create_leaderboard", "create_provider", "fail_lease", "lease",
        "mark_published", "open_draft", "open_job", "refund_expired", "register_set", "set_offer", "settle",
        "submit_record", "write_draft",
    }  # fmt: skip


def test_a_job_goes_from_budget_to_published_version(world: World, cu: ComputeUnits) -> None:
    ledger = world.ledger
    opened = world.send(world.open_ix(), world.eve, world.authority)
    cu.check(f"{PROGRAM}.open_job", opened)
    job, start = world.job_of(1), ledger.now
    ledger.svm.airdrop(job, BUDGET)
    fields = ledger.account(job)
    assert (fields["state"], fields["bids_end"], fields["budget"]) == (BIDDING, start + BID_PERIOD, BUDGET)
    assert (fields["dao"], fields["proposer"]) == (world.dao, world.proposer.pubkey())
    assert (fields["train_chunks"], fields["eval_chunks"], fields["eval_rows"]) == (20, 5, 1_280)
    assert (fields["w_proven"], fields["policy"]) == (BASE_HEAD, POLICY)
    assert opened.event("JobOpened")["budget"] == BUDGET

    first = world.send(world.bid_ix(job, world.bob, BUDGET), world.bob)
    cu.check(f"{PROGRAM}.bid", first)
    second = world.send(world.bid_ix(job, world.ada, PRICE, outbid=world.bob), world.ada)
    cu.check(f"{PROGRAM}.bid", second, "outbidding")
    event = second.event("BidPlaced")
    assert (event["outbid"], event["bond_returned"]) == (world.bob.pubkey(), BOND)
    assert first.event("BidPlaced")["outbid"] == NOBODY

    ledger.warp(BID_PERIOD)
    leased = world.send(world.lease_ix(job))
    cu.check(f"{PROGRAM}.lease", leased)
    fields = ledger.account(job)
    assert (fields["state"], fields["provider"], fields["best_price"]) == (LEASED, world.ada.pubkey(), PRICE)
    assert fields["deadline"] == ledger.now + WORK_PERIOD

    submitted = world.send(world.submit_ix(job, world.ada), world.ada)
    cu.check(f"{PROGRAM}.submit_record", submitted)
    record = ledger.account(world.record_of(job))
    assert (record["accuracy_gain_ppm"], record["accuracy_ppm"]) == (309_375, 859_375)
    assert (record["proof"], record["reward_distributed"], record["co2_offset_mg"]) == (2, 0, 0)
    assert record["model"] == content_id("trained model")
    assert (record["region"], record["w_after"]) == (text("DE", 8), TRAINED_HEAD)
    assert ledger.account(job)["state"] == SUBMITTED

    attested = world.send(world.attest_ix(job, world.mia), world.mia)
    cu.check(f"{PROGRAM}.attest", attested)
    world.send(world.attest_ix(job, world.max), world.max)
    attestation = ledger.account(world.attestation_of(job, world.mia))
    assert (attestation["stake"], attestation["w_after"]) == (STAKE, TRAINED_HEAD)

    ledger.warp(CHALLENGE_PERIOD)
    settled = world.send(world.settle_ix(job, world.ada))
    cu.check(f"{PROGRAM}.settle", settled)
    assert ledger.account(world.record_of(job))["reward_distributed"] == PRICE
    provider = ledger.account(world.provider_of(world.ada))
    assert (provider["jobs_settled"], provider["reward"], provider["energy_joules"]) == (1, PRICE, 5_000)
    leaderboard = ledger.account(world.leaderboard_of())
    assert (leaderboard["total"], leaderboard["buckets"][0], sum(leaderboard["buckets"])) == (1, 1, 1)
    assert ledger.account(job)["settled_at"] == ledger.now

    ledger.warp(PUBLISH_HOLD)
    published = world.send(world.publish_ix(job), world.eve, world.authority)
    cu.check(f"{PROGRAM}.mark_published", published)
    fields = ledger.account(job)
    assert (fields["state"], fields["published_version"]) == (PUBLISHED, 2)


class TestMoney:
    def test_a_bid_costs_its_bond_and_being_outbid_returns_it(self, world: World) -> None:
        job = world.opened()
        ada, bob = world.balances(world.ada, world.bob)
        world.send(world.bid_ix(job, world.ada, BUDGET), world.ada)
        assert world.balances(world.ada) == [ada - BOND - SIGNATURE_FEE]
        world.send(world.bid_ix(job, world.bob, PRICE, outbid=world.ada), world.bob)
        assert world.balances(world.ada, world.bob) == [ada - SIGNATURE_FEE, bob - BOND - SIGNATURE_FEE]
        assert world.escrow(job) == BUDGET + BOND

    def test_bidding_against_oneself_holds_one_bond(self, world: World) -> None:
        job = world.opened()
        (ada,) = world.balances(world.ada)
        for price in (BUDGET, BUDGET - 1, 0):
            world.send(world.bid_ix(job, world.ada, price), world.ada)
        assert world.balances(world.ada) == [ada - BOND - 3 * SIGNATURE_FEE]
        assert world.escrow(job) == BUDGET + BOND

    def test_an_emptied_wallet_does_not_make_a_bid_unbeatable(self, world: World) -> None:
        """Its bond comes back although the account had ceased to exist: the bond exceeds an account's rent."""
        job = world.opened(budget=1_000)
        world.send(world.bid_ix(job, world.ada, 900), world.ada)
        world.ledger.set_account(world.ada.pubkey(), b"", lamports=0)
        world.send(world.bid_ix(job, world.bob, 800, outbid=world.ada), world.bob)
        assert world.balances(world.ada) == [1_000_000]

    def test_settling_pays_price_and_bond_and_returns_the_rest(self, world: World) -> None:
        job = world.attested()
        ada, eve = world.balances(world.ada, world.eve)
        world.send(world.settle_ix(job, world.ada))
        assert world.balances(world.ada, world.eve) == [ada + PRICE + BOND, eve - SIGNATURE_FEE]
        assert world.balances(world.treasury) == [TREASURY_START + BUDGET - PRICE]
        assert world.escrow(job) == 0

    def test_a_free_job_returns_the_whole_budget(self, world: World) -> None:
        job = world.attested(price=0)
        world.send(world.settle_ix(job, world.ada))
        assert world.balances(world.treasury) == [TREASURY_START + BUDGET]

    def test_a_donation_to_the_escrow_ends_in_the_treasury(self, world: World) -> None:
        job = world.attested()
        world.ledger.svm.airdrop(job, 77)
        world.send(world.settle_ix(job, world.ada))
        assert world.balances(world.treasury) == [TREASURY_START + BUDGET - PRICE + 77]

    def test_a_failed_lease_costs_the_bond_and_opens_the_auction_again(self, world: World, cu: ComputeUnits) -> None:
        job = world.leased()
        world.refuse("DeadlineNotPassed", world.fail_lease_ix(job, world.ada))
        world.ledger.warp(WORK_PERIOD + 1)
        failed = world.send(world.fail_lease_ix(job, world.ada))
        cu.check(f"{PROGRAM}.fail_lease", failed)
        assert failed.event("LeaseFailed")["bond_forfeited"] == BOND
        assert world.balances(world.treasury) == [TREASURY_START + BOND]
        assert world.escrow(job) == BUDGET
        fields = world.ledger.account(job)
        assert (fields["state"], fields["attempts"], fields["provider"]) == (BIDDING, 1, NOBODY)
        assert fields["bids_end"] == world.ledger.now + BID_PERIOD
        assert world.ledger.account(world.provider_of(world.ada))["jobs_failed"] == 1
        world.send(world.bid_ix(job, world.bob, PRICE), world.bob)
        assert world.escrow(job) == BUDGET + BOND

    def test_three_failed_leases_send_everything_back(self, world: World) -> None:
        job = world.opened()
        for _ in range(3):
            world.refuse("TooEarlyToRefund", world.refund_ix(job))
            world.send(world.bid_ix(job, world.ada, PRICE), world.ada)
            world.ledger.warp(BID_PERIOD)
            world.send(world.lease_ix(job))
            world.ledger.warp(WORK_PERIOD + 1)
            world.send(world.fail_lease_ix(job, world.ada))
        world.refuse("AttemptsExhausted", world.bid_ix(job, world.ada, PRICE), world.ada)
        world.send(world.refund_ix(job))
        assert (world.state(job), world.escrow(job)) == (REFUNDED, 0)
        assert world.balances(world.treasury) == [TREASURY_START + BUDGET + 3 * BOND]

    def test_a_job_nobody_wants_is_refunded(self, world: World, cu: ComputeUnits) -> None:
        job = world.opened()
        world.ledger.warp(2 * BID_PERIOD)
        world.refuse("TooEarlyToRefund", world.refund_ix(job))
        world.ledger.warp(1)
        refunded = world.send(world.refund_ix(job))
        cu.check(f"{PROGRAM}.refund_expired", refunded)
        assert refunded.event("JobRefunded")["to_treasury"] == BUDGET
        assert world.balances(world.treasury) == [TREASURY_START + BUDGET]
        world.refuse("WrongState", world.refund_ix(job))
        world.refuse("WrongState", world.bid_ix(job, world.ada, 1), world.ada)

    def test_a_job_with_a_bid_or_a_result_is_never_refunded(self, world: World) -> None:
        job = world.submitted()
        world.ledger.warp(10**8)
        world.refuse("WrongState", world.refund_ix(job))
        bid = world.opened(2)
        world.send(world.bid_ix(bid, world.ada, 1), world.ada)
        world.ledger.warp(10**8)
        world.refuse("HasBid", world.refund_ix(bid))


class TestStatistics:
    def test_small_rewards_are_paid_but_not_counted(self, world: World) -> None:
        least = POLICY["min_counted_reward"]
        world.settled(1, price=least - 1)
        provider = world.ledger.account(world.provider_of(world.ada))
        assert (provider["jobs_settled"], provider["reward"]) == (0, least - 1)
        assert world.ledger.account(world.leaderboard_of())["total"] == 0
        world.settled(2, price=least)
        provider = world.ledger.account(world.provider_of(world.ada))
        assert (provider["jobs_settled"], provider["reward"]) == (1, 2 * least - 1)
        assert (provider["energy_joules"], provider["co2e_mg"]) == (10_000, 2 * 529)
        assert world.ledger.account(world.leaderboard_of())["total"] == 1

    def test_a_provider_moves_up_the_leaderboard_and_counts_once(self, world: World) -> None:
        world.settled(1)
        world.settled(2)
        leaderboard = world.ledger.account(world.leaderboard_of())
        assert (leaderboard["total"], leaderboard["buckets"][:3]) == (1, [0, 1, 0])

    def test_beyond_the_linear_buckets(self, world: World, cu: ComputeUnits) -> None:
        world.ledger.patch(world.provider_of(world.ada), jobs_settled=160)
        world.ledger.patch(world.leaderboard_of(), total=1, buckets=[0] * 128 + [1] + [0] * 31)
        job = world.attested()
        cu.check(f"{PROGRAM}.settle", world.send(world.settle_ix(job, world.ada)), "busy provider")
        leaderboard = world.ledger.account(world.leaderboard_of())
        assert (leaderboard["total"], leaderboard["buckets"][128:131]) == (1, [0, 1, 0])

    def test_an_offer_is_its_providers(self, world: World, cu: ComputeUnits) -> None:
        offer = {
            "available": 1,
            "price_lamports_per_hour": 2_000_000,
            "cores": 8,
            "memory_mb": 16_384,
            "carbon_mg_per_kwh": 381_000,
            "device": text("8 x86-64 cores", 32),
            "region": text("DE", 8),
        }
        accounts = {"wallet": world.ada, "provider": world.provider_of(world.ada)}
        result = world.send(world.ledger.ix(f"{PROGRAM}.set_offer", accounts, offer=offer), world.ada)
        cu.check(f"{PROGRAM}.set_offer", result)
        provider = world.ledger.account(world.provider_of(world.ada))
        assert (provider["offer"], provider["offer_updated_at"]) == (offer, world.ledger.now)
        assert result.event("OfferSet")["price_lamports_per_hour"] == 2_000_000

        stolen = {"wallet": world.eve, "provider": world.provider_of(world.ada)}
        world.refuse("ConstraintSeeds", world.ledger.ix(f"{PROGRAM}.set_offer", stolen, offer=offer))
        unsigned = world.ledger.ix(f"{PROGRAM}.set_offer", accounts, unsigned=["wallet"], offer=offer)
        world.refuse("AccountNotSigner", unsigned)
        for wrong, error in (
            ({"available": 2}, "NotAFlag"),
            ({"device": bytes(32)}, "MalformedText"),
            ({"region": b"\xff" * 8}, "MalformedText"),
        ):
            broken = world.ledger.ix(f"{PROGRAM}.set_offer", accounts, offer=offer | wrong)
            world.refuse(error, broken, world.ada)

    def test_providers_and_leaderboards_are_made_once_and_only_for_daos(self, world: World, cu: ComputeUnits) -> None:
        again = world.create_provider_ix(world.ada)
        world.refuse("AccountAlreadyInUse", again, world.ada)
        cu.check(f"{PROGRAM}.create_provider", world.send(world.create_provider_ix(world.eve), world.eve))
        fields = world.ledger.account(world.provider_of(world.eve))
        assert (fields["dao"], fields["wallet"], fields["jobs_settled"]) == (world.dao, world.eve.pubkey(), 0)
        world.refuse("AccountNotSigner", world.create_provider_ix(world.max, unsigned=["wallet"]))
        other = world.provider_of(world.mia)
        world.refuse("ConstraintSeeds", world.create_provider_ix(world.max, provider=other), world.max)
        member = world.member_of(world.mia)  # of the dao program, but not a Dao
        for stranger in (world.train, world.treasury, member):
            create = world.create_provider_ix(world.max, dao=stranger)
            world.refuse("NotADao", create, world.max)

        accounts = world.leaderboard_accounts()
        world.refuse("AccountAlreadyInUse", world.ledger.ix(f"{PROGRAM}.create_leaderboard", accounts))
        dao = world.found("another dao")
        fresh = accounts | {"dao": dao, "leaderboard": world.leaderboard_of(dao)}
        result = world.send(world.ledger.ix(f"{PROGRAM}.create_leaderboard", fresh))
        cu.check(f"{PROGRAM}.create_leaderboard", result)
        assert world.ledger.account(world.leaderboard_of(dao))["buckets"] == [0] * 160
        stranger = accounts | {"dao": member, "leaderboard": world.leaderboard_of(member)}
        world.refuse("NotADao", world.ledger.ix(f"{PROGRAM}.create_leaderboard", stranger))
        swapped = accounts | {"leaderboard": world.leaderboard_of(world.train)}
        world.refuse("ConstraintSeeds", world.ledger.ix(f"{PROGRAM}.create_leaderboard", swapped))


def test_a_settled_state_is_final_without_publication(world: World) -> None:
    job = world.settled()
    assert world.state(job) == SETTLED
    world.refuse("WrongState", world.settle_ix(job, world.ada))
    world.refuse("WrongState", world.fail_lease_ix(job, world.ada))
    assert world.escrow(job) == 0


def test_accounts_are_found_by_fixed_offsets(world: World) -> None:
    """Clients filter on these bytes (getProgramAccounts' memcmp): they never move."""
    job = world.attested()
    dao, provider = bytes(world.dao), bytes(world.ada.pubkey())

    def data(address: Pubkey) -> bytes:
        return bytes(world.ledger.svm.get_account(address).data)

    assert (data(job)[8], data(job)[10], data(job)[11]) == (1, SUBMITTED, 0)
    assert data(job)[12:76] == dao + bytes(world.proposal(1))
    assert data(world.record_of(job))[10:106] == dao + bytes(job) + provider
    assert data(world.provider_of(world.ada))[10:74] == dao + provider
    assert data(world.leaderboard_of())[10:42] == dao
    attestation = data(world.attestation_of(job, world.mia))
    assert attestation[10:106] == dao + bytes(job) + bytes(world.mia.pubkey())
    assert [data(address)[10] for address in (world.train, world.eval)] == [TRAIN, EVAL]
    sizes = [len(data(address)) for address in (job, world.record_of(job), world.train)]
    assert sizes == [899, 436, 2_249]
