use crate::{error::ComputeVerifierError, events::JobPublished, state::Job};
use anchor_lang::prelude::*;
use decai_common::{ids, seeds, LAYOUT_V1};

#[derive(Accounts)]
pub struct MarkPublished<'info> {
    #[account(seeds = [seeds::AUTHORITY, job.dao.as_ref()], bump, seeds::program = ids::DAO)]
    pub authority: Signer<'info>,
    #[account(
        mut,
        seeds = [seeds::JOB, job.proposal.as_ref()],
        bump = job.bump,
        constraint = job.layout == LAYOUT_V1 @ ComputeVerifierError::UnknownLayout,
    )]
    pub job: Box<Account<'info, Job>>,
}

pub(crate) fn handler(ctx: Context<MarkPublished>, version: u64) -> Result<()> {
    let job = &mut ctx.accounts.job;
    job.publish(version, Clock::get()?.unix_timestamp)?;
    emit!(JobPublished { job: job.key(), registry: job.registry, version });
    Ok(())
}
