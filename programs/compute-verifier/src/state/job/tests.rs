use super::*;

const NOW: i64 = 1_000_000;
const BUDGET: u64 = 100_000_000;
const ADA: Pubkey = Pubkey::new_from_array([1; 32]);
const BOB: Pubkey = Pubkey::new_from_array([2; 32]);
const MEMBER: Pubkey = Pubkey::new_from_array([3; 32]);
const PROPOSER: Pubkey = Pubkey::new_from_array([4; 32]);
const WEIGHTS: [u8; 32] = [8; 32];
const SHAPES: SetShapes = SetShapes { train_chunks: 20, eval_chunks: 5, eval_rows: 1_280 };

fn args() -> OpenJobArgs {
    OpenJobArgs {
        dao: Pubkey::new_unique(),
        proposal: Pubkey::new_unique(),
        proposer: PROPOSER,
        registry: Pubkey::new_unique(),
        base_version: 1,
        base_commitment: [7; 32],
        train_set: Pubkey::new_unique(),
        eval_set: Pubkey::new_unique(),
        budget: BUDGET,
        work_period: 600,
        prove_period: 900,
        policy: JobPolicy::example(),
    }
}

fn blank() -> Job {
    Job::try_deserialize_unchecked(&mut &[0; Job::SPACE][..]).unwrap()
}

fn open() -> Job {
    let mut job = blank();
    job.open(&args(), SHAPES, 255, NOW).unwrap();
    job
}

fn terms(price: u64) -> BidTerms {
    BidTerms { price, market: MARKET_LOCAL, external_id: [0; 64], offer_sha256: [5; 32], price_usd_micros: 9 }
}

fn leased() -> Job {
    let mut job = open();
    job.place_bid(ADA, &terms(60_000_000), NOW).unwrap();
    job.lease(job.bids_end).unwrap();
    job
}

fn submitted() -> Job {
    let mut job = leased();
    job.submit(WEIGHTS, (700, 1_100), job.deadline).unwrap();
    job
}

fn settled() -> Job {
    let mut job = submitted();
    job.attest(MEMBER, WEIGHTS).unwrap();
    job.attest(BOB, WEIGHTS).unwrap();
    job.settle(job.submitted_at + 40).unwrap();
    job
}

