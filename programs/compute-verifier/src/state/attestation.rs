use anchor_lang::prelude::*;

/// A member's statement, at ["attest", job, wallet], that they computed the same weights as the record claims.
/// Its existence is the vote: one a member and job.
#[account]
#[derive(InitSpace, Debug)]
pub struct Attestation {
    pub layout: u8,
    pub bump: u8,
    pub dao: Pubkey,
    pub job: Pubkey,
    pub attester: Pubkey,
    /// Commitment of the weights the attester arrived at.
    pub w_after: [u8; 32],
    /// Aged stake (lamports) behind the statement when it was made.
    pub stake: u64,
    pub attested_at: i64,
    pub reserved: [u8; 32],
}

impl Attestation {
    pub const SPACE: usize = 8 + Self::INIT_SPACE;
}
