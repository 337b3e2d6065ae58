use crate::error::ModelManagerError;
use crate::events::VersionYanked;
use crate::state::{ModelRegistry, ModelVersion};
use anchor_lang::prelude::*;
use decai_common::{seeds, LAYOUT_V1};

#[derive(Accounts)]
pub struct YankVersion<'info> {
    pub owner: Signer<'info>,
    #[account(
        has_one = owner @ ModelManagerError::NotOwner,
        constraint = registry.layout == LAYOUT_V1 @ ModelManagerError::UnknownLayout,
        seeds = [seeds::REGISTRY, registry.creator.as_ref(), registry.name.as_ref()],
        bump = registry.bump
    )]
    pub registry: Box<Account<'info, ModelRegistry>>,
    #[account(
        mut,
        constraint = version.layout == LAYOUT_V1 @ ModelManagerError::UnknownLayout,
        seeds = [seeds::VERSION, registry.key().as_ref(), version.number.to_le_bytes().as_ref()],
        bump = version.bump
    )]
    pub version: Box<Account<'info, ModelVersion>>,
}

pub(crate) fn handler(ctx: Context<YankVersion>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let registry = &ctx.accounts.registry;
    let version = &mut ctx.accounts.version;
    version.yank(registry.current)?;
    emit!(VersionYanked {
        registry: registry.key(),
        version: version.key(),
        number: version.number,
        yanked_at: now,
    });
    Ok(())
}
