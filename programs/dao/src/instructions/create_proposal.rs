use crate::constants::{KIND_ADOPT_REGISTRY, KIND_SET_CURRENT, KIND_TRAIN};
use crate::error::DaoError;
use crate::events::ProposalCreated;
use crate::state::{Dao, Member, Opening, Proposal, SetCurrentPayload, TrainPayload};
use anchor_lang::prelude::*;
use anchor_spl::token::Mint;
use decai_common::{seeds, LAYOUT_V1};
use model_manager::state::ModelRegistry;

#[derive(Accounts)]
pub struct CreateProposal<'info> {
    #[account(mut)]
    pub proposer: Signer<'info>,
    #[account(mut, constraint = dao.layout == Dao::LAYOUT @ DaoError::UnknownLayout)]
    pub dao: Box<Account<'info, Dao>>,
    #[account(
        mut,
        constraint = member.layout == Member::LAYOUT @ DaoError::UnknownLayout,
        seeds = [seeds::MEMBER, dao.key().as_ref(), proposer.key().as_ref()],
        bump = member.bump
    )]
    pub member: Box<Account<'info, Member>>,
    #[account(address = dao.mint)]
    pub mint: Box<Account<'info, Mint>>,
    /// CHECK: compared with the registry's owner.
    #[account(seeds = [seeds::AUTHORITY, dao.key().as_ref()], bump = dao.authority_bump)]
    pub authority: UncheckedAccount<'info>,
    #[account(constraint = registry.layout == LAYOUT_V1 @ DaoError::UnknownLayout)]
    pub registry: Box<Account<'info, ModelRegistry>>,
    #[account(
        init,
        payer = proposer,
        space = Proposal::SPACE,
        seeds = [seeds::PROPOSAL, dao.key().as_ref(), dao.proposal_count.to_le_bytes().as_ref()],
        bump
    )]
    pub proposal: Box<Account<'info, Proposal>>,
    pub system_program: Program<'info, System>,
}

impl CreateProposal<'_> {
    /// What can already be known to fail at execution is not put to a vote.
    fn validate(&self, opening: &Opening) -> Result<()> {
        opening.validate()?;
        // Otherwise a stranger could end the founding, and with it the distribution, by an early proposal.
        let distributed = self.mint.supply >= self.dao.founding_supply;
        require!(distributed || !self.dao.is_founding(), DaoError::FoundingUnfinished);
        let latest = u64::from(self.registry.latest);
        let named = match opening.kind {
            KIND_TRAIN => TrainPayload::parse(&opening.payload)?.base_version,
            KIND_SET_CURRENT => SetCurrentPayload::parse(&opening.payload)?.version,
            KIND_ADOPT_REGISTRY => {
                let offered = self.registry.pending_owner == self.authority.key();
                require!(offered, DaoError::RegistryNotOffered);
                return Ok(());
            }
            _ => return err!(DaoError::UnsupportedKind),
        };
        require_keys_eq!(self.registry.owner, self.authority.key(), DaoError::RegistryNotOwned);
        require!(named <= latest, DaoError::InvalidVersion);
        Ok(())
    }
}

pub(crate) fn handler(ctx: Context<CreateProposal>, opening: &Opening) -> Result<()> {
    ctx.accounts.validate(opening)?;
    let now = Clock::get()?.unix_timestamp;
    let accounts = ctx.accounts;
    let policy = accounts.dao.policy;
    accounts.member.open_proposal(now, policy.stake_age, policy.min_stake)?;
    let id = accounts.dao.next_proposal()?;
    let proposal = &mut accounts.proposal;
    proposal.open(opening, &policy, accounts.mint.supply, now)?;
    proposal.bump = ctx.bumps.proposal;
    proposal.id = id;
    proposal.dao = accounts.dao.key();
    proposal.proposer = accounts.proposer.key();
    proposal.registry = accounts.registry.key();
    emit!(ProposalCreated {
        dao: proposal.dao,
        proposal: proposal.key(),
        id,
        proposer: proposal.proposer,
        registry: proposal.registry,
        kind: proposal.kind,
        training_budget: proposal.training_budget,
        quorum_votes: proposal.quorum_votes,
        voting_starts: proposal.voting_starts,
        voting_ends: proposal.voting_ends,
        at: now,
    });
    Ok(())
}
