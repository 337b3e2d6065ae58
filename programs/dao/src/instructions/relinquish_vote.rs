use crate::error::DaoError;
use crate::events::VoteRelinquished;
use crate::state::{Member, Proposal, VoteRecord};
use anchor_lang::prelude::*;
use decai_common::seeds;

#[derive(Accounts)]
pub struct RelinquishVote<'info> {
    /// The member, or the delegate who cast this vote: a delegate can't undo what the member said.
    #[account(
        constraint = signer.key() == member.wallet
            || (signer.key() == record.voter && member.may_vote(signer.key)) @ DaoError::NotVoter
    )]
    pub signer: Signer<'info>,
    #[account(mut, constraint = proposal.layout == Proposal::LAYOUT @ DaoError::UnknownLayout)]
    pub proposal: Box<Account<'info, Proposal>>,
    #[account(
        mut,
        constraint = member.layout == Member::LAYOUT @ DaoError::UnknownLayout,
        seeds = [seeds::MEMBER, proposal.dao.as_ref(), member.wallet.as_ref()],
        bump = member.bump
    )]
    pub member: Box<Account<'info, Member>>,
    #[account(
        mut,
        close = voter,
        has_one = voter @ DaoError::WrongRentPayer,
        constraint = record.layout == VoteRecord::LAYOUT @ DaoError::UnknownLayout,
        seeds = [seeds::VOTE, proposal.key().as_ref(), member.key().as_ref()],
        bump = record.bump
    )]
    pub record: Box<Account<'info, VoteRecord>>,
    /// CHECK: paid the record's rent and gets it back.
    #[account(mut)]
    pub voter: UncheckedAccount<'info>,
}

pub(crate) fn handler(ctx: Context<RelinquishVote>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let (choice, weight) = (ctx.accounts.record.choice, ctx.accounts.record.weight);
    let (proposal, member) = (&mut ctx.accounts.proposal, &mut ctx.accounts.member);
    proposal.relinquish(choice, weight, now)?;
    member.unvote()?;
    emit!(VoteRelinquished {
        dao: proposal.dao,
        proposal: proposal.key(),
        id: proposal.id,
        wallet: member.wallet,
        choice,
        weight,
        at: now,
    });
    Ok(())
}
