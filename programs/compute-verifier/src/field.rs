//! The BN254 scalar field, as far as it is needed without arithmetic.

use crate::error::ComputeVerifierError;
use anchor_lang::prelude::*;

/// The order r of the scalar field, big-endian.
/// Source: EIP-197 (<https://eips.ethereum.org/EIPS/eip-197>).
pub const ORDER: [u8; 32] = [
    0x30, 0x64, 0x4e, 0x72, 0xe1, 0x31, 0xa0, 0x29, 0xb8, 0x50, 0x45, 0xb6, 0x81, 0x81, 0x58, 0x5d, 0x28,
    0x33, 0xe8, 0x48, 0x79, 0xb9, 0x70, 0x91, 0x43, 0xe1, 0xf5, 0x93, 0xf0, 0x00, 0x00, 0x01,
];

/// Refuses what is not a canonical field element: every commitment has exactly one encoding.
pub fn require_element(big_endian: &[u8; 32]) -> Result<()> {
    require!(*big_endian < ORDER, ComputeVerifierError::NotAFieldElement);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_below_the_order() {
        let mut largest = ORDER;
        largest[31] = 0;
        assert!(require_element(&[0; 32]).is_ok() && require_element(&largest).is_ok());
        assert!(require_element(&ORDER).is_err() && require_element(&[0xff; 32]).is_err());
    }
}
