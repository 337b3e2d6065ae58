//! The dao program's own accounts, as far as they are only recognised here.

use crate::error::ComputeVerifierError;
use anchor_lang::prelude::*;
use decai_common::ids;

/// sha256("account:Dao")[..8]
const DAO_DISCRIMINATOR: [u8; 8] = [163, 9, 47, 31, 52, 85, 197, 49];

/// Refuses an account that is not a Dao: statistics for anything else could never change and only confuse.
pub fn require_dao(account: &AccountInfo<'_>) -> Result<()> {
    let is_dao = account.owner == &ids::DAO && account.try_borrow_data()?.starts_with(&DAO_DISCRIMINATOR);
    require!(is_dao, ComputeVerifierError::NotADao);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_discriminator_is_anchors() {
        assert_eq!(DAO_DISCRIMINATOR[..], decai_common::hash::sha256(&[b"account:Dao"])[..8]);
    }
}