/// The name of the program's error.
fn refusal<T: core::fmt::Debug>(result: Result<T>) -> String {
    match result.unwrap_err() {
        Error::AnchorError(error) => error.error_name,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_job_opens_for_bids_at_its_base() {
    let job = open();
    assert_eq!((job.state, job.bids_end, job.w_proven), (JOB_BIDDING, NOW + 60, [7; 32]));
    assert_eq!((job.eval_rows, job.eval_chunks, job.train_chunks), (1_280, 5, 20));
    assert_eq!(job.escrowed().unwrap(), BUDGET);
}

#[test]
fn jobs_that_could_never_end_are_refused() {
    for (broken, error) in [
        (OpenJobArgs { budget: 0, ..args() }, "NoBudget"),
        (OpenJobArgs { work_period: 0, ..args() }, "PeriodOutOfRange"),
        (OpenJobArgs { work_period: MAX_PERIOD + 1, ..args() }, "PeriodOutOfRange"),
        (OpenJobArgs { prove_period: -1, ..args() }, "PeriodOutOfRange"),
        (OpenJobArgs { base_commitment: field::ORDER, ..args() }, "NotAFieldElement"),
        (
            OpenJobArgs { policy: JobPolicy { min_attestations: 0, ..JobPolicy::example() }, ..args() },
            "NoAttestationsRequired",
        ),
    ] {
        assert_eq!(refusal(blank().open(&broken, SHAPES, 255, NOW)), error);
    }
    assert_eq!(refusal(blank().open(&args(), SHAPES, 255, i64::MAX)), "Overflow");
}

#[test]
fn only_a_strictly_cheaper_bid_replaces_the_best() {
    let mut job = open();
    assert_eq!(job.refund_wallet(ADA), ADA);
    assert_eq!(job.place_bid(ADA, &terms(BUDGET), NOW).unwrap(), None);
    assert_eq!(refusal(job.place_bid(BOB, &terms(BUDGET), NOW)), "NotCheaper");
    assert_eq!(job.refund_wallet(BOB), ADA);
    let outbid = job.place_bid(BOB, &terms(BUDGET - 1), job.bids_end - 1).unwrap();
    assert_eq!(outbid, Some(Outbid { provider: ADA, bond: BUDGET / 10 }));
    assert_eq!((job.provider, job.best_price, job.bond), (BOB, BUDGET - 1, BUDGET / 10));
    assert_eq!(job.escrowed().unwrap(), BUDGET + BUDGET / 10);
}

#[test]
fn bids_beyond_the_rules_are_refused() {
    let mut job = open();
    assert_eq!(refusal(job.place_bid(ADA, &terms(BUDGET + 1), NOW)), "PriceAboveBudget");
    assert_eq!(refusal(job.place_bid(ADA, &terms(1), job.bids_end)), "BiddingEnded");
    for market in [0, 5, 255] {
        let terms = BidTerms { market, ..terms(1) };
        assert_eq!(refusal(job.place_bid(ADA, &terms, NOW)), "UnknownMarket");
    }
    for market in [MARKET_AKASH, MARKET_GOLEM] {
        let unnamed = BidTerms { market, ..terms(1) };
        assert_eq!(refusal(job.place_bid(ADA, &unnamed, NOW)), "MalformedText");
    }
    let broken = BidTerms { external_id: [0xff; 64], ..terms(1) };
    assert_eq!(refusal(job.place_bid(ADA, &broken, NOW)), "MalformedText");
    assert!(!job.has_bid());
}

#[test]
fn the_bond_is_a_tenth_rounded_up_but_never_less_than_an_accounts_rent() {
    for (budget, bond) in [
        (1, MIN_BOND),
        (10 * MIN_BOND, MIN_BOND),
        (10 * MIN_BOND + 1, MIN_BOND + 1),
        (u64::MAX, u64::MAX / 10 + 1),
    ] {
        let job = Job { budget, ..open() };
        assert_eq!(job.required_bond().unwrap(), bond);
    }
}

#[test]
fn a_lease_needs_a_bid_and_the_auctions_end() {
    let mut job = open();
    assert_eq!(refusal(job.lease(job.bids_end)), "NoBid");
    job.place_bid(ADA, &terms(1), NOW).unwrap();
    assert_eq!(refusal(job.lease(job.bids_end - 1)), "BiddingOpen");
    job.lease(job.bids_end).unwrap();
    assert_eq!((job.state, job.deadline), (JOB_LEASED, job.bids_end + 600));
    assert_eq!(refusal(job.lease(job.bids_end)), "WrongState");
}

#[test]
fn a_lease_fails_only_after_its_deadline_and_leaves_no_trace_of_the_bid() {
    let mut job = leased();
    assert_eq!(refusal(job.fail_lease(job.deadline)), "DeadlineNotPassed");
    let late = job.deadline + 1;
    assert_eq!(job.fail_lease(late).unwrap(), BUDGET / 10);
    let fresh = open();
    assert_eq!((job.state, job.attempts, job.bids_end), (JOB_BIDDING, 1, late + 60));
    assert_eq!(job.escrowed().unwrap(), BUDGET);
    assert_eq!(
        (job.provider, job.best_price, job.bond, job.market, job.external_id, job.offer_sha256),
        (fresh.provider, 0, 0, 0, [0; 64], [0; 32])
    );
    assert_eq!((job.price_usd_micros, job.leased_at, job.deadline), (0, 0, 0));
    assert_eq!(refusal(job.fail_lease(i64::MAX)), "WrongState");
}

#[test]
fn after_three_failed_leases_nobody_can_bid_and_the_money_goes_back_at_once() {
    let mut job = open();
    for _ in 0..MAX_ATTEMPTS {
        job.place_bid(ADA, &terms(1), job.bids_end - 1).unwrap();
        job.lease(job.bids_end).unwrap();
        job.fail_lease(job.deadline + 1).unwrap();
    }
    assert_eq!(refusal(job.place_bid(ADA, &terms(1), job.bids_end - 1)), "AttemptsExhausted");
    job.refund(job.bids_end - 60).unwrap();
    assert_eq!((job.state, job.escrowed().unwrap()), (JOB_REFUNDED, 0));
}

#[test]
fn a_job_without_bids_is_refunded_one_bid_period_after_the_auction() {
    let mut job = open();
    assert_eq!(refusal(job.refund(job.bids_end + 60)), "TooEarlyToRefund");
    job.refund(job.bids_end + 61).unwrap();
    assert_eq!(refusal(job.place_bid(ADA, &terms(1), NOW)), "WrongState");
    assert_eq!(refusal(job.refund(i64::MAX)), "WrongState");
}

#[test]
fn a_job_with_a_bid_or_beyond_is_never_refunded() {
    let mut job = open();
    job.place_bid(ADA, &terms(1), NOW).unwrap();
    assert_eq!(refusal(job.refund(i64::MAX)), "HasBid");
    for mut job in [leased(), submitted(), settled()] {
        assert_eq!(refusal(job.refund(i64::MAX)), "WrongState");
    }
}

#[test]
fn a_result_is_taken_until_the_deadline() {
    let mut job = leased();
    assert_eq!(refusal(job.submit(WEIGHTS, (0, 1), job.deadline + 1)), "DeadlinePassed");
    job.submit(WEIGHTS, (700, 1_100), job.deadline).unwrap();
    assert_eq!((job.state, job.w_after), (JOB_SUBMITTED, WEIGHTS));
    assert_eq!((job.correct_before, job.correct_after, job.submitted_at), (700, 1_100, job.deadline));
    assert_eq!(refusal(job.submit(WEIGHTS, (0, 1), NOW)), "WrongState");
    assert_eq!(refusal(job.fail_lease(i64::MAX)), "WrongState");
    assert_eq!(refusal(open().submit(WEIGHTS, (0, 1), NOW)), "WrongState");
}

#[test]
fn interested_parties_and_other_weights_do_not_attest() {
    let mut job = submitted();
    assert_eq!(refusal(job.attest(ADA, WEIGHTS)), "InterestedParty");
    assert_eq!(refusal(job.attest(PROPOSER, WEIGHTS)), "InterestedParty");
    assert_eq!(refusal(job.attest(MEMBER, [9; 32])), "StatementMismatch");
    assert_eq!(job.attestations, 0);
    assert_eq!(refusal(leased().attest(MEMBER, WEIGHTS)), "WrongState");
}

#[test]
fn settling_needs_both_the_period_and_the_attestations() {
    let mut job = submitted();
    job.attest(MEMBER, WEIGHTS).unwrap();
    assert_eq!(refusal(job.settle(job.submitted_at + 39)), "ChallengePeriodOpen");
    assert_eq!(refusal(job.settle(job.submitted_at + 40)), "NotEnoughAttestations");
    job.attest(BOB, WEIGHTS).unwrap();
    assert_eq!(refusal(job.settle(job.submitted_at + 39)), "ChallengePeriodOpen");
    let settlement = job.settle(job.submitted_at + 40).unwrap();
    assert_eq!(settlement, Settlement { reward: 60_000_000, bond: BUDGET / 10, counts: true });
    assert_eq!((job.state, job.escrowed().unwrap()), (JOB_SETTLED, 0));
    assert_eq!(refusal(job.settle(i64::MAX)), "WrongState");
    assert_eq!(refusal(job.attest(MEMBER, WEIGHTS)), "WrongState");
}

#[test]
fn rewards_below_the_least_counted_do_not_count() {
    for (price, counts) in [(999_999, false), (1_000_000, true)] {
        let mut job = Job { best_price: price, attestations: 2, ..submitted() };
        assert_eq!(job.settle(i64::MAX).unwrap().counts, counts);
    }
}

#[test]
fn publication_waits_for_the_hold_and_happens_once() {
    let mut job = settled();
    assert_eq!(refusal(job.publish(2, job.settled_at + 29)), "PublishHoldOpen");
    assert_eq!(refusal(job.publish(1, job.settled_at + 30)), "VersionNotNewer");
    job.publish(2, job.settled_at + 30).unwrap();
    assert_eq!((job.state, job.published_version), (JOB_PUBLISHED, 2));
    assert_eq!(refusal(job.publish(3, i64::MAX)), "WrongState");
    assert_eq!(refusal(submitted().publish(2, i64::MAX)), "WrongState");
}

#[test]
fn an_account_holding_less_than_it_owes_is_refused() {
    let mut job = open();
    assert_eq!(refusal(job.invariant(BUDGET - 1)), "Unfunded");
    job.invariant(BUDGET).unwrap();
    job.place_bid(ADA, &terms(1), NOW).unwrap();
    assert_eq!(refusal(job.invariant(BUDGET + BUDGET / 10 - 1)), "Unfunded");
    job.invariant(u64::MAX).unwrap();
    settled().invariant(0).unwrap();
}

/// The layouts are final: clients read these accounts by offset.
#[test]
fn sizes_are_pinned() {
    use crate::state::*;
    assert_eq!(JobPolicy::INIT_SPACE, 129);
    assert_eq!((Job::SPACE, TrainingJobRecord::SPACE, Attestation::SPACE), (899, 436, 186));
    assert_eq!((ChunkedSet::SPACE, Draft::SPACE, VerifyingKey::SPACE), (2_249, 2_154, 1_183));
    assert_eq!((Provider::SPACE, Leaderboard::SPACE), (245, 718));
}
