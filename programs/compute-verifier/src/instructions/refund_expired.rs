use crate::{error::ComputeVerifierError, events::JobRefunded, funds, state::Job};
use anchor_lang::prelude::*;
use decai_common::{ids, seeds, LAYOUT_V1};

/// Anyone may call it, once nobody will do the job.
#[derive(Accounts)]
pub struct RefundExpired<'info> {
    #[account(
        mut,
        seeds = [seeds::JOB, job.proposal.as_ref()],
        bump = job.bump,
        constraint = job.layout == LAYOUT_V1 @ ComputeVerifierError::UnknownLayout,
    )]
    pub job: Box<Account<'info, Job>>,
    /// CHECK: the DAO's treasury, by its address.
    #[account(mut, seeds = [seeds::TREASURY, job.dao.as_ref()], bump, seeds::program = ids::DAO)]
    pub treasury: UncheckedAccount<'info>,
}

pub(crate) fn handler(ctx: Context<RefundExpired>) -> Result<()> {
    let job = &mut ctx.accounts.job;
    job.refund(Clock::get()?.unix_timestamp)?;
    let job_info = job.to_account_info();
    let to_treasury = funds::above_rent(&job_info)?;
    funds::pay(&job_info, &ctx.accounts.treasury, to_treasury)?;
    emit!(JobRefunded { job: job.key(), dao: job.dao, to_treasury, attempts: job.attempts });
    Ok(())
}
