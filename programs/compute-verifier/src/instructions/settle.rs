use crate::{
    error::ComputeVerifierError,
    events::JobSettled,
    funds,
    state::{Job, Leaderboard, Provider, TrainingJobRecord},
};
use anchor_lang::prelude::*;
use decai_common::{ids, seeds, LAYOUT_V1};

/// Anyone may call it, once the review is over.
#[derive(Accounts)]
pub struct Settle<'info> {
    #[account(
        mut,
        seeds = [seeds::JOB, job.proposal.as_ref()],
        bump = job.bump,
        constraint = job.layout == LAYOUT_V1 @ ComputeVerifierError::UnknownLayout,
    )]
    pub job: Box<Account<'info, Job>>,
    #[account(
        mut,
        seeds = [seeds::RECORD, job.key().as_ref()],
        bump = record.bump,
        constraint = record.layout == LAYOUT_V1 @ ComputeVerifierError::UnknownLayout,
    )]
    pub record: Box<Account<'info, TrainingJobRecord>>,
    /// CHECK: gets reward and bond; the provider's wallet, by its address.
    #[account(mut, address = job.provider @ ComputeVerifierError::NotTheProvider)]
    pub wallet: UncheckedAccount<'info>,
    #[account(
        mut,
        seeds = [seeds::PROVIDER, job.dao.as_ref(), job.provider.as_ref()],
        bump = provider.bump,
        constraint = provider.layout == LAYOUT_V1 @ ComputeVerifierError::UnknownLayout,
    )]
    pub provider: Box<Account<'info, Provider>>,
    #[account(
        mut,
        seeds = [seeds::LEADERBOARD, job.dao.as_ref()],
        bump = leaderboard.bump,
        constraint = leaderboard.layout == LAYOUT_V1 @ ComputeVerifierError::UnknownLayout,
    )]
    pub leaderboard: Box<Account<'info, Leaderboard>>,
    /// CHECK: the DAO's treasury, by its address.
    #[account(mut, seeds = [seeds::TREASURY, job.dao.as_ref()], bump, seeds::program = ids::DAO)]
    pub treasury: UncheckedAccount<'info>,
}

pub(crate) fn handler(ctx: Context<Settle>) -> Result<()> {
    let accounts = ctx.accounts;
    let job_info = accounts.job.to_account_info();
    accounts.job.invariant(funds::above_rent(&job_info)?)?;
    let settlement = accounts.job.settle(Clock::get()?.unix_timestamp)?;

    let to_provider = settlement.reward.checked_add(settlement.bond).ok_or(ComputeVerifierError::Overflow)?;
    funds::pay(&job_info, &accounts.wallet, to_provider)?;
    let to_treasury = funds::above_rent(&job_info)?;
    funds::pay(&job_info, &accounts.treasury, to_treasury)?;

    let record = &mut accounts.record;
    record.reward_distributed = settlement.reward;
    record.settled_at = accounts.job.settled_at;
    let provider = &mut accounts.provider;
    let jobs_before = provider.jobs_settled;
    provider.record_settled(settlement.reward, settlement.counts, record.energy_joules, record.co2e_mg);
    if settlement.counts {
        accounts.leaderboard.advance(jobs_before, provider.jobs_settled);
    }
    emit!(JobSettled {
        job: accounts.job.key(),
        provider: provider.wallet,
        reward: settlement.reward,
        bond_returned: settlement.bond,
        to_treasury,
        jobs_settled: provider.jobs_settled,
    });
    Ok(())
}
