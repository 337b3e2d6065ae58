//! The accounts: each owns its layout, its transitions and its invariant.

mod dao;
mod member;
mod payload;
mod policy;
mod proposal;
mod vote_record;

pub use dao::{Dao, Founding};
pub use member::{Lot, Member};
pub use payload::{SetCurrentPayload, TrainPayload, PAYLOAD_LEN};
pub use policy::Policy;
pub use proposal::{Opening, Proposal};
pub use vote_record::VoteRecord;
