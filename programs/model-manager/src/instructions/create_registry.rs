use crate::constants::NAME_LEN;
use crate::error::ModelManagerError;
use crate::events::RegistryCreated;
use crate::state::ModelRegistry;
use anchor_lang::prelude::*;
use decai_common::{is_text, seeds};

#[derive(Accounts)]
#[instruction(name: [u8; NAME_LEN])]
pub struct CreateRegistry<'info> {
    #[account(mut)]
    pub creator: Signer<'info>,
    #[account(
        init,
        payer = creator,
        space = ModelRegistry::SPACE,
        seeds = [seeds::REGISTRY, creator.key().as_ref(), name.as_ref()],
        bump
    )]
    pub registry: Box<Account<'info, ModelRegistry>>,
    pub system_program: Program<'info, System>,
}

impl CreateRegistry<'_> {
    fn validate(&self, name: &[u8; NAME_LEN]) -> Result<()> {
        require!(is_text(name), ModelManagerError::InvalidName);
        Ok(())
    }
}

pub(crate) fn handler(ctx: Context<CreateRegistry>, name: [u8; NAME_LEN]) -> Result<()> {
    ctx.accounts.validate(&name)?;
    let (creator, now) = (ctx.accounts.creator.key(), Clock::get()?.unix_timestamp);
    let registry = &mut ctx.accounts.registry;
    registry.set_inner(ModelRegistry::new(creator, name, ctx.bumps.registry, now)?);
    emit!(RegistryCreated { registry: registry.key(), creator, name, created_at: now });
    Ok(())
}
