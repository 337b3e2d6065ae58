//! Numbers with a meaning: exported to the IDL, so that clients take them from there.

use anchor_lang::prelude::*;

// Job.state
#[constant]
pub const JOB_BIDDING: u8 = 0;
#[constant]
pub const JOB_LEASED: u8 = 1;
#[constant]
pub const JOB_COMMITTED: u8 = 2;
#[constant]
pub const JOB_SUBMITTED: u8 = 3;
#[constant]
pub const JOB_DISPUTED: u8 = 4;
#[constant]
pub const JOB_SETTLED: u8 = 5;
#[constant]
pub const JOB_PUBLISHED: u8 = 6;
#[constant]
pub const JOB_REFUNDED: u8 = 7;

// Job.market
#[constant]
pub const MARKET_AKASH: u8 = 1;
#[constant]
pub const MARKET_GOLEM: u8 = 2;
#[constant]
pub const MARKET_PEER: u8 = 3;
#[constant]
pub const MARKET_LOCAL: u8 = 4;

// ChunkedSet.kind
#[constant]
pub const SET_TRAIN: u8 = 1;
#[constant]
pub const SET_EVAL: u8 = 2;

// VerifyingKey.kind and .circuit
#[constant]
pub const KEY_DEVELOPMENT: u8 = 1;
#[constant]
pub const KEY_CEREMONY: u8 = 2;
#[constant]
pub const CIRCUIT_STEPS: u8 = 1;
#[constant]
pub const CIRCUIT_EVAL: u8 = 2;

// TrainingJobRecord.energy_grade and .proof
#[constant]
pub const ENERGY_MEASURED: u8 = 1;
#[constant]
pub const ENERGY_ESTIMATED: u8 = 2;
#[constant]
pub const ENERGY_DECLARED: u8 = 3;
#[constant]
pub const PROOF_NONE: u8 = 0;
#[constant]
pub const PROOF_GROTH16: u8 = 1;
#[constant]
pub const PROOF_REVIEW: u8 = 2;

/// First seed of a draft: ["draft", owner, id]. Drafts are this program's affair alone, hence not in common.
pub const DRAFT: &[u8] = b"draft";

/// Chunks in a set at most: one bit each in `Job.eval_mask`.
pub const MAX_CHUNKS: usize = 64;
/// Bytes a draft holds: the roots of the largest set. A verifying key is smaller.
pub const DRAFT_CAPACITY: usize = MAX_CHUNKS * 32;
/// Bytes of the largest verifying key: 448 + 64 · (public inputs + 1), for eight inputs.
pub const MAX_VERIFYING_KEY: usize = 1024;
/// The integer head's logit stays within i32 up to this many features.
pub const MAX_FEATURES: u16 = 512;
/// So that the rows of 64 chunks fit a u32 with room to spare.
pub const MAX_ROWS_PER_CHUNK: u32 = 1 << 16;

/// Leases that may fail before a job's money goes back to the treasury.
#[constant]
pub const MAX_ATTEMPTS: u8 = 3;
/// A bidder's bond as a share of the job's budget, rounded up …
#[constant]
pub const BOND_PPM: u32 = 100_000;
/// … but at least this many lamports: more than the rent of an empty account, so that giving the bond back
/// can't fail because the bidder emptied their wallet, which would make their bid unbeatable.
#[constant]
pub const MIN_BOND: u64 = 1_000_000;
/// No period of a job is longer than this (seconds): a typing error must not lock money for a century.
#[constant]
pub const MAX_PERIOD: i64 = 366 * 24 * 3_600;

pub const JOULES_PER_KWH: u64 = 3_600_000;
