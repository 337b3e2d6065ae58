use crate::error::ModelManagerError;
use crate::events::OwnerAccepted;
use crate::state::ModelRegistry;
use anchor_lang::prelude::*;
use decai_common::{seeds, LAYOUT_V1};

#[derive(Accounts)]
pub struct AcceptOwner<'info> {
    pub pending_owner: Signer<'info>,
    #[account(
        mut,
        has_one = pending_owner @ ModelManagerError::NotPendingOwner,
        constraint = registry.layout == LAYOUT_V1 @ ModelManagerError::UnknownLayout,
        seeds = [seeds::REGISTRY, registry.creator.as_ref(), registry.name.as_ref()],
        bump = registry.bump
    )]
    pub registry: Box<Account<'info, ModelRegistry>>,
}

pub(crate) fn handler(ctx: Context<AcceptOwner>) -> Result<()> {
    let owner = ctx.accounts.pending_owner.key();
    let registry = &mut ctx.accounts.registry;
    let previous = registry.accept(owner, Clock::get()?.unix_timestamp)?;
    emit!(OwnerAccepted { registry: registry.key(), previous, owner });
    Ok(())
}
