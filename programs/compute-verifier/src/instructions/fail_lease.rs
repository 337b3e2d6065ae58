use crate::{
    error::ComputeVerifierError,
    events::LeaseFailed,
    funds,
    state::{Job, Provider},
};
use anchor_lang::prelude::*;
use decai_common::{ids, seeds, LAYOUT_V1};

/// Anyone may call it, once the deadline has passed without a record.
#[derive(Accounts)]
pub struct FailLease<'info> {
    #[account(
        mut,
        seeds = [seeds::JOB, job.proposal.as_ref()],
        bump = job.bump,
        constraint = job.layout == LAYOUT_V1 @ ComputeVerifierError::UnknownLayout,
    )]
    pub job: Box<Account<'info, Job>>,
    #[account(
        mut,
        seeds = [seeds::PROVIDER, job.dao.as_ref(), job.provider.as_ref()],
        bump = provider.bump,
        constraint = provider.layout == LAYOUT_V1 @ ComputeVerifierError::UnknownLayout,
    )]
    pub provider: Box<Account<'info, Provider>>,
    /// CHECK: the DAO's treasury, by its address.
    #[account(mut, seeds = [seeds::TREASURY, job.dao.as_ref()], bump, seeds::program = ids::DAO)]
    pub treasury: UncheckedAccount<'info>,
}

pub(crate) fn handler(ctx: Context<FailLease>) -> Result<()> {
    let job = &mut ctx.accounts.job;
    let provider = job.provider;
    let bond_forfeited = job.fail_lease(Clock::get()?.unix_timestamp)?;
    ctx.accounts.provider.record_failed();
    funds::pay(&job.to_account_info(), &ctx.accounts.treasury, bond_forfeited)?;
    job.invariant(funds::above_rent(&job.to_account_info())?)?;
    emit!(LeaseFailed {
        job: job.key(),
        provider,
        bond_forfeited,
        attempts: job.attempts,
        bids_end: job.bids_end,
    });
    Ok(())
}
