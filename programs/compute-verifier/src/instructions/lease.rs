use crate::{error::ComputeVerifierError, events::JobLeased, funds, state::Job};
use anchor_lang::prelude::*;
use decai_common::{seeds, LAYOUT_V1};

/// Anyone may call it: there is nothing to choose.
#[derive(Accounts)]
pub struct Lease<'info> {
    #[account(
        mut,
        seeds = [seeds::JOB, job.proposal.as_ref()],
        bump = job.bump,
        constraint = job.layout == LAYOUT_V1 @ ComputeVerifierError::UnknownLayout,
    )]
    pub job: Box<Account<'info, Job>>,
}

pub(crate) fn handler(ctx: Context<Lease>) -> Result<()> {
    let job = &mut ctx.accounts.job;
    job.lease(Clock::get()?.unix_timestamp)?;
    job.invariant(funds::above_rent(&job.to_account_info())?)?;
    emit!(JobLeased {
        job: job.key(),
        provider: job.provider,
        price: job.best_price,
        deadline: job.deadline
    });
    Ok(())
}
