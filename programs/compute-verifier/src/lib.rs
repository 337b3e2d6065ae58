//! compute-verifier: training jobs, from the auction of an approved budget to a settled, reviewed record.
//!
//! Everything is per DAO, so a stranger's DAO can't touch another's statistics. A job is opened by the dao program
//! alone (it signs as the DAO's authority); this program never calls it back, and reads its members by their
//! layout.
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

use anchor_lang::prelude::*;
use decai_common::ContentId;

pub mod constants;
pub mod dao_account;
pub mod error;
pub mod events;
pub mod field;
pub mod funds;
pub mod instructions;
pub mod state;

use instructions::*;
use state::{BidTerms, Offer, OpenJobArgs, RecordArgs, SetParams};

declare_id!("Fta6GF9Jr241ZaCtvtojgGAMoZDZYNLyBHqWiQgFtCUq");

#[cfg(not(feature = "no-entrypoint"))]
solana_security_txt::security_txt! {
    name: "DecAI compute-verifier",
    project_url: "README.md of the source tree",
    contacts: "link:SECURITY.md of the source tree",
    policy: "SECURITY.md of the source tree",
    preferred_languages: "en"
}

#[program]
pub mod compute_verifier {
    use super::*;

    /// Opens a draft of the content-addressed account `id`, owned by the signer.
    pub fn open_draft(ctx: Context<OpenDraft>, id: [u8; 32]) -> Result<()> {
        instructions::open_draft::handler(ctx, id)
    }

    /// Writes bytes into a draft.
    pub fn write_draft(ctx: Context<WriteDraft>, offset: u16, data: Vec<u8>) -> Result<()> {
        instructions::write_draft::handler(ctx, offset, data)
    }

    /// Gives a draft up; its rent returns to the owner.
    pub fn close_draft(ctx: Context<CloseDraft>) -> Result<()> {
        instructions::close_draft::handler(ctx)
    }

    /// Makes a draft, whose first bytes are the roots, an immutable training or evaluation set.
    pub fn register_set(
        ctx: Context<RegisterSet>,
        id: [u8; 32],
        content: ContentId,
        kind: u8,
        features: u16,
        rows_per_chunk: u32,
        chunks: u32,
    ) -> Result<()> {
        let params = SetParams { content, kind, features, rows_per_chunk, chunks };
        instructions::register_set::handler(ctx, id, &params)
    }

    /// Makes the signer a provider of the DAO: needed before bidding.
    pub fn create_provider(ctx: Context<CreateProvider>) -> Result<()> {
        instructions::create_provider::handler(ctx)
    }

    /// Sets what the provider offers on the DAO's own market.
    pub fn set_offer(ctx: Context<SetOffer>, offer: Offer) -> Result<()> {
        instructions::set_offer::handler(ctx, offer)
    }

    /// Creates the DAO's leaderboard, once.
    pub fn create_leaderboard(ctx: Context<CreateLeaderboard>) -> Result<()> {
        instructions::create_leaderboard::handler(ctx)
    }

    /// Opens a job; the dao program calls this and funds the escrow.
    pub fn open_job(ctx: Context<OpenJob>, args: OpenJobArgs) -> Result<()> {
        instructions::open_job::handler(ctx, &args)
    }

    /// Bids for a job, with a bond; the outbid provider's bond goes back.
    pub fn bid(
        ctx: Context<Bid>,
        price: u64,
        market: u8,
        external_id: [u8; 64],
        offer_sha256: [u8; 32],
        price_usd_micros: u64,
    ) -> Result<()> {
        let terms = BidTerms { price, market, external_id, offer_sha256, price_usd_micros };
        instructions::bid::handler(ctx, &terms)
    }

    /// Leases the job to the cheapest bidder, after the auction.
    pub fn lease(ctx: Context<Lease>) -> Result<()> {
        instructions::lease::handler(ctx)
    }

    /// Takes a lease back that ran out: the bond goes to the treasury, the job to auction again.
    pub fn fail_lease(ctx: Context<FailLease>) -> Result<()> {
        instructions::fail_lease::handler(ctx)
    }

    /// Submits the result of a job for review.
    pub fn submit_record(ctx: Context<SubmitRecord>, args: RecordArgs) -> Result<()> {
        instructions::submit_record::handler(ctx, &args)
    }

    /// States that one's own computation gives the record's weights.
    pub fn attest(ctx: Context<Attest>, w_after: [u8; 32]) -> Result<()> {
        instructions::attest::handler(ctx, w_after)
    }

    /// Pays the provider for a reviewed result; the rest goes to the treasury.
    pub fn settle(ctx: Context<Settle>) -> Result<()> {
        instructions::settle::handler(ctx)
    }

    /// Returns the budget of a job that nobody will do.
    pub fn refund_expired(ctx: Context<RefundExpired>) -> Result<()> {
        instructions::refund_expired::handler(ctx)
    }

    /// Notes that the DAO has published a job's result; the dao program calls this.
    pub fn mark_published(ctx: Context<MarkPublished>, version: u64) -> Result<()> {
        instructions::mark_published::handler(ctx, version)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_id_is_the_agreed_one() {
        assert_eq!(crate::ID, decai_common::ids::COMPUTE_VERIFIER);
    }
}
