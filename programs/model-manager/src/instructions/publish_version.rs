use crate::error::ModelManagerError;
use crate::events::{CurrentChanged, VersionPublished};
use crate::state::{ModelRegistry, ModelVersion, NewVersion};
use anchor_lang::prelude::*;
use decai_common::{seeds, LAYOUT_V1};

#[derive(Accounts)]
pub struct PublishVersion<'info> {
    /// Apart from the owner, who may be a program's address without lamports of its own.
    #[account(mut)]
    pub payer: Signer<'info>,
    pub owner: Signer<'info>,
    #[account(
        mut,
        has_one = owner @ ModelManagerError::NotOwner,
        constraint = registry.layout == LAYOUT_V1 @ ModelManagerError::UnknownLayout,
        seeds = [seeds::REGISTRY, registry.creator.as_ref(), registry.name.as_ref()],
        bump = registry.bump
    )]
    pub registry: Box<Account<'info, ModelRegistry>>,
    #[account(
        init,
        payer = payer,
        space = ModelVersion::SPACE,
        // At u32::MAX the address is that of the last version, which exists: `init` refuses it.
        seeds = [
            seeds::VERSION,
            registry.key().as_ref(),
            registry.latest.saturating_add(1).to_le_bytes().as_ref()
        ],
        bump
    )]
    pub version: Box<Account<'info, ModelVersion>>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handler(ctx: Context<PublishVersion>, new: &NewVersion, make_current: bool) -> Result<()> {
    new.validate()?;
    let clock = Clock::get()?;
    let publisher = ctx.accounts.owner.key();
    let registry = &mut ctx.accounts.registry;
    let version = &mut ctx.accounts.version;
    let parent = registry.current;
    let number = registry.next_number(clock.unix_timestamp)?;
    let bump = ctx.bumps.version;
    version.set_inner(ModelVersion::new(bump, registry.key(), number, parent, publisher, &clock, new)?);
    emit!(VersionPublished {
        registry: registry.key(),
        version: version.key(),
        number,
        parent,
        publisher,
        content: new.content,
        training_data: new.training_data,
        manifest_sha256: new.manifest_sha256,
        head_commitment: new.head_commitment,
        accuracy_ppm: new.accuracy_ppm,
        job: new.job,
        published_at: clock.unix_timestamp,
        slot: clock.slot,
    });
    if make_current {
        let previous = registry.set_current(version, clock.unix_timestamp)?;
        emit!(CurrentChanged {
            registry: registry.key(),
            previous,
            current: number,
            content: new.content,
            changed_at: clock.unix_timestamp,
        });
    }
    Ok(())
}
