use crate::error::DaoError;
use crate::events::RegistryAdopted;
use crate::state::Dao;
use anchor_lang::prelude::*;
use decai_common::seeds;
use model_manager::program::ModelManager;
use model_manager::state::ModelRegistry;

/// Founding: the creator brings a registry. Later ones need a vote.
#[derive(Accounts)]
pub struct AdoptRegistry<'info> {
    pub creator: Signer<'info>,
    #[account(constraint = dao.layout == Dao::LAYOUT @ DaoError::UnknownLayout)]
    pub dao: Box<Account<'info, Dao>>,
    /// CHECK: only signs.
    #[account(seeds = [seeds::AUTHORITY, dao.key().as_ref()], bump = dao.authority_bump)]
    pub authority: UncheckedAccount<'info>,
    #[account(mut, constraint = registry.pending_owner == authority.key() @ DaoError::RegistryNotOffered)]
    pub registry: Box<Account<'info, ModelRegistry>>,
    pub model_manager_program: Program<'info, ModelManager>,
}

pub(crate) fn handler(ctx: Context<AdoptRegistry>) -> Result<()> {
    let accounts = &ctx.accounts;
    accounts.dao.check_founder(&accounts.creator.key())?;
    let dao = accounts.dao.key();
    accept(&accounts.authority, &accounts.registry.to_account_info(), &accounts.dao)?;
    emit!(RegistryAdopted {
        dao,
        registry: accounts.registry.key(),
        proposal: Pubkey::default(),
        at: Clock::get()?.unix_timestamp,
    });
    Ok(())
}

/// Accepts an offered registry with the collective's signature.
pub(crate) fn accept<'info>(
    authority: &UncheckedAccount<'info>,
    registry: &AccountInfo<'info>,
    dao: &Account<'info, Dao>,
) -> Result<()> {
    let key = dao.key();
    let signer: &[&[u8]] = &[seeds::AUTHORITY, key.as_ref(), &[dao.authority_bump]];
    let accept = model_manager::cpi::accounts::AcceptOwner {
        pending_owner: authority.to_account_info(),
        registry: registry.clone(),
    };
    model_manager::cpi::accept_owner(CpiContext::new_with_signer(model_manager::ID, accept, &[signer]))
}
