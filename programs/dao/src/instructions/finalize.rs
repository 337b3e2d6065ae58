use crate::constants::STATE_DEFEATED;
use crate::error::DaoError;
use crate::events::ProposalFinalized;
use crate::state::{Dao, Member, Proposal};
use anchor_lang::prelude::*;
use decai_common::seeds;

/// Anyone counts the votes once voting has ended.
#[derive(Accounts)]
pub struct Finalize<'info> {
    #[account(constraint = dao.layout == Dao::LAYOUT @ DaoError::UnknownLayout)]
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

pub(crate) fn handler(ctx: Context<Finalize>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let proposal = &mut ctx.accounts.proposal;
    proposal.finalize(now, ctx.accounts.dao.policy.execution_window)?;
    if proposal.state == STATE_DEFEATED {
        ctx.accounts.proposer_member.close_proposal()?;
    }
    emit!(ProposalFinalized {
        dao: proposal.dao,
        proposal: proposal.key(),
        id: proposal.id,
        state: proposal.state,
        votes_for: proposal.votes_for,
        votes_against: proposal.votes_against,
        abstain: proposal.abstain,
        quorum_votes: proposal.quorum_votes,
        executable_at: proposal.executable_at()?,
        expires_at: proposal.expires_at,
        at: now,
    });
    Ok(())
}
