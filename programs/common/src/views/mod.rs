//! Read-only views of accounts that other programs own, by their byte layout.
//!
//! They keep the dependency graph one-way: compute-verifier reads a dao Member, yet dao depends on
//! compute-verifier and not the reverse.

mod member;

pub use member::{MemberView, UnreadableMember};
