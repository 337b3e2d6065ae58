use crate::constants::NAME_LEN;
use crate::error::ModelManagerError;
use crate::state::ModelVersion;
use anchor_lang::prelude::*;
use decai_common::{is_text, ContentId, LAYOUT_V1};

/// A named line of model versions under one owner: ["registry", creator, name].
#[account]
#[derive(InitSpace)]
pub struct ModelRegistry {
    pub layout: u8,
    pub bump: u8,
    /// Who created it, for ever: part of the address.
    pub creator: Pubkey,
    pub name: [u8; NAME_LEN],
    /// Who may publish, yank, choose the current version and hand the registry on.
    pub owner: Pubkey,
    /// To whom ownership is offered; the zero address when to nobody.
    pub pending_owner: Pubkey,
    /// The highest version number; versions count from 1 without gaps.
    pub latest: u32,
    /// The version to run; 0 before the first.
    pub current: u32,
    pub current_cid: ContentId,
    pub training_data_cid: ContentId,
    /// Unix seconds.
    pub created_at: i64,
    pub updated_at: i64,
    pub reserved: [u8; 64],
}

impl ModelRegistry {
    pub const SPACE: usize = 8 + Self::INIT_SPACE;

    pub fn new(creator: Pubkey, name: [u8; NAME_LEN], bump: u8, now: i64) -> Result<Self> {
        let registry = Self {
            layout: LAYOUT_V1,
            bump,
            creator,
            name,
            owner: creator,
            pending_owner: Pubkey::default(),
            latest: 0,
            current: 0,
            current_cid: ContentId::NONE,
            training_data_cid: ContentId::NONE,
            created_at: now,
            updated_at: now,
            reserved: [0; 64],
        };
        registry.invariant()?;
        Ok(registry)
    }

    /// Takes the next version number.
    pub fn next_number(&mut self, now: i64) -> Result<u32> {
        self.latest = self.latest.checked_add(1).ok_or(ModelManagerError::Overflow)?;
        self.updated_at = now;
        self.invariant()?;
        Ok(self.latest)
    }

    /// Makes `version` the one to run and returns the number of the one before.
    pub fn set_current(&mut self, version: &ModelVersion, now: i64) -> Result<u32> {
        version.require_live()?;
        require_neq!(version.number, self.current, ModelManagerError::AlreadyCurrent);
        let previous = self.current;
        self.current = version.number;
        self.current_cid = version.content;
        self.training_data_cid = version.training_data;
        self.updated_at = now;
        self.invariant()?;
        Ok(previous)
    }

    /// Offers ownership; the zero address withdraws an offer.
    pub fn offer(&mut self, new_owner: Pubkey, now: i64) -> Result<()> {
        require_keys_neq!(new_owner, self.owner, ModelManagerError::AlreadyOwner);
        self.pending_owner = new_owner;
        self.updated_at = now;
        self.invariant()
    }

    /// Hands the registry to whom it was offered and returns the owner before.
    pub fn accept(&mut self, new_owner: Pubkey, now: i64) -> Result<Pubkey> {
        require_keys_neq!(new_owner, Pubkey::default(), ModelManagerError::NotPendingOwner);
        require_keys_eq!(new_owner, self.pending_owner, ModelManagerError::NotPendingOwner);
        let previous = core::mem::replace(&mut self.owner, new_owner);
        self.pending_owner = Pubkey::default();
        self.updated_at = now;
        self.invariant()?;
        Ok(previous)
    }

