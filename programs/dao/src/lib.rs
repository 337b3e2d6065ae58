//! DecAI's governance: members stake SOL and deposit voting tokens, decide on proposals, and what they decide
//! happens by this program's signature alone.
//!
//! Executing a Train proposal moves its budget from the treasury into a job of compute-verifier; a settled job's
//! model becomes the next version of the collective's registry in model-manager. Nobody's key can do either.

use anchor_lang::prelude::*;

pub mod constants;
pub mod error;
pub mod events;
pub mod instructions;
pub mod state;

use instructions::*;
use state::Opening;

declare_id!("Ew5hmZw2E717FAXzqN2k4gvoZZbCD9U3JYWyob6cdtPS");

#[cfg(not(feature = "no-entrypoint"))]
solana_security_txt::security_txt! {
    name: "DecAI dao",
    project_url: "README.md of the source tree",
    contacts: "link:SECURITY.md of the source tree",
    policy: "SECURITY.md of the source tree",
    preferred_languages: "en"
}

#[program]
pub mod dao {
    use super::*;

    /// Creates a collective: its voting token, vault, treasury and deposits account.
    pub fn create_dao(ctx: Context<CreateDao>, name: [u8; 32], charter: Charter) -> Result<()> {
        instructions::create_dao::handler(ctx, name, charter)
    }

    /// Founding: mints part of the founding supply to a holder. Creator only, until the first proposal.
    pub fn distribute(ctx: Context<Distribute>, amount: u64) -> Result<()> {
        instructions::distribute::handler(ctx, amount)
    }

    /// Founding: takes over a registry offered to the collective. Creator only, until the first proposal.
    pub fn adopt_registry(ctx: Context<AdoptRegistry>) -> Result<()> {
        instructions::adopt_registry::handler(ctx)
    }

    /// Adds lamports to what the collective may spend. Anyone.
    pub fn fund_treasury(ctx: Context<FundTreasury>, amount: u64) -> Result<()> {
        instructions::fund_treasury::handler(ctx, amount)
    }

    /// Makes the signer a member.
    pub fn join(ctx: Context<Join>) -> Result<()> {
        instructions::join::handler(ctx)
    }

    /// Lets another wallet vote for this member; all zeros for nobody.
    pub fn set_delegate(ctx: Context<SetDelegate>, delegate: Pubkey) -> Result<()> {
        instructions::set_delegate::handler(ctx, delegate)
    }

    /// Moves lamports into the vault. They count once they are stake_age old.
    pub fn stake(ctx: Context<Stake>, amount: u64) -> Result<()> {
        instructions::stake::handler(ctx, amount)
    }

    /// Takes lamports back from the vault, except what open proposals lock.
    pub fn unstake(ctx: Context<Unstake>, amount: u64) -> Result<()> {
        instructions::unstake::handler(ctx, amount)
    }

    /// Deposits voting tokens. They count on proposals created from now on.
    pub fn deposit(ctx: Context<Deposit>, amount: u64) -> Result<()> {
        instructions::deposit::handler(ctx, amount)
    }

    /// Takes voting tokens back, the newest first, once the votes they took part in have ended.
    pub fn withdraw(ctx: Context<Withdraw>, amount: u64) -> Result<()> {
        instructions::withdraw::handler(ctx, amount)
    }

    /// Puts something to the vote. The proposer's aged stake stays locked until it is decided and done.
    pub fn create_proposal(ctx: Context<CreateProposal>, opening: Opening) -> Result<()> {
        instructions::create_proposal::handler(ctx, &opening)
    }

    /// Takes a proposal back before voting starts. Proposer only.
    pub fn cancel(ctx: Context<Cancel>) -> Result<()> {
        instructions::cancel::handler(ctx)
    }

    /// Votes with all tokens deposited before the proposal was created: 1 for, 2 against, 3 abstain.
    pub fn cast_vote(ctx: Context<CastVote>, choice: u8) -> Result<()> {
        instructions::cast_vote::handler(ctx, choice)
    }

    /// Takes a vote back while voting lasts. The tokens stay locked until its end.
    pub fn relinquish_vote(ctx: Context<RelinquishVote>) -> Result<()> {
        instructions::relinquish_vote::handler(ctx)
    }

    /// Counts the votes after voting has ended. Anyone.
    pub fn finalize(ctx: Context<Finalize>) -> Result<()> {
        instructions::finalize::handler(ctx)
    }

    /// Stops a succeeded proposal in its hold-up. Guardian only.
    pub fn veto(ctx: Context<Veto>) -> Result<()> {
        instructions::veto::handler(ctx)
    }

    /// Ends a succeeded proposal whose execution window has closed. Anyone.
    pub fn expire(ctx: Context<Expire>) -> Result<()> {
        instructions::expire::handler(ctx)
    }

    /// Opens the training job of a succeeded Train proposal and moves the budget into it. Anyone.
    pub fn execute_train(ctx: Context<ExecuteTrain>) -> Result<()> {
        instructions::execute_train::handler(ctx)
    }

    /// Makes the decided version current. Anyone.
    pub fn execute_set_current(ctx: Context<ExecuteSetCurrent>) -> Result<()> {
        instructions::execute_set_current::handler(ctx)
    }

    /// Takes over the decided registry. Anyone.
    pub fn execute_adopt_registry(ctx: Context<ExecuteAdoptRegistry>) -> Result<()> {
        instructions::execute_adopt_registry::handler(ctx)
    }

    /// Makes a settled job's model the registry's next version, after the publish hold. Anyone, once.
    pub fn publish_trained(ctx: Context<PublishTrained>) -> Result<()> {
        instructions::publish_trained::handler(ctx)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_id_is_the_one_other_programs_know() {
        assert_eq!(crate::ID, decai_common::ids::DAO);
    }
}
