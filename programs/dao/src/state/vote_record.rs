use anchor_lang::prelude::*;
use decai_common::LAYOUT_V1;

/// One member's vote on one proposal: ["vote", proposal, member]. Its address is what makes it the only one.
#[account]
#[derive(InitSpace)]
pub struct VoteRecord {
    pub layout: u8,
    pub bump: u8,
    pub proposal: Pubkey,
    pub member: Pubkey,
    /// Who signed and paid the rent: the member's wallet or their delegate.
    pub voter: Pubkey,
    pub choice: u8,
    pub weight: u64,
    pub cast_at: i64,
    /// 1 once this vote's share of the reward pool is paid.
    pub rewarded: u8,
    pub reserved: [u8; 32],
}

impl VoteRecord {
    pub const SPACE: usize = 8 + Self::INIT_SPACE;
    pub const LAYOUT: u8 = LAYOUT_V1;
}
