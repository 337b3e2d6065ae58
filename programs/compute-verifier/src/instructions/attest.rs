use crate::{
    error::ComputeVerifierError,
    events::RecordAttested,
    state::{Attestation, Job},
};
use anchor_lang::prelude::*;
use decai_common::{seeds, MemberView, LAYOUT_V1};

#[derive(Accounts)]
pub struct Attest<'info> {
    /// The member's own wallet: a delegate votes, but doesn't recompute on somebody's behalf.
    #[account(mut)]
    pub attester: Signer<'info>,
    #[account(
        mut,
        seeds = [seeds::JOB, job.proposal.as_ref()],
        bump = job.bump,
        constraint = job.layout == LAYOUT_V1 @ ComputeVerifierError::UnknownLayout,
    )]
    pub job: Box<Account<'info, Job>>,
    /// CHECK: the attester's Member of the job's DAO, read and checked in `stake`.
    pub member: UncheckedAccount<'info>,
    #[account(
        init,
        payer = attester,
        space = Attestation::SPACE,
        seeds = [seeds::ATTESTATION, job.key().as_ref(), attester.key().as_ref()],
        bump,
    )]
    pub attestation: Account<'info, Attestation>,
    pub system_program: Program<'info, System>,
}

impl Attest<'_> {
    /// The attester's aged stake (lamports), if it is enough. Some stake is needed under any policy: members
    /// without any cost nothing to invent.
    fn stake(&self, now: i64) -> Result<u64> {
        let member = MemberView::read(&self.member).map_err(|_| ComputeVerifierError::NotAMember)?;
        require!(
            member.dao == self.job.dao && member.wallet == self.attester.key(),
            ComputeVerifierError::NotAMember
        );
        let stake = member.effective_aged_stake(now, self.job.policy.stake_age);
        require_gte!(stake, self.job.policy.min_stake.max(1), ComputeVerifierError::NotEnoughStake);
        Ok(stake)
    }
}

pub(crate) fn handler(ctx: Context<Attest>, w_after: [u8; 32]) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let attester = ctx.accounts.attester.key();
    let stake = ctx.accounts.stake(now)?;
    let job = &mut ctx.accounts.job;
    job.attest(attester, w_after)?;
    let attestation = &mut ctx.accounts.attestation;
    attestation.layout = LAYOUT_V1;
    attestation.bump = ctx.bumps.attestation;
    attestation.dao = job.dao;
    attestation.job = job.key();
    attestation.attester = attester;
    attestation.w_after = w_after;
    attestation.stake = stake;
    attestation.attested_at = now;
    emit!(RecordAttested { job: job.key(), attester, stake, attestations: job.attestations });
    Ok(())
}
