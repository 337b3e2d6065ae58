use crate::{
    constants::{SET_EVAL, SET_TRAIN},
    error::ComputeVerifierError,
    events::JobOpened,
    state::{ChunkedSet, Job, OpenJobArgs, SetShapes},
};
use anchor_lang::prelude::*;
use decai_common::{ids, seeds, LAYOUT_V1};

#[derive(Accounts)]
#[instruction(args: OpenJobArgs)]
pub struct OpenJob<'info> {
    #[account(mut)]
    pub payer: Signer<'info>,
    /// Only the dao program can sign as this address, so what `args` say about the DAO is the dao's own word.
    #[account(seeds = [seeds::AUTHORITY, args.dao.as_ref()], bump, seeds::program = ids::DAO)]
    pub authority: Signer<'info>,
    #[account(init, payer = payer, space = Job::SPACE, seeds = [seeds::JOB, args.proposal.as_ref()], bump)]
    pub job: Box<Account<'info, Job>>,
    #[account(address = args.train_set @ ComputeVerifierError::WrongSet)]
    pub train_set: AccountLoader<'info, ChunkedSet>,
    #[account(address = args.eval_set @ ComputeVerifierError::WrongSet)]
    pub eval_set: AccountLoader<'info, ChunkedSet>,
    pub system_program: Program<'info, System>,
}

impl OpenJob<'_> {
    /// The shapes of two sets that fit each other.
    fn shapes(&self) -> Result<SetShapes> {
        let (train, eval) = (self.train_set.load()?, self.eval_set.load()?);
        require!(train.layout == LAYOUT_V1 && eval.layout == LAYOUT_V1, ComputeVerifierError::UnknownLayout);
        require!(train.kind == SET_TRAIN && eval.kind == SET_EVAL, ComputeVerifierError::WrongSetKind);
        require!(train.features == eval.features, ComputeVerifierError::FeaturesDiffer);
        Ok(SetShapes { train_chunks: train.chunks, eval_chunks: eval.chunks, eval_rows: eval.n })
    }
}

/// The caller moves the budget into the job right after, in its own instruction; until then, and if it never
/// does, no bid is taken.
pub(crate) fn handler(ctx: Context<OpenJob>, args: &OpenJobArgs) -> Result<()> {
    let shapes = ctx.accounts.shapes()?;
    let job = &mut ctx.accounts.job;
    job.open(args, shapes, ctx.bumps.job, Clock::get()?.unix_timestamp)?;
    emit!(JobOpened {
        job: job.key(),
        dao: job.dao,
        proposal: job.proposal,
        registry: job.registry,
        base_version: job.base_version,
        budget: job.budget,
        bids_end: job.bids_end,
    });
    Ok(())
}
