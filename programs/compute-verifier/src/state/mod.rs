//! Accounts. Each begins with the discriminator, `layout u8` and `bump u8`, ends with `reserved`, and holds only
//! fields of fixed width, so that it is one packed little-endian record: eight bytes and then this.

mod attestation;
mod chunked_set;
mod draft;
mod job;
mod leaderboard;
mod policy;
mod provider;
mod record;
mod verifying_key;

pub use attestation::*;
pub use chunked_set::*;
pub use draft::*;
pub use job::*;
pub use leaderboard::*;
pub use policy::*;
pub use provider::*;
pub use record::*;
pub use verifying_key::*;
