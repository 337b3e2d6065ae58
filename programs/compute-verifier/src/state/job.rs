use crate::{
    constants::*,
    error::ComputeVerifierError,
    field,
    state::{require_period, JobPolicy},
};
use anchor_lang::prelude::*;
use decai_common::{is_text, is_text_or_empty, LAYOUT_V1, PPM};

/// A training job: an approved proposal's budget in escrow, and what has become of it. At ["job", proposal].
///
/// ```text
/// Bidding ─lease─▶ Leased ─submit_record─▶ Submitted ─settle─▶ Settled ─mark_published─▶ Published
///    ▲  └─refund_expired─▶ Refunded │
///    └──────────fail_lease──────────┘
/// ```
///
/// The escrow is the account's own lamports above its rent: at any time at least [`Job::escrowed`]. Donations
/// make it more; they leave with whatever leaves last, to the treasury.
#[account]
#[derive(InitSpace, Debug)]
pub struct Job {
    pub layout: u8,
    pub bump: u8,
    pub state: u8,
    /// Leases that have failed.
    pub attempts: u8,
    pub dao: Pubkey,
    pub proposal: Pubkey,
    pub proposer: Pubkey,
    pub registry: Pubkey,
    pub base_version: u64,
    /// Commitment of the head the training starts from.
    pub base_commitment: [u8; 32],
    pub train_set: Pubkey,
    pub eval_set: Pubkey,
    /// Shape of the (immutable) sets, copied so that later steps need not load them.
    pub train_chunks: u32,
    pub eval_chunks: u32,
    pub eval_rows: u32,
    pub policy: JobPolicy,
    /// Lamports the DAO put in escrow.
    pub budget: u64,
    /// Seconds from lease to deadline, and from commitment to the last proof.
    pub work_period: i64,
    pub prove_period: i64,
    pub opened_at: i64,
    pub bids_end: i64,
    /// The cheapest bid; all zeros (provider is the default key) while there is none.
    pub best_price: u64,
    pub provider: Pubkey,
    pub bond: u64,
    pub market: u8,
    pub external_id: [u8; 64],
    pub offer_sha256: [u8; 32],
    pub price_usd_micros: u64,
    pub leased_at: i64,
    pub deadline: i64,
    /// Commitment of the trained head.
    pub w_after: [u8; 32],
    /// Hash of what the provider declares, as the proofs' public input.
    pub ctx: [u8; 32],
    pub committed_at: i64,
    /// How far the proofs have come: from base_commitment to w_after.
    pub w_proven: [u8; 32],
    pub segments_done: u32,
    /// One bit for each proven chunk of the evaluation set.
    pub eval_mask: u64,
    pub correct_before: u32,
    pub correct_after: u32,
    pub prove_by: i64,
    pub submitted_at: i64,
    pub attestations: u32,
    /// State to return to if a dispute fails, and when it ends by itself.
    pub disputed_from: u8,
    pub resolve_by: i64,
    pub settled_at: i64,
    pub published_version: u64,
    pub published_at: i64,
    pub reserved: [u8; 128],
}

/// What the DAO says when it opens a job.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenJobArgs {
    pub dao: Pubkey,
    pub proposal: Pubkey,
    pub proposer: Pubkey,
    pub registry: Pubkey,
    pub base_version: u64,
    pub base_commitment: [u8; 32],
    pub train_set: Pubkey,
    pub eval_set: Pubkey,
    pub budget: u64,
    pub work_period: i64,
    pub prove_period: i64,
    pub policy: JobPolicy,
}

/// Shapes of a job's sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetShapes {
    pub train_chunks: u32,
    pub eval_chunks: u32,
    pub eval_rows: u32,
}

/// A provider's offer to do a job for `price` lamports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BidTerms {
    pub price: u64,
    /// akash, golem, peer or local.
    pub market: u8,
    /// The offer's id there (a lease, an agreement); may be empty for peer and local.
    pub external_id: [u8; 64],
    pub offer_sha256: [u8; 32],
    pub price_usd_micros: u64,
}

impl BidTerms {
    pub fn validate(&self) -> Result<()> {
        let named = match self.market {
            MARKET_AKASH | MARKET_GOLEM => is_text(&self.external_id),
            MARKET_PEER | MARKET_LOCAL => is_text_or_empty(&self.external_id),
            _ => return err!(ComputeVerifierError::UnknownMarket),
        };
        require!(named, ComputeVerifierError::MalformedText);
        Ok(())
    }
}

