use crate::error::DaoError;
use crate::events::ProposalCancelled;
use crate::state::{Member, Proposal};
use anchor_lang::prelude::*;
use decai_common::seeds;

#[derive(Accounts)]
pub struct Cancel<'info> {
    pub proposer: Signer<'info>,
    #[account(
        mut,
        has_one = proposer @ DaoError::NotProposer,
        constraint = proposal.layout == Proposal::LAYOUT @ DaoError::UnknownLayout
    )]
    pub proposal: Box<Account<'info, Proposal>>,
    #[account(
        mut,
        constraint = member.layout == Member::LAYOUT @ DaoError::UnknownLayout,
        seeds = [seeds::MEMBER, proposal.dao.as_ref(), proposer.key().as_ref()],
        bump = member.bump
    )]
    pub member: Box<Account<'info, Member>>,
}

pub(crate) fn handler(ctx: Context<Cancel>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let proposal = &mut ctx.accounts.proposal;
    proposal.cancel(now)?;
    ctx.accounts.member.cancel_proposal()?;
    emit!(ProposalCancelled { dao: proposal.dao, proposal: proposal.key(), id: proposal.id, at: now });
    Ok(())
}
