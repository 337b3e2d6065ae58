use crate::error::DaoError;
use crate::events::ProposalVetoed;
use crate::state::{Dao, Member, Proposal};
use anchor_lang::prelude::*;
use decai_common::seeds;

#[derive(Accounts)]
pub struct Veto<'info> {
    pub guardian: Signer<'info>,
    #[account(
        has_one = guardian @ DaoError::NotGuardian,
        constraint = dao.layout == Dao::LAYOUT @ DaoError::UnknownLayout
    )]
    pub dao: Box<Account<'info, Dao>>,
    #[account(
        mut,
        has_one = dao @ DaoError::WrongDao,
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
}

pub(crate) fn handler(ctx: Context<Veto>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = ctx.accounts;
    require!(now < accounts.dao.guardian_expires_at, DaoError::GuardianExpired);
    let proposal = &mut accounts.proposal;
    proposal.veto(now)?;
    accounts.proposer_member.close_proposal()?;
    emit!(ProposalVetoed {
        dao: proposal.dao,
        proposal: proposal.key(),
        id: proposal.id,
        guardian: accounts.guardian.key(),
        at: now,
    });
    Ok(())
}