/// A bid that was beaten, and the bond to give back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outbid {
    pub provider: Pubkey,
    pub bond: u64,
}

/// How a settled job's escrow is shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    pub reward: u64,
    pub bond: u64,
    /// Whether the reward is large enough to count in statistics.
    pub counts: bool,
}

impl OpenJobArgs {
    pub fn validate(&self) -> Result<()> {
        self.policy.validate()?;
        require_period(self.work_period, 1)?;
        require_period(self.prove_period, 1)?;
        require!(self.budget > 0, ComputeVerifierError::NoBudget);
        field::require_element(&self.base_commitment)
    }
}

impl Job {
    pub const SPACE: usize = 8 + Self::INIT_SPACE;

    /// Makes a fresh account this job, open for bids.
    pub fn open(&mut self, args: &OpenJobArgs, shapes: SetShapes, bump: u8, now: i64) -> Result<()> {
        args.validate()?;
        self.layout = LAYOUT_V1;
        self.bump = bump;
        self.state = JOB_BIDDING;
        self.dao = args.dao;
        self.proposal = args.proposal;
        self.proposer = args.proposer;
        self.registry = args.registry;
        self.base_version = args.base_version;
        self.base_commitment = args.base_commitment;
        self.w_proven = args.base_commitment;
        self.train_set = args.train_set;
        self.eval_set = args.eval_set;
        self.train_chunks = shapes.train_chunks;
        self.eval_chunks = shapes.eval_chunks;
        self.eval_rows = shapes.eval_rows;
        self.policy = args.policy;
        self.budget = args.budget;
        self.work_period = args.work_period;
        self.prove_period = args.prove_period;
        self.opened_at = now;
        self.bids_end = after(now, args.policy.bid_period)?;
        Ok(())
    }

    pub fn has_bid(&self) -> bool {
        self.provider != Pubkey::default()
    }

    /// The wallet whose bond a new bid by `bidder` frees: the best bidder's so far, else the bidder's own.
    pub fn refund_wallet(&self, bidder: Pubkey) -> Pubkey {
        if self.has_bid() {
            self.provider
        } else {
            bidder
        }
    }

    /// Lamports a bidder must put at stake: a tenth of the budget, rounded up, or [`MIN_BOND`].
    pub fn required_bond(&self) -> Result<u64> {
        let share = u128::from(self.budget)
            .checked_mul(u128::from(BOND_PPM))
            .ok_or(ComputeVerifierError::Overflow)?
            .div_ceil(u128::from(PPM));
        Ok(u64::try_from(share).map_err(|_| ComputeVerifierError::Overflow)?.max(MIN_BOND))
    }

    /// Lamports the account must hold above its rent in its present state.
    pub fn escrowed(&self) -> Result<u64> {
        match self.state {
            JOB_SETTLED | JOB_PUBLISHED | JOB_REFUNDED => Ok(0),
            _ => self.budget.checked_add(self.bond).ok_or_else(|| ComputeVerifierError::Overflow.into()),
        }
    }

    /// Takes a bid, if it is the cheapest so far; answers whose bond is to be given back.
    pub fn place_bid(&mut self, bidder: Pubkey, bid: &BidTerms, now: i64) -> Result<Option<Outbid>> {
        self.require_state(JOB_BIDDING)?;
        require!(self.attempts < MAX_ATTEMPTS, ComputeVerifierError::AttemptsExhausted);
        require!(now < self.bids_end, ComputeVerifierError::BiddingEnded);
        bid.validate()?;
        require!(bid.price <= self.budget, ComputeVerifierError::PriceAboveBudget);
        require!(!self.has_bid() || bid.price < self.best_price, ComputeVerifierError::NotCheaper);
        let outbid = self.has_bid().then_some(Outbid { provider: self.provider, bond: self.bond });
        self.bond = self.required_bond()?;
        self.provider = bidder;
        self.best_price = bid.price;
        self.market = bid.market;
        self.external_id = bid.external_id;
        self.offer_sha256 = bid.offer_sha256;
        self.price_usd_micros = bid.price_usd_micros;
        Ok(outbid)
    }

    /// Gives the job to the cheapest bidder.
    pub fn lease(&mut self, now: i64) -> Result<()> {
        self.require_state(JOB_BIDDING)?;
        require!(now >= self.bids_end, ComputeVerifierError::BiddingOpen);
        require!(self.has_bid(), ComputeVerifierError::NoBid);
        self.state = JOB_LEASED;
        self.leased_at = now;
        self.deadline = after(now, self.work_period)?;
        Ok(())
    }

