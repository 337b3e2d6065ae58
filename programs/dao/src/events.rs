//! One flat, past-tense event a state change, with what an indexer needs.

use anchor_lang::prelude::*;

#[event]
pub struct DaoCreated {
    pub dao: Pubkey,
    pub creator: Pubkey,
    pub name: [u8; 32],
    pub mint: Pubkey,
    pub founding_supply: u64,
    pub guardian: Pubkey,
    pub guardian_expires_at: i64,
    pub at: i64,
}

#[event]
pub struct TokensDistributed {
    pub dao: Pubkey,
    pub holder: Pubkey,
    pub amount: u64,
    pub supply: u64,
}

#[event]
pub struct RegistryAdopted {
    pub dao: Pubkey,
    pub registry: Pubkey,
    /// The proposal that decided it; all zeros while founding.
    pub proposal: Pubkey,
    pub at: i64,
}

#[event]
pub struct TreasuryFunded {
    pub dao: Pubkey,
    pub funder: Pubkey,
    pub amount: u64,
    pub balance: u64,
}

#[event]
pub struct MemberJoined {
    pub dao: Pubkey,
    pub member: Pubkey,
    pub wallet: Pubkey,
}

#[event]
pub struct DelegateSet {
    pub dao: Pubkey,
    pub member: Pubkey,
    pub wallet: Pubkey,
    pub delegate: Pubkey,
}

#[event]
pub struct SolStaked {
    pub dao: Pubkey,
    pub wallet: Pubkey,
    pub amount: u64,
    pub aged_stake: u64,
    pub pending_stake: u64,
    pub at: i64,
}

#[event]
pub struct SolUnstaked {
    pub dao: Pubkey,
    pub wallet: Pubkey,
    pub amount: u64,
    pub aged_stake: u64,
    pub pending_stake: u64,
    pub at: i64,
}

#[event]
pub struct TokensDeposited {
    pub dao: Pubkey,
    pub wallet: Pubkey,
    pub amount: u64,
    pub deposited: u64,
    pub first_id: u64,
}

#[event]
pub struct TokensWithdrawn {
    pub dao: Pubkey,
    pub wallet: Pubkey,
    pub amount: u64,
    pub deposited: u64,
}

#[event]
pub struct ProposalCreated {
    pub dao: Pubkey,
    pub proposal: Pubkey,
    pub id: u64,
    pub proposer: Pubkey,
    pub registry: Pubkey,
    pub kind: u8,
    pub training_budget: u64,
    pub quorum_votes: u64,
    pub voting_starts: i64,
    pub voting_ends: i64,
    pub at: i64,
}

#[event]
pub struct ProposalCancelled {
    pub dao: Pubkey,
    pub proposal: Pubkey,
    pub id: u64,
    pub at: i64,
}

#[event]
pub struct VoteCast {
    pub dao: Pubkey,
    pub proposal: Pubkey,
    pub id: u64,
    pub wallet: Pubkey,
    pub voter: Pubkey,
    pub choice: u8,
    pub weight: u64,
    pub votes_for: u64,
    pub votes_against: u64,
    pub abstain: u64,
    pub at: i64,
}

#[event]
pub struct VoteRelinquished {
    pub dao: Pubkey,
    pub proposal: Pubkey,
    pub id: u64,
    pub wallet: Pubkey,
    pub choice: u8,
    pub weight: u64,
    pub at: i64,
}

#[event]
pub struct ProposalFinalized {
    pub dao: Pubkey,
    pub proposal: Pubkey,
    pub id: u64,
    pub state: u8,
    pub votes_for: u64,
    pub votes_against: u64,
    pub abstain: u64,
    pub quorum_votes: u64,
    pub executable_at: i64,
    pub expires_at: i64,
    pub at: i64,
}

#[event]
pub struct ProposalVetoed {
    pub dao: Pubkey,
    pub proposal: Pubkey,
    pub id: u64,
    pub guardian: Pubkey,
    pub at: i64,
}

#[event]
pub struct ProposalExpired {
    pub dao: Pubkey,
    pub proposal: Pubkey,
    pub id: u64,
    pub at: i64,
}

#[event]
pub struct TrainingExecuted {
    pub dao: Pubkey,
    pub proposal: Pubkey,
    pub id: u64,
    pub job: Pubkey,
    pub budget: u64,
    pub treasury_balance: u64,
    pub at: i64,
}

#[event]
pub struct CurrentExecuted {
    pub dao: Pubkey,
    pub proposal: Pubkey,
    pub id: u64,
    pub registry: Pubkey,
    pub version: u64,
    pub at: i64,
}

#[event]
pub struct TrainedModelPublished {
    pub dao: Pubkey,
    pub proposal: Pubkey,
    pub id: u64,
    pub job: Pubkey,
    pub registry: Pubkey,
    pub version: u64,
    pub made_current: u8,
    pub accuracy_ppm: u32,
    pub accuracy_gain_ppm: i32,
    pub at: i64,
}
