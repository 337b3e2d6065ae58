use super::Policy;
use crate::constants::*;
use crate::error::DaoError;
use anchor_lang::prelude::*;
use decai_common::{is_text, LAYOUT_V1};

/// A collective: ["dao", creator, name].
///
/// Around it, at addresses derived from its own: the voting token's mint ["mint", dao], the signer of all its
/// decisions ["authority", dao], members' staked SOL ["vault", dao], what it may spend ["treasury", dao] and
/// the escrow of deposited tokens ["deposits", dao]. Vault and treasury are plain system accounts, never mixed.
#[account]
#[derive(InitSpace)]
pub struct Dao {
    pub layout: u8,
    pub bump: u8,
    pub creator: Pubkey,
    pub name: [u8; 32],
    pub mint: Pubkey,
    pub authority_bump: u8,
    pub vault_bump: u8,
    pub treasury_bump: u8,
    pub deposits_bump: u8,
    pub policy: Policy,
    /// May veto in the hold-up; all zeros when there is none.
    pub guardian: Pubkey,
    pub guardian_expires_at: i64,
    /// Proposals ever created: the next proposal's id.
    pub proposal_count: u64,
    /// What the creator may distribute before the first proposal.
    pub founding_supply: u64,
    /// Lamports of all members' stakes: the vault holds at least as much above its rent.
    pub staked: u64,
    /// Tokens of all members' lots: the deposits account holds at least as much.
    pub deposited: u64,
    /// Lamports that executed proposals ever took from the treasury.
    pub spent: u64,
    /// Rewards minted since `reward_window_started_at`.
    pub reward_window_minted: u64,
    pub reward_window_started_at: i64,
    pub created_at: i64,
    pub reserved: [u8; 128],
}

/// What `create_dao` fixes.
pub struct Founding {
    pub creator: Pubkey,
    pub name: [u8; 32],
    pub mint: Pubkey,
    pub founding_supply: u64,
    pub policy: Policy,
    pub guardian: Pubkey,
    pub guardian_expires_at: i64,
}

impl Founding {
    /// Refuses a name, supply, policy or guardian that makes no sense at `now`.
    pub fn validate(&self, now: i64) -> Result<()> {
        require!(is_text(&self.name), DaoError::InvalidName);
        require!(self.founding_supply > 0, DaoError::ZeroAmount);
        self.policy.validate()?;
        let latest = now.checked_add(MAX_GUARDIAN_TERM).ok_or(DaoError::Overflow)?;
        let expires = self.guardian_expires_at;
        let sane = if self.guardian == Pubkey::default() {
            expires == 0
        } else {
            expires > now && expires <= latest
        };
        require!(sane, DaoError::InvalidGuardian);
        Ok(())
    }
}

impl Dao {
    pub const SPACE: usize = 8 + Self::INIT_SPACE;
    pub const LAYOUT: u8 = LAYOUT_V1;

    /// Writes a new collective.
    pub fn found(&mut self, founding: &Founding, now: i64) {
        self.layout = Self::LAYOUT;
        self.creator = founding.creator;
        self.name = founding.name;
        self.mint = founding.mint;
        self.policy = founding.policy;
        self.guardian = founding.guardian;
        self.guardian_expires_at = founding.guardian_expires_at;
        self.founding_supply = founding.founding_supply;
        self.created_at = now;
    }

    pub fn is_founding(&self) -> bool {
        self.proposal_count == 0
    }

    /// Refuses anyone but the creator, and everyone once there was a proposal.
    pub fn check_founder(&self, signer: &Pubkey) -> Result<()> {
        require_keys_eq!(*signer, self.creator, DaoError::NotCreator);
        require!(self.is_founding(), DaoError::FoundingOver);
        Ok(())
    }

    /// The id of a new proposal.
    pub fn next_proposal(&mut self) -> Result<u64> {
        let id = self.proposal_count;
        self.proposal_count = id.checked_add(1).ok_or(DaoError::Overflow)?;
        Ok(id)
    }

    pub fn add_stake(&mut self, amount: u64) -> Result<()> {
        self.staked = self.staked.checked_add(amount).ok_or(DaoError::Overflow)?;
        Ok(())
    }

    pub fn take_stake(&mut self, amount: u64) -> Result<()> {
        self.staked = self.staked.checked_sub(amount).ok_or(DaoError::InvariantBroken)?;
        Ok(())
    }

    pub fn add_deposit(&mut self, amount: u64) -> Result<()> {
        self.deposited = self.deposited.checked_add(amount).ok_or(DaoError::Overflow)?;
        Ok(())
    }

    pub fn take_deposit(&mut self, amount: u64) -> Result<()> {
        self.deposited = self.deposited.checked_sub(amount).ok_or(DaoError::InvariantBroken)?;
        Ok(())
    }

    pub fn add_spent(&mut self, amount: u64) -> Result<()> {
        self.spent = self.spent.checked_add(amount).ok_or(DaoError::Overflow)?;
        Ok(())
    }

    /// Every stake can be paid back: the vault holds at least the sum of the stakes above its rent.
    pub fn invariant_vault(&self, vault_lamports: u64, rent: u64) -> Result<()> {
        let owed = self.staked.checked_add(rent).ok_or(DaoError::Overflow)?;
        require!(vault_lamports >= owed, DaoError::InvariantBroken);
        Ok(())
    }

    /// Every deposit can be withdrawn.
    pub fn invariant_deposits(&self, tokens: u64) -> Result<()> {
        require!(tokens >= self.deposited, DaoError::InvariantBroken);
        Ok(())
    }
}
