use crate::constants::KIND_SET_CURRENT;
use crate::error::DaoError;
use crate::events::CurrentExecuted;
use crate::state::{Dao, Member, Proposal, SetCurrentPayload};
use anchor_lang::prelude::*;
use decai_common::seeds;
use model_manager::program::ModelManager;
use model_manager::state::{ModelRegistry, ModelVersion};

#[derive(Accounts)]
pub struct ExecuteSetCurrent<'info> {
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
    #[account(mut, constraint = registry.owner == authority.key() @ DaoError::RegistryNotOwned)]
    pub registry: Box<Account<'info, ModelRegistry>>,
    #[account(has_one = registry @ DaoError::InvalidVersion)]
    pub version: Box<Account<'info, ModelVersion>>,
    pub model_manager_program: Program<'info, ModelManager>,
}

pub(crate) fn handler(ctx: Context<ExecuteSetCurrent>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = ctx.accounts;
    accounts.proposal.execute(KIND_SET_CURRENT, now)?;
    accounts.proposer_member.close_proposal()?;
    let decided = SetCurrentPayload::parse(&accounts.proposal.payload)?.version;
    require!(u64::from(accounts.version.number) == decided, DaoError::InvalidVersion);
    let dao = accounts.dao.key();
    let signer: &[&[u8]] = &[seeds::AUTHORITY, dao.as_ref(), &[accounts.dao.authority_bump]];
    let set_current = model_manager::cpi::accounts::SetCurrent {
        owner: accounts.authority.to_account_info(),
        registry: accounts.registry.to_account_info(),
        version: accounts.version.to_account_info(),
    };
    let program = accounts.model_manager_program.key();
    model_manager::cpi::set_current(CpiContext::new_with_signer(program, set_current, &[signer]))?;
    emit!(CurrentExecuted {
        dao,
        proposal: accounts.proposal.key(),
        id: accounts.proposal.id,
        registry: accounts.registry.key(),
        version: decided,
        at: now,
    });
    Ok(())
}
