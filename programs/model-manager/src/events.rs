//! One event per state change, flat and of fixed width, with what an indexer needs to follow a registry without
//! reading accounts.

use anchor_lang::prelude::*;
use decai_common::ContentId;

#[event]
pub struct RegistryCreated {
    pub registry: Pubkey,
    pub creator: Pubkey,
    pub name: [u8; 32],
    pub created_at: i64,
}

#[event]
pub struct VersionPublished {
    pub registry: Pubkey,
    pub version: Pubkey,
    pub number: u32,
    pub parent: u32,
    pub publisher: Pubkey,
    pub content: ContentId,
    pub training_data: ContentId,
    pub manifest_sha256: [u8; 32],
    pub head_commitment: [u8; 32],
    pub accuracy_ppm: u32,
    pub job: Pubkey,
    pub published_at: i64,
    pub slot: u64,
}

#[event]
pub struct CurrentChanged {
    pub registry: Pubkey,
    pub previous: u32,
    pub current: u32,
    pub content: ContentId,
    pub changed_at: i64,
}

#[event]
pub struct VersionYanked {
    pub registry: Pubkey,
    pub version: Pubkey,
    pub number: u32,
    pub yanked_at: i64,
}

/// `pending_owner` is the zero address when an offer was withdrawn.
#[event]
pub struct OwnerOffered {
    pub registry: Pubkey,
    pub owner: Pubkey,
    pub pending_owner: Pubkey,
}

#[event]
pub struct OwnerAccepted {
    pub registry: Pubkey,
    pub previous: Pubkey,
    pub owner: Pubkey,
}

#[event]
pub struct ResultPosted {
    pub registry: Pubkey,
    pub version: u32,
    pub worker: Pubkey,
    pub leaf: [u8; 32],
    pub count: u64,
    pub head: [u8; 32],
}

#[event]
pub struct ResultBatchPosted {
    pub registry: Pubkey,
    pub version: u32,
    pub worker: Pubkey,
    pub root: [u8; 32],
    pub results: u32,
    pub count: u64,
    pub head: [u8; 32],
}
