//! One file an instruction: its accounts, what it checks beyond their constraints, and its handler.

pub mod attest;
pub mod bid;
pub mod close_draft;
pub mod create_leaderboard;
pub mod create_provider;
pub mod fail_lease;
pub mod lease;
pub mod mark_published;
pub mod open_draft;
pub mod open_job;
pub mod refund_expired;
pub mod register_set;
pub mod set_offer;
pub mod settle;
pub mod submit_record;
pub mod write_draft;

pub use attest::*;
pub use bid::*;
pub use close_draft::*;
pub use create_leaderboard::*;
pub use create_provider::*;
pub use fail_lease::*;
pub use lease::*;
pub use mark_published::*;
pub use open_draft::*;
pub use open_job::*;
pub use refund_expired::*;
pub use register_set::*;
pub use set_offer::*;
pub use settle::*;
pub use submit_record::*;
pub use write_draft::*;
