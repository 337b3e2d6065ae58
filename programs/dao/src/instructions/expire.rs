use crate::error::DaoError;
use crate::events::ProposalExpired;
use crate::state::{Member, Proposal};
use anchor_lang::prelude::*;
use decai_common::seeds;

/// Anyone ends a proposal that was not executed in time, which frees its proposer's stake.
#[derive(Accounts)]
pub struct Expire<'info> {
    #[account(mut, constraint = proposal.layout == Proposal::LAYOUT @ DaoError::UnknownLayout)]
    pub proposal: Box<Account<'info, Proposal>>,
    #[account(
        mut,
        constraint = proposer_member.layout == Member::LAYOUT @ DaoError::UnknownLayout,
        seeds = [seeds::MEMBER, proposal.dao.as_ref(), proposal.proposer.as_ref()],
        bump = proposer_member.bump
    )]
    pub proposer_member: Box<Account<'info, Member>>,
}

pub(crate) fn handler(ctx: Context<Expire>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let proposal = &mut ctx.accounts.proposal;
    proposal.expire(now)?;
    ctx.accounts.proposer_member.close_proposal()?;
    emit!(ProposalExpired { dao: proposal.dao, proposal: proposal.key(), id: proposal.id, at: now });
    Ok(())
}
