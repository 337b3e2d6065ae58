use super::adopt_registry::accept;
use crate::constants::KIND_ADOPT_REGISTRY;
use crate::error::DaoError;
use crate::events::RegistryAdopted;
use crate::state::{Dao, Member, Proposal};
use anchor_lang::prelude::*;
use decai_common::seeds;
use model_manager::program::ModelManager;
use model_manager::state::ModelRegistry;

#[derive(Accounts)]
pub struct ExecuteAdoptRegistry<'info> {
    #[account(constraint = dao.layout == Dao::LAYOUT @ DaoError::UnknownLayout)]
    pub dao: Box<Account<'info, Dao>>,
    #[account(
        mut,
        has_one = dao @ DaoError::WrongDao,
        has_one = registry @ DaoError::WrongRegistry,
        constraint = proposal.layout == Proposal::LAYOUT @ DaoError::UnknownLayout
    )]
    pub proposal: Box<Account<'info, Proposal>>,
    #[account(
        mut,
        constraint = proposer_member.layout == Member::LAYOUT @ DaoError::UnknownLayout,
        seeds = [seeds::MEMBER, proposal.dao.as_ref(), proposal.proposer.as_ref()],
        bump = proposer_member.bump
    )]
    pub proposer_member: Box<Account<'info, Member>>,
    /// CHECK: only signs.
    #[account(seeds = [seeds::AUTHORITY, dao.key().as_ref()], bump = dao.authority_bump)]
    pub authority: UncheckedAccount<'info>,
    #[account(mut, constraint = registry.pending_owner == authority.key() @ DaoError::RegistryNotOffered)]
    pub registry: Box<Account<'info, ModelRegistry>>,
    pub model_manager_program: Program<'info, ModelManager>,
}

pub(crate) fn handler(ctx: Context<ExecuteAdoptRegistry>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = ctx.accounts;
    accounts.proposal.execute(KIND_ADOPT_REGISTRY, now)?;
    accounts.proposer_member.close_proposal()?;
    accept(&accounts.authority, &accounts.registry.to_account_info(), &accounts.dao)?;
    emit!(RegistryAdopted {
        dao: accounts.dao.key(),
        registry: accounts.registry.key(),
        proposal: accounts.proposal.key(),
        at: now,
    });
    Ok(())
}
