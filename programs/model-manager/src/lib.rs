//! DecAI's registry of models.
//!
//! A registry is a named line of versions under one owner (a person at first, the DAO's authority once adopted).
//! A version names its bundle by content and never changes, except that it can be yanked. The registry says which
//! version is current. Workers post what they inferred: leaves of receipts, chained per worker.

use anchor_lang::prelude::*;
use decai_common::ContentId;

pub mod constants;
pub mod error;
pub mod events;
pub mod instructions;
pub mod state;

use constants::{NAME_LEN, NOTE_LEN};
use instructions::*;
use state::NewVersion;

declare_id!("7muPyrif7EGatG1mdVpiYEHQifpn4dUdSJhY7qzR9HAr");

#[cfg(not(feature = "no-entrypoint"))]
solana_security_txt::security_txt! {
    name: "DecAI model-manager",
    project_url: "README.md of the source tree",
    contacts: "link:SECURITY.md of the source tree",
    policy: "SECURITY.md of the source tree",
    preferred_languages: "en"
}

#[program]
pub mod model_manager {
    use super::*;

    /// Creates an empty registry, owned by its creator.
    pub fn create_registry(ctx: Context<CreateRegistry>, name: [u8; NAME_LEN]) -> Result<()> {
        instructions::create_registry::handler(ctx, name)
    }

    /// Publishes the next version; `make_current` also makes it the one to run. The owner signs, `payer` pays rent.
    pub fn publish_version(
        ctx: Context<PublishVersion>,
        content: ContentId,
        training_data: ContentId,
        manifest_sha256: [u8; 32],
        head_commitment: [u8; 32],
        accuracy_ppm: u32,
        job: Pubkey,
        note: [u8; NOTE_LEN],
        make_current: bool,
    ) -> Result<()> {
        let new =
            NewVersion { content, training_data, manifest_sha256, head_commitment, accuracy_ppm, job, note };
        instructions::publish_version::handler(ctx, &new, make_current)
    }

    /// Makes a live version the one to run.
    pub fn set_current(ctx: Context<SetCurrent>) -> Result<()> {
        instructions::set_current::handler(ctx)
    }

    /// Withdraws a version that is not the current one.
    pub fn yank_version(ctx: Context<YankVersion>) -> Result<()> {
        instructions::yank_version::handler(ctx)
    }

    /// Offers ownership to an address that must accept it; the zero address withdraws the offer.
    pub fn offer_owner(ctx: Context<OfferOwner>, new_owner: Pubkey) -> Result<()> {
        instructions::offer_owner::handler(ctx, new_owner)
    }

    /// Accepts an offered registry.
    pub fn accept_owner(ctx: Context<AcceptOwner>) -> Result<()> {
        instructions::accept_owner::handler(ctx)
    }

    /// Adds one receipt's leaf to the worker's log.
    pub fn post_result(ctx: Context<PostResult>, leaf: [u8; 32]) -> Result<()> {
        instructions::post_result::result(ctx, leaf)
    }

    /// Adds the Merkle root of `count` receipts to the worker's log.
    pub fn post_result_batch(ctx: Context<PostResult>, root: [u8; 32], count: u32) -> Result<()> {
        instructions::post_result::batch(ctx, root, count)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_id_is_the_one_other_programs_know() {
        assert_eq!(crate::ID, decai_common::ids::MODEL_MANAGER);
    }
}
