//! What DecAI's programs agree on, and nothing else: program ids, PDA seeds, content identifiers, fixed-width
//! text, ratios, and read-only views of accounts that one program reads without depending on the other.
//!
//! Validation here returns plain Rust errors; each program maps them to its own `#[error_code]`:
//!
//! ```ignore
//! require!(content.validate().is_ok(), ModelManagerError::InvalidContentId);
//! ```

pub mod content;
pub mod hash;
pub mod ids;
pub mod seeds;
pub mod text;
pub mod units;
pub mod views;

pub use content::{ContentId, MalformedContent};
pub use hash::sha256;
pub use text::{is_text, is_text_or_empty};
pub use units::{ppm_of, ratio_ppm, PPM};
pub use views::{MemberView, UnreadableMember};

/// The `layout` byte of every account there is today. A program refuses an account with any other value.
pub const LAYOUT_V1: u8 = 1;
