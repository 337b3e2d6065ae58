//! Numbers and codes that clients need too: they are part of the IDL.

use anchor_lang::prelude::*;

/// Decimals of every collective's voting token.
#[constant]
pub const TOKEN_DECIMALS: u8 = 6;

/// First seed of a collective's mint: ["mint", dao].
#[constant]
pub const MINT_SEED: &[u8] = b"mint";

/// Kinds of proposals. The gaps are powers whose instructions come later on the same layouts.
#[constant]
pub const KIND_TRAIN: u8 = 1;
#[constant]
pub const KIND_PUBLISH: u8 = 2;
#[constant]
pub const KIND_SET_CURRENT: u8 = 3;
#[constant]
pub const KIND_YANK: u8 = 4;
#[constant]
pub const KIND_ADOPT_REGISTRY: u8 = 5;
#[constant]
pub const KIND_TRANSFER_REGISTRY: u8 = 6;
#[constant]
pub const KIND_CONFIGURE: u8 = 7;
#[constant]
pub const KIND_SPEND: u8 = 8;
#[constant]
pub const KIND_RESOLVE_DISPUTE: u8 = 9;
#[constant]
pub const KIND_REVOKE_BADGE: u8 = 10;
#[constant]
pub const KIND_UPGRADE: u8 = 11;

/// States of a proposal. Pending turns into Voting by time: the first vote writes it down.
#[constant]
pub const STATE_PENDING: u8 = 0;
#[constant]
pub const STATE_VOTING: u8 = 1;
#[constant]
pub const STATE_SUCCEEDED: u8 = 2;
#[constant]
pub const STATE_DEFEATED: u8 = 3;
#[constant]
pub const STATE_EXECUTED: u8 = 4;
#[constant]
pub const STATE_VETOED: u8 = 5;
#[constant]
pub const STATE_CANCELLED: u8 = 6;
#[constant]
pub const STATE_EXPIRED: u8 = 7;

#[constant]
pub const VOTE_FOR: u8 = 1;
#[constant]
pub const VOTE_AGAINST: u8 = 2;
#[constant]
pub const VOTE_ABSTAIN: u8 = 3;

/// Deposits with different `first_id`s that a member can hold before the two oldest merge.
pub const MAX_LOTS: usize = 8;

const DAY: i64 = 86_400;

/// Longest single period of a policy: voting delay, voting, hold-up, bids, publish hold, challenge.
pub const MAX_PERIOD: i64 = 30 * DAY;
pub const MAX_EXECUTION_WINDOW: i64 = 90 * DAY;
pub const MAX_STAKE_AGE: i64 = 365 * DAY;
/// Longest term of a guardian: no veto power without an end.
pub const MAX_GUARDIAN_TERM: i64 = 365 * DAY;
/// Longest work or prove period a Train proposal may ask for.
pub const MAX_JOB_PERIOD: i64 = 90 * DAY;
/// At most this many members must attest a reviewed record.
pub const MAX_ATTESTATIONS: u32 = 64;
