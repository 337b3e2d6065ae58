use crate::constants::{NOTE_LEN, STATUS_LIVE, STATUS_YANKED};
use crate::error::ModelManagerError;
use anchor_lang::prelude::*;
use decai_common::{is_text_or_empty, ContentId, LAYOUT_V1, PPM};

/// One published model: ["version", registry, number as u32].
#[account]
#[derive(InitSpace)]
pub struct ModelVersion {
    pub layout: u8,
    pub bump: u8,
    pub registry: Pubkey,
    pub number: u32,
    /// The bundle.
    pub content: ContentId,
    /// What it was trained on; no content when that is not published.
    pub training_data: ContentId,
    pub manifest_sha256: [u8; 32],
    /// Poseidon commitment to the integer head; zeros for a model without one.
    pub head_commitment: [u8; 32],
    /// The version that was current when this one was published; 0 for none.
    pub parent: u32,
    /// On the evaluation set named in the manifest.
    pub accuracy_ppm: u32,
    /// The training job it came from; the zero address for none.
    pub job: Pubkey,
    /// The registry's owner at the time.
    pub publisher: Pubkey,
    /// Unix seconds.
    pub published_at: i64,
    pub slot: u64,
    /// [`STATUS_LIVE`] or [`STATUS_YANKED`].
    pub status: u8,
    pub note: [u8; NOTE_LEN],
    pub reserved: [u8; 64],
}

/// What the publisher says about a version.
#[derive(Clone, Copy)]
pub struct NewVersion {
    pub content: ContentId,
    pub training_data: ContentId,
    pub manifest_sha256: [u8; 32],
    pub head_commitment: [u8; 32],
    pub accuracy_ppm: u32,
    pub job: Pubkey,
    pub note: [u8; NOTE_LEN],
}

impl NewVersion {
    pub fn validate(&self) -> Result<()> {
        require!(self.content.validate().is_ok(), ModelManagerError::InvalidContentId);
        require!(self.training_data.validate_optional().is_ok(), ModelManagerError::InvalidContentId);
        require!(self.manifest_sha256 != [0; 32], ModelManagerError::MissingManifest);
        require!(self.accuracy_ppm <= PPM, ModelManagerError::RatioAboveOne);
        require!(is_text_or_empty(&self.note), ModelManagerError::InvalidNote);
        Ok(())
    }
}

impl ModelVersion {
    pub const SPACE: usize = 8 + Self::INIT_SPACE;

    /// A live version. `parent` is the registry's current version, `publisher` its owner.
    pub fn new(
        bump: u8,
        registry: Pubkey,
        number: u32,
        parent: u32,
        publisher: Pubkey,
        clock: &Clock,
        new: &NewVersion,
    ) -> Result<Self> {
        let version = Self {
            layout: LAYOUT_V1,
            bump,
            registry,
            number,
            content: new.content,
            training_data: new.training_data,
            manifest_sha256: new.manifest_sha256,
            head_commitment: new.head_commitment,
            parent,
            accuracy_ppm: new.accuracy_ppm,
            job: new.job,
            publisher,
            published_at: clock.unix_timestamp,
            slot: clock.slot,
            status: STATUS_LIVE,
            note: new.note,
            reserved: [0; 64],
        };
        version.invariant()?;
        Ok(version)
    }

    pub fn require_live(&self) -> Result<()> {
        require_eq!(self.status, STATUS_LIVE, ModelManagerError::VersionYanked);
        Ok(())
    }

    /// Withdraws the version for good. `current` is the registry's.
    pub fn yank(&mut self, current: u32) -> Result<()> {
        require_neq!(self.number, current, ModelManagerError::CurrentVersion);
        self.require_live()?;
        self.status = STATUS_YANKED;
        self.invariant()
    }

    /// Numbers start at 1, parents come before their children, and the content can be fetched.
    pub fn invariant(&self) -> Result<()> {
        require_eq!(self.layout, LAYOUT_V1, ModelManagerError::UnknownLayout);
        let holds = self.parent < self.number
            && matches!(self.status, STATUS_LIVE | STATUS_YANKED)
            && self.accuracy_ppm <= PPM
            && self.content.validate().is_ok();
        require!(holds, ModelManagerError::InvariantViolated);
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn content(fill: u8) -> ContentId {
        let mut bytes = [0; ContentId::CAPACITY];
        bytes[..32].fill(fill);
        ContentId { scheme: ContentId::ARWEAVE, len: 32, bytes }
    }

    fn new_version() -> NewVersion {
        NewVersion {
            content: content(1),
            training_data: content(2),
            manifest_sha256: [3; 32],
            head_commitment: [4; 32],
            accuracy_ppm: 860_000,
            job: Pubkey::default(),
            note: [0; NOTE_LEN],
        }
    }

    pub fn version(number: u32) -> ModelVersion {
        let clock = Clock { unix_timestamp: 50, slot: 9, ..Clock::default() };
        let (registry, publisher) = (Pubkey::new_from_array([5; 32]), Pubkey::new_from_array([7; 32]));
        ModelVersion::new(254, registry, number, 0, publisher, &clock, &new_version()).unwrap()
    }

    #[test]
    fn space_is_that_of_the_documented_layout() {
        let fields = 2 + 32 + 4 + 40 + 40 + 32 + 32 + 4 + 4 + 32 + 32 + 8 + 8 + 1 + 64 + 64;
        assert_eq!(ModelVersion::SPACE, 8 + fields);
    }

    #[test]
    fn what_a_publisher_says_is_checked() {
        use ModelManagerError::*;
        assert!(new_version().validate().is_ok());
        assert!(NewVersion { training_data: ContentId::NONE, ..new_version() }.validate().is_ok());
        let cases = [
            (NewVersion { content: ContentId::NONE, ..new_version() }, InvalidContentId),
            (NewVersion { content: ContentId { len: 31, ..content(1) }, ..new_version() }, InvalidContentId),
            (
                NewVersion { training_data: ContentId { scheme: 9, ..content(1) }, ..new_version() },
                InvalidContentId,
            ),
            (NewVersion { manifest_sha256: [0; 32], ..new_version() }, MissingManifest),
            (NewVersion { accuracy_ppm: PPM + 1, ..new_version() }, RatioAboveOne),
            (NewVersion { note: [0xff; NOTE_LEN], ..new_version() }, InvalidNote),
        ];
        for (new, error) in cases {
            assert_eq!(new.validate().unwrap_err(), error.into());
        }
    }

    #[test]
    fn yanking_is_once_and_never_the_current() {
        let mut version = version(2);
        assert_eq!(version.yank(2).unwrap_err(), ModelManagerError::CurrentVersion.into());
        version.yank(1).unwrap();
        assert_eq!(version.status, STATUS_YANKED);
        assert_eq!(version.yank(1).unwrap_err(), ModelManagerError::VersionYanked.into());
        assert!(version.require_live().is_err());
    }

    #[test]
    fn a_parent_comes_before_its_child() {
        let error = ModelVersion { parent: 2, ..version(2) }.invariant().unwrap_err();
        assert_eq!(error, ModelManagerError::InvariantViolated.into());
        assert!(ModelVersion { number: 0, ..version(1) }.invariant().is_err());
    }
}
