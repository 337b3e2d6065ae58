use crate::error::ModelManagerError;
use crate::events::CurrentChanged;
use crate::state::{ModelRegistry, ModelVersion};
use anchor_lang::prelude::*;
use decai_common::{seeds, LAYOUT_V1};

#[derive(Accounts)]
pub struct SetCurrent<'info> {
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
        constraint = version.layout == LAYOUT_V1 @ ModelManagerError::UnknownLayout,
        seeds = [seeds::VERSION, registry.key().as_ref(), version.number.to_le_bytes().as_ref()],
        bump = version.bump
    )]
    pub version: Box<Account<'info, ModelVersion>>,
}

pub(crate) fn handler(ctx: Context<SetCurrent>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let registry = &mut ctx.accounts.registry;
    let version = &ctx.accounts.version;
    let previous = registry.set_current(version, now)?;
    emit!(CurrentChanged {
        registry: registry.key(),
        previous,
        current: version.number,
        content: version.content,
        changed_at: now,
    });
    Ok(())
}