    /// Takes a lease back that has run out, and opens the auction again; answers the forfeited bond.
    pub fn fail_lease(&mut self, now: i64) -> Result<u64> {
        self.require_state(JOB_LEASED)?;
        require!(now > self.deadline, ComputeVerifierError::DeadlineNotPassed);
        let forfeited = self.bond;
        self.state = JOB_BIDDING;
        self.attempts = self.attempts.saturating_add(1);
        self.bids_end = after(now, self.policy.bid_period)?;
        self.best_price = 0;
        self.provider = Pubkey::default();
        self.bond = 0;
        self.market = 0;
        self.external_id = [0; 64];
        self.offer_sha256 = [0; 32];
        self.price_usd_micros = 0;
        self.leased_at = 0;
        self.deadline = 0;
        Ok(forfeited)
    }

    /// Takes the provider's result, unproven: members will review it.
    pub fn submit(&mut self, w_after: [u8; 32], correct: (u32, u32), now: i64) -> Result<()> {
        self.require_state(JOB_LEASED)?;
        require!(now <= self.deadline, ComputeVerifierError::DeadlinePassed);
        self.state = JOB_SUBMITTED;
        self.w_after = w_after;
        (self.correct_before, self.correct_after) = correct;
        self.submitted_at = now;
        Ok(())
    }

    /// Counts a member's statement that they arrive at the weights `w_after` too.
    pub fn attest(&mut self, attester: Pubkey, w_after: [u8; 32]) -> Result<()> {
        self.require_state(JOB_SUBMITTED)?;
        require!(
            attester != self.provider && attester != self.proposer,
            ComputeVerifierError::InterestedParty
        );
        require!(w_after == self.w_after, ComputeVerifierError::StatementMismatch);
        self.attestations = self.attestations.checked_add(1).ok_or(ComputeVerifierError::Overflow)?;
        Ok(())
    }

    /// Accepts a reviewed result.
    pub fn settle(&mut self, now: i64) -> Result<Settlement> {
        self.require_state(JOB_SUBMITTED)?;
        require!(
            now >= after(self.submitted_at, self.policy.challenge_period)?,
            ComputeVerifierError::ChallengePeriodOpen
        );
        require!(
            self.attestations >= self.policy.min_attestations,
            ComputeVerifierError::NotEnoughAttestations
        );
        self.state = JOB_SETTLED;
        self.settled_at = now;
        Ok(Settlement {
            reward: self.best_price,
            bond: self.bond,
            counts: self.best_price >= self.policy.min_counted_reward,
        })
    }

    /// Gives a job up that nobody will do: no bid by one bid_period past the auction's end, or too many failed
    /// leases. Never once a result has been submitted.
    pub fn refund(&mut self, now: i64) -> Result<()> {
        self.require_state(JOB_BIDDING)?;
        require!(!self.has_bid(), ComputeVerifierError::HasBid);
        require!(
            self.attempts >= MAX_ATTEMPTS || now > after(self.bids_end, self.policy.bid_period)?,
            ComputeVerifierError::TooEarlyToRefund
        );
        self.state = JOB_REFUNDED;
        Ok(())
    }

    /// Notes that the DAO has published the result as `version`.
    pub fn publish(&mut self, version: u64, now: i64) -> Result<()> {
        self.require_state(JOB_SETTLED)?;
        require!(
            now >= after(self.settled_at, self.policy.publish_hold)?,
            ComputeVerifierError::PublishHoldOpen
        );
        require!(version > self.base_version, ComputeVerifierError::VersionNotNewer);
        self.state = JOB_PUBLISHED;
        self.published_version = version;
        self.published_at = now;
        Ok(())
    }

    /// Refuses an account that holds less above its rent than the job owes.
    pub fn invariant(&self, lamports_above_rent: u64) -> Result<()> {
        require_gte!(lamports_above_rent, self.escrowed()?, ComputeVerifierError::Unfunded);
        Ok(())
    }

    fn require_state(&self, state: u8) -> Result<()> {
        require_eq!(self.state, state, ComputeVerifierError::WrongState);
        Ok(())
    }
}

fn after(start: i64, seconds: i64) -> Result<i64> {
    start.checked_add(seconds).ok_or_else(|| ComputeVerifierError::Overflow.into())
}

#[cfg(test)]
mod tests;