    /// A version is current exactly when there is content to run, and it is one that was published.
    pub fn invariant(&self) -> Result<()> {
        require_eq!(self.layout, LAYOUT_V1, ModelManagerError::UnknownLayout);
        require!(is_text(&self.name), ModelManagerError::InvalidName);
        let holds = self.current <= self.latest
            && (self.current == 0) == self.current_cid.is_none()
            && self.owner != Pubkey::default()
            && self.pending_owner != self.owner
            && self.created_at <= self.updated_at;
        require!(holds, ModelManagerError::InvariantViolated);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::model_version::tests::version;

    fn registry() -> ModelRegistry {
        let mut name = [0; NAME_LEN];
        name[..9].copy_from_slice(b"sentiment");
        ModelRegistry::new(Pubkey::new_from_array([7; 32]), name, 255, 100).unwrap()
    }

    #[test]
    fn space_is_that_of_the_documented_layout() {
        assert_eq!(ModelRegistry::SPACE, 8 + 2 + 32 + 32 + 32 + 32 + 4 + 4 + 40 + 40 + 8 + 8 + 64);
    }

    #[test]
    fn a_new_registry_runs_nothing() {
        let registry = registry();
        assert_eq!((registry.latest, registry.current), (0, 0));
        assert!(registry.current_cid.is_none());
        assert_eq!(registry.owner, registry.creator);
    }

    #[test]
    fn a_nameless_registry_is_refused() {
        assert!(ModelRegistry::new(Pubkey::new_from_array([7; 32]), [0; NAME_LEN], 255, 100).is_err());
    }

    #[test]
    fn numbers_count_up_and_never_wrap() {
        let mut registry = registry();
        assert_eq!(registry.next_number(101).unwrap(), 1);
        assert_eq!(registry.next_number(102).unwrap(), 2);
        assert_eq!(registry.updated_at, 102);
        registry.latest = u32::MAX;
        assert_eq!(registry.next_number(103).unwrap_err(), ModelManagerError::Overflow.into());
    }

    #[test]
    fn current_takes_the_version_s_content() {
        let mut registry = registry();
        registry.latest = 2;
        let two = version(2);
        assert_eq!(registry.set_current(&two, 110).unwrap(), 0);
        assert_eq!((registry.current, registry.current_cid), (2, two.content));
        assert_eq!(registry.training_data_cid, two.training_data);
        assert_eq!(registry.set_current(&two, 111).unwrap_err(), ModelManagerError::AlreadyCurrent.into());
        assert_eq!(registry.set_current(&version(1), 112).unwrap(), 2);
    }

    #[test]
    fn a_version_beyond_the_latest_breaks_the_invariant() {
        let mut registry = registry();
        let error = registry.set_current(&version(1), 110).unwrap_err();
        assert_eq!(error, ModelManagerError::InvariantViolated.into());
    }

    #[test]
    fn ownership_moves_in_two_steps() {
        let (mut registry, heir) = (registry(), Pubkey::new_from_array([9; 32]));
        assert_eq!(registry.accept(heir, 101).unwrap_err(), ModelManagerError::NotPendingOwner.into());
        registry.offer(heir, 102).unwrap();
        let creator = registry.creator;
        assert_eq!(registry.accept(creator, 103).unwrap_err(), ModelManagerError::NotPendingOwner.into());
        assert_eq!(registry.accept(heir, 104).unwrap(), creator);
        assert_eq!((registry.owner, registry.pending_owner), (heir, Pubkey::default()));
        assert_eq!(registry.offer(heir, 105).unwrap_err(), ModelManagerError::AlreadyOwner.into());
    }

    #[test]
    fn a_withdrawn_offer_cannot_be_accepted_even_by_the_zero_address() {
        let mut registry = registry();
        registry.offer(Pubkey::new_from_array([9; 32]), 102).unwrap();
        registry.offer(Pubkey::default(), 103).unwrap();
        let error = registry.accept(Pubkey::default(), 104).unwrap_err();
        assert_eq!(error, ModelManagerError::NotPendingOwner.into());
    }

    #[test]
    fn an_unknown_layout_is_refused() {
        let mut registry = registry();
        registry.layout = 2;
        assert_eq!(registry.next_number(101).unwrap_err(), ModelManagerError::UnknownLayout.into());
    }
}
