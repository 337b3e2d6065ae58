use crate::constants::KIND_TRAIN;
use crate::error::DaoError;
use crate::events::TrainingExecuted;
use crate::state::{Dao, Member, Proposal, TrainPayload};
use anchor_lang::prelude::*;
use anchor_lang::system_program::{transfer, Transfer};
use compute_verifier::program::ComputeVerifier;
use compute_verifier::state::OpenJobArgs;
use decai_common::{seeds, LAYOUT_V1};
use model_manager::constants::STATUS_LIVE;
use model_manager::state::{ModelRegistry, ModelVersion};

#[derive(Accounts)]
pub struct ExecuteTrain<'info> {
    /// Anyone: pays the job's rent, which the job returns when it is closed.
    #[account(mut)]
    pub payer: Signer<'info>,
    #[account(mut, constraint = dao.layout == Dao::LAYOUT @ DaoError::UnknownLayout)]
    pub dao: Box<Account<'info, Dao>>,
    #[account(
        mut,
        has_one = dao @ DaoError::WrongDao,
        has_one = registry @ DaoError::WrongRegistry,
        constraint = proposal.layout == Proposal::LAYOUT @ DaoError::UnknownLayout
    )]
    pub proposal: Box<Account<'info, Proposal>>,
    #[account(
        mut,
        constraint = proposer_member.layout == Member::LAYOUT @ DaoError::UnknownLayout,
        seeds = [seeds::MEMBER, proposal.dao.as_ref(), proposal.proposer.as_ref()],
        bump = proposer_member.bump
    )]
    pub proposer_member: Box<Account<'info, Member>>,
    /// CHECK: only signs.
    #[account(seeds = [seeds::AUTHORITY, dao.key().as_ref()], bump = dao.authority_bump)]
    pub authority: UncheckedAccount<'info>,
    #[account(mut, seeds = [seeds::TREASURY, dao.key().as_ref()], bump = dao.treasury_bump)]
    pub treasury: SystemAccount<'info>,
    #[account(
        constraint = registry.layout == LAYOUT_V1 @ DaoError::UnknownLayout,
        constraint = registry.owner == authority.key() @ DaoError::RegistryNotOwned
    )]
    pub registry: Box<Account<'info, ModelRegistry>>,
    #[account(
        has_one = registry @ DaoError::InvalidVersion,
        constraint = base_version.layout == LAYOUT_V1 @ DaoError::UnknownLayout,
        constraint = base_version.status == STATUS_LIVE @ DaoError::InvalidVersion
    )]
    pub base_version: Box<Account<'info, ModelVersion>>,
    /// CHECK: named by the proposal; compute-verifier checks that it is a training set.
    pub train_set: UncheckedAccount<'info>,
    /// CHECK: named by the proposal; compute-verifier checks that it is an evaluation set.
    pub eval_set: UncheckedAccount<'info>,
    /// CHECK: created by compute-verifier, at the address of this proposal's job.
    #[account(
        mut,
        seeds = [seeds::JOB, proposal.key().as_ref()],
        bump,
        seeds::program = compute_verifier_program.key()
    )]
    pub job: UncheckedAccount<'info>,
    pub compute_verifier_program: Program<'info, ComputeVerifier>,
    pub system_program: Program<'info, System>,
}

impl ExecuteTrain<'_> {
    fn validate(&self, payload: &TrainPayload) -> Result<()> {
        require!(u64::from(self.base_version.number) == payload.base_version, DaoError::InvalidVersion);
        require_keys_eq!(self.train_set.key(), payload.train_set, DaoError::InvalidPayload);
        require_keys_eq!(self.eval_set.key(), payload.eval_set, DaoError::InvalidPayload);
        // The treasury keeps its rent: what remains must stay a valid account.
        let rent = Rent::get()?.minimum_balance(0);
        let spendable = self.treasury.lamports().saturating_sub(rent);
        require!(spendable >= self.proposal.training_budget, DaoError::TreasuryTooSmall);
        Ok(())
    }

    fn open_job(&self, payload: &TrainPayload) -> Result<()> {
        let dao = self.dao.key();
        let signer: &[&[u8]] = &[seeds::AUTHORITY, dao.as_ref(), &[self.dao.authority_bump]];
        let open = compute_verifier::cpi::accounts::OpenJob {
            payer: self.payer.to_account_info(),
            authority: self.authority.to_account_info(),
            job: self.job.to_account_info(),
            train_set: self.train_set.to_account_info(),
            eval_set: self.eval_set.to_account_info(),
            system_program: self.system_program.to_account_info(),
        };
        let args = OpenJobArgs {
            dao,
            proposal: self.proposal.key(),
            proposer: self.proposal.proposer,
            registry: self.registry.key(),
            base_version: payload.base_version,
            base_commitment: self.base_version.head_commitment,
            train_set: payload.train_set,
            eval_set: payload.eval_set,
            budget: self.proposal.training_budget,
            work_period: payload.work_period,
            prove_period: payload.prove_period,
            policy: self.dao.policy.for_job(),
        };
        let program = self.compute_verifier_program.key();
        compute_verifier::cpi::open_job(CpiContext::new_with_signer(program, open, &[signer]), args)
    }

    /// Moves the budget, and nothing but the budget, from the treasury into the job.
    fn fund_job(&self) -> Result<()> {
        let (budget, before) = (self.proposal.training_budget, self.job.lamports());
        let treasury_before = self.treasury.lamports();
        let dao = self.dao.key();
        let signer: &[&[u8]] = &[seeds::TREASURY, dao.as_ref(), &[self.dao.treasury_bump]];
        let fund = Transfer { from: self.treasury.to_account_info(), to: self.job.to_account_info() };
        transfer(CpiContext::new_with_signer(self.system_program.key(), fund, &[signer]), budget)?;
        let paid = treasury_before.checked_sub(self.treasury.lamports());
        let received = self.job.lamports().checked_sub(before);
        require!(paid == Some(budget) && received == Some(budget), DaoError::JobNotFunded);
        require_keys_eq!(*self.job.owner, compute_verifier::ID, DaoError::JobNotFunded);
        Ok(())
    }
}

pub(crate) fn handler(ctx: Context<ExecuteTrain>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = ctx.accounts;
    accounts.proposal.execute(KIND_TRAIN, now)?;
    let payload = TrainPayload::parse(&accounts.proposal.payload)?;
    accounts.validate(&payload)?;
    accounts.proposer_member.close_proposal()?;
    accounts.open_job(&payload)?;
    accounts.fund_job()?;
    accounts.proposal.job = accounts.job.key();
    accounts.dao.add_spent(accounts.proposal.training_budget)?;
    emit!(TrainingExecuted {
        dao: accounts.dao.key(),
        proposal: accounts.proposal.key(),
        id: accounts.proposal.id,
        job: accounts.job.key(),
        budget: accounts.proposal.training_budget,
        treasury_balance: accounts.treasury.lamports(),
        at: now,
    });
    Ok(())
}
