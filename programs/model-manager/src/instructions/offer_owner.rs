use crate::error::ModelManagerError;
use crate::events::OwnerOffered;
use crate::state::ModelRegistry;
use anchor_lang::prelude::*;
use decai_common::{seeds, LAYOUT_V1};

#[derive(Accounts)]
pub struct OfferOwner<'info> {
    pub owner: Signer<'info>,
    #[account(
        mut,
        has_one = owner @ ModelManagerError::NotOwner,
        constraint = registry.layout == LAYOUT_V1 @ ModelManagerError::UnknownLayout,
        seeds = [seeds::REGISTRY, registry.creator.as_ref(), registry.name.as_ref()],
        bump = registry.bump
    )]
    pub registry: Box<Account<'info, ModelRegistry>>,
}

pub(crate) fn handler(ctx: Context<OfferOwner>, new_owner: Pubkey) -> Result<()> {
    let registry = &mut ctx.accounts.registry;
    registry.offer(new_owner, Clock::get()?.unix_timestamp)?;
    emit!(OwnerOffered { registry: registry.key(), owner: registry.owner, pending_owner: new_owner });
    Ok(())
}
