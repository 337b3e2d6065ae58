use crate::error::DaoError;
use crate::events::VoteCast;
use crate::state::{Member, Proposal, VoteRecord};
use anchor_lang::prelude::*;
use decai_common::seeds;

#[derive(Accounts)]
pub struct CastVote<'info> {
    /// The member's wallet, or their delegate.
    #[account(mut, constraint = member.may_vote(voter.key) @ DaoError::NotVoter)]
    pub voter: Signer<'info>,
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
        init,
        payer = voter,
        space = VoteRecord::SPACE,
        seeds = [seeds::VOTE, proposal.key().as_ref(), member.key().as_ref()],
        bump
    )]
    pub record: Box<Account<'info, VoteRecord>>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handler(ctx: Context<CastVote>, choice: u8) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = ctx.accounts;
    let (proposal, member, record) = (&mut accounts.proposal, &mut accounts.member, &mut accounts.record);
    let weight = member.weight_on(proposal.id)?;
    proposal.cast(choice, weight, now)?;
    member.lock_for_vote(proposal.voting_ends)?;
    record.layout = VoteRecord::LAYOUT;
    record.bump = ctx.bumps.record;
    record.proposal = proposal.key();
    record.member = member.key();
    record.voter = accounts.voter.key();
    record.choice = choice;
    record.weight = weight;
    record.cast_at = now;
    emit!(VoteCast {
        dao: proposal.dao,
        proposal: proposal.key(),
        id: proposal.id,
        wallet: member.wallet,
        voter: record.voter,
        choice,
        weight,
        votes_for: proposal.votes_for,
        votes_against: proposal.votes_against,
        abstain: proposal.abstain,
        at: now,
    });
    Ok(())
}
