use anchor_lang::prelude::*;

#[error_code]
pub enum ModelManagerError {
    #[msg("The account has a layout that this program does not know")]
    UnknownLayout,
    #[msg("Only the registry's owner may do this")]
    NotOwner,
    #[msg("Ownership was not offered to this signer")]
    NotPendingOwner,
    #[msg("The registry's owner cannot be offered their own registry")]
    AlreadyOwner,
    #[msg("The name must be UTF-8 text without control characters, padded with zeros, and not empty")]
    InvalidName,
    #[msg("The note must be UTF-8 text without control characters, padded with zeros")]
    InvalidNote,
    #[msg("The content identifier is not a sha2-256 CID or an Arweave id")]
    InvalidContentId,
    #[msg("The manifest's sha256 is missing")]
    MissingManifest,
    #[msg("A ratio is above 1,000,000 parts per million")]
    RatioAboveOne,
    #[msg("The version has been yanked")]
    VersionYanked,
    #[msg("The version is already the current one")]
    AlreadyCurrent,
    #[msg("The current version cannot be yanked: make another one current first")]
    CurrentVersion,
    #[msg("The log belongs to another registry or worker")]
    WrongLog,
    #[msg("A batch holds between 1 and 1,048,576 results")]
    InvalidBatchCount,
    #[msg("A counter would exceed its width")]
    Overflow,
    #[msg("The account's invariant does not hold")]
    InvariantViolated,
}
