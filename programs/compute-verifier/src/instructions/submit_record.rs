use crate::{
    constants::PROOF_REVIEW,
    error::ComputeVerifierError,
    events::RecordSubmitted,
    funds,
    state::{gain_ppm, Job, RecordArgs, TrainingJobRecord},
};
use anchor_lang::prelude::*;
use decai_common::{ratio_ppm, seeds, LAYOUT_V1};

#[derive(Accounts)]
pub struct SubmitRecord<'info> {
    #[account(mut, address = job.provider @ ComputeVerifierError::NotTheProvider)]
    pub wallet: Signer<'info>,
    #[account(
        mut,
        seeds = [seeds::JOB, job.proposal.as_ref()],
        bump = job.bump,
        constraint = job.layout == LAYOUT_V1 @ ComputeVerifierError::UnknownLayout,
    )]
    pub job: Box<Account<'info, Job>>,
    #[account(
        init,
        payer = wallet,
        space = TrainingJobRecord::SPACE,
        seeds = [seeds::RECORD, job.key().as_ref()],
        bump,
    )]
    pub record: Box<Account<'info, TrainingJobRecord>>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handler(ctx: Context<SubmitRecord>, args: &RecordArgs) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let job = &mut ctx.accounts.job;
    args.validate(job.market, job.eval_rows)?;
    job.submit(args.w_after, (args.correct_before, args.correct_after), now)?;
    job.invariant(funds::above_rent(&job.to_account_info())?)?;

    let record = &mut ctx.accounts.record;
    record.layout = LAYOUT_V1;
    record.bump = ctx.bumps.record;
    record.dao = job.dao;
    record.job = job.key();
    record.provider = job.provider;
    record.model = args.model;
    record.manifest_sha256 = args.manifest_sha256;
    record.w_after = args.w_after;
    record.correct_before = args.correct_before;
    record.correct_after = args.correct_after;
    record.accuracy_gain_ppm = gain_ppm(args.correct_before, args.correct_after, job.eval_rows)
        .ok_or(ComputeVerifierError::Overflow)?;
    record.accuracy_ppm = ratio_ppm(u64::from(args.correct_after), u64::from(job.eval_rows))
        .ok_or(ComputeVerifierError::Overflow)?;
    record.energy_joules = args.energy_joules;
    record.energy_grade = args.energy_grade;
    record.energy_band_ppm = args.energy_band_ppm;
    record.carbon_mg_per_kwh = args.carbon_mg_per_kwh;
    record.co2e_mg = args.co2e_mg;
    record.hardware_efficiency_ppm = args.hardware_efficiency_ppm;
    record.region = args.region;
    record.duration_s = args.duration_s;
    record.device = args.device;
    record.proof = PROOF_REVIEW;
    record.submitted_at = now;
    record.report = args.report;
    emit!(RecordSubmitted {
        job: job.key(),
        record: record.key(),
        provider: record.provider,
        w_after: record.w_after,
        accuracy_gain_ppm: record.accuracy_gain_ppm,
        energy_joules: record.energy_joules,
        co2e_mg: record.co2e_mg,
    });
    Ok(())
}
