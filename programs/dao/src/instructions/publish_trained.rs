use crate::error::DaoError;
use crate::events::TrainedModelPublished;
use crate::state::{Dao, Proposal};
use anchor_lang::prelude::*;
use compute_verifier::constants::{JOB_SETTLED, PROOF_GROTH16};
use compute_verifier::program::ComputeVerifier;
use compute_verifier::state::{ChunkedSet, Job, TrainingJobRecord};
use decai_common::{seeds, LAYOUT_V1};
use model_manager::program::ModelManager;
use model_manager::state::ModelRegistry;

/// Anyone makes a settled job's model the next version, after the hold.
#[derive(Accounts)]
pub struct PublishTrained<'info> {
    /// Pays the version's rent.
    #[account(mut)]
    pub payer: Signer<'info>,
    #[account(constraint = dao.layout == Dao::LAYOUT @ DaoError::UnknownLayout)]
    pub dao: Box<Account<'info, Dao>>,
    #[account(
        mut,
        has_one = dao @ DaoError::WrongDao,
        has_one = registry @ DaoError::WrongRegistry,
        has_one = job @ DaoError::WrongJob,
        constraint = proposal.layout == Proposal::LAYOUT @ DaoError::UnknownLayout
    )]
    pub proposal: Box<Account<'info, Proposal>>,
    /// CHECK: only signs.
    #[account(seeds = [seeds::AUTHORITY, dao.key().as_ref()], bump = dao.authority_bump)]
    pub authority: UncheckedAccount<'info>,
    #[account(
        mut,
        has_one = train_set @ DaoError::WrongJob,
        constraint = job.layout == LAYOUT_V1 @ DaoError::UnknownLayout
    )]
    pub job: Box<Account<'info, Job>>,
    #[account(
        seeds = [seeds::RECORD, job.key().as_ref()],
        bump,
        seeds::program = compute_verifier_program.key(),
        constraint = record.layout == LAYOUT_V1 @ DaoError::UnknownLayout
    )]
    pub record: Box<Account<'info, TrainingJobRecord>>,
    #[account(constraint = train_set.load()?.layout == LAYOUT_V1 @ DaoError::UnknownLayout)]
    pub train_set: AccountLoader<'info, ChunkedSet>,
    #[account(mut, constraint = registry.owner == authority.key() @ DaoError::RegistryNotOwned)]
    pub registry: Box<Account<'info, ModelRegistry>>,
    /// CHECK: created by model-manager, at the address of the registry's next version.
    #[account(mut)]
    pub version: UncheckedAccount<'info>,
    pub model_manager_program: Program<'info, ModelManager>,
    pub compute_verifier_program: Program<'info, ComputeVerifier>,
    pub system_program: Program<'info, System>,
}

impl PublishTrained<'_> {
    fn validate(&self, now: i64) -> Result<()> {
        require!(self.proposal.published_version == 0, DaoError::AlreadyPublished);
        require!(self.job.state == JOB_SETTLED, DaoError::JobNotSettled);
        let hold = self.job.settled_at.checked_add(self.job.policy.publish_hold).ok_or(DaoError::Overflow)?;
        require!(now >= hold, DaoError::PublishHoldRunning);
        Ok(())
    }

    /// Only a proven model becomes current without a further vote, only over the version it was trained from,
    /// and only when it is better by what the proposal asked for.
    fn becomes_current(&self) -> bool {
        let gain = u32::try_from(self.record.accuracy_gain_ppm);
        self.record.proof == PROOF_GROTH16
            && u64::from(self.registry.current) == self.job.base_version
            && gain.is_ok_and(|gain| gain >= self.proposal.min_gain_ppm)
    }

    fn publish(&self, make_current: bool) -> Result<()> {
        let dao = self.dao.key();
        let signer: &[&[u8]] = &[seeds::AUTHORITY, dao.as_ref(), &[self.dao.authority_bump]];
        let publish = model_manager::cpi::accounts::PublishVersion {
            payer: self.payer.to_account_info(),
            owner: self.authority.to_account_info(),
            registry: self.registry.to_account_info(),
            version: self.version.to_account_info(),
            system_program: self.system_program.to_account_info(),
        };
        let mut note = [0; 64];
        note[..32].copy_from_slice(&self.proposal.target_param);
        model_manager::cpi::publish_version(
            CpiContext::new_with_signer(self.model_manager_program.key(), publish, &[signer]),
            self.record.model,
            self.train_set.load()?.content,
            self.record.manifest_sha256,
            self.job.w_after,
            self.record.accuracy_ppm,
            self.job.key(),
            note,
            make_current,
        )
    }

    fn mark_published(&self, version: u64) -> Result<()> {
        let dao = self.dao.key();
        let signer: &[&[u8]] = &[seeds::AUTHORITY, dao.as_ref(), &[self.dao.authority_bump]];
        let mark = compute_verifier::cpi::accounts::MarkPublished {
            authority: self.authority.to_account_info(),
            job: self.job.to_account_info(),
        };
        let program = self.compute_verifier_program.key();
        compute_verifier::cpi::mark_published(CpiContext::new_with_signer(program, mark, &[signer]), version)
    }
}

pub(crate) fn handler(ctx: Context<PublishTrained>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = ctx.accounts;
    accounts.validate(now)?;
    let make_current = accounts.becomes_current();
    accounts.publish(make_current)?;
    accounts.registry.reload()?;
    let version = u64::from(accounts.registry.latest);
    accounts.proposal.publish(version)?;
    accounts.mark_published(version)?;
    emit!(TrainedModelPublished {
        dao: accounts.dao.key(),
        proposal: accounts.proposal.key(),
        id: accounts.proposal.id,
        job: accounts.job.key(),
        registry: accounts.registry.key(),
        version,
        made_current: u8::from(make_current),
        accuracy_ppm: accounts.record.accuracy_ppm,
        accuracy_gain_ppm: accounts.record.accuracy_gain_ppm,
        at: now,
    });
    Ok(())
}
