//! One event a state change, flat, carrying what an indexer needs to follow without reading accounts.

use anchor_lang::prelude::*;

#[event]
pub struct DraftOpened {
    pub draft: Pubkey,
    pub owner: Pubkey,
    pub id: [u8; 32],
}

#[event]
pub struct DraftWritten {
    pub draft: Pubkey,
    pub offset: u16,
    pub length: u16,
}

#[event]
pub struct DraftClosed {
    pub draft: Pubkey,
    pub owner: Pubkey,
}

#[event]
pub struct SetRegistered {
    pub set: Pubkey,
    pub registrar: Pubkey,
    pub kind: u8,
    pub features: u16,
    pub chunks: u32,
    pub rows: u32,
}

#[event]
pub struct ProviderCreated {
    pub provider: Pubkey,
    pub dao: Pubkey,
    pub wallet: Pubkey,
}

#[event]
pub struct OfferSet {
    pub provider: Pubkey,
    pub dao: Pubkey,
    pub wallet: Pubkey,
    pub available: u8,
    pub price_lamports_per_hour: u64,
}

#[event]
pub struct LeaderboardCreated {
    pub leaderboard: Pubkey,
    pub dao: Pubkey,
}

#[event]
pub struct JobOpened {
    pub job: Pubkey,
    pub dao: Pubkey,
    pub proposal: Pubkey,
    pub registry: Pubkey,
    pub base_version: u64,
    pub budget: u64,
    pub bids_end: i64,
}

#[event]
pub struct BidPlaced {
    pub job: Pubkey,
    pub provider: Pubkey,
    pub price: u64,
    pub bond: u64,
    pub market: u8,
    /// The bidder outbid by this, or the default key; their bond went back.
    pub outbid: Pubkey,
    pub bond_returned: u64,
}

#[event]
pub struct JobLeased {
    pub job: Pubkey,
    pub provider: Pubkey,
    pub price: u64,
    pub deadline: i64,
}

#[event]
pub struct LeaseFailed {
    pub job: Pubkey,
    pub provider: Pubkey,
    pub bond_forfeited: u64,
    pub attempts: u8,
    pub bids_end: i64,
}

#[event]
pub struct RecordSubmitted {
    pub job: Pubkey,
    pub record: Pubkey,
    pub provider: Pubkey,
    pub w_after: [u8; 32],
    pub accuracy_gain_ppm: i32,
    pub energy_joules: u64,
    pub co2e_mg: u64,
}

#[event]
pub struct RecordAttested {
    pub job: Pubkey,
    pub attester: Pubkey,
    pub stake: u64,
    pub attestations: u32,
}

#[event]
pub struct JobSettled {
    pub job: Pubkey,
    pub provider: Pubkey,
    pub reward: u64,
    pub bond_returned: u64,
    pub to_treasury: u64,
    pub jobs_settled: u32,
}

#[event]
pub struct JobRefunded {
    pub job: Pubkey,
    pub dao: Pubkey,
    pub to_treasury: u64,
    pub attempts: u8,
}

#[event]
pub struct JobPublished {
    pub job: Pubkey,
    pub registry: Pubkey,
    pub version: u64,
}
