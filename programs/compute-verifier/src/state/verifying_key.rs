use crate::constants::MAX_VERIFYING_KEY;
use anchor_lang::prelude::*;

/// A Groth16 verifying key and the circuit it is for: immutable, at ["vk", id],
/// id = sha256(vk ‖ params), params = kind u8 ‖ circuit u8 ‖ public_inputs u8 ‖ features u16 ‖ rows u32 ‖
/// steps u16, little-endian. Drafted like a set.
///
/// `key` = alpha (64) ‖ beta (128) ‖ gamma (128) ‖ delta (128) ‖ ic (64 each), big-endian points as the
/// alt_bn128 system calls take them; `key_len` says how much of it is used.
#[account(zero_copy(unsafe))]
#[derive(Debug)]
#[repr(C, packed)]
pub struct VerifyingKey {
    pub layout: u8,
    pub bump: u8,
    /// From a development set-up or a ceremony.
    pub kind: u8,
    pub circuit: u8,
    pub public_inputs: u8,
    pub features: u16,
    /// Rows of a chunk.
    pub rows: u32,
    /// Gradient steps on a chunk; 0 for the evaluation circuit.
    pub steps: u16,
    pub key_len: u16,
    pub id: [u8; 32],
    pub registrar: Pubkey,
    pub registered_at: i64,
    pub key: [u8; MAX_VERIFYING_KEY],
    pub reserved: [u8; 64],
}

impl VerifyingKey {
    pub const SPACE: usize = 8 + core::mem::size_of::<Self>();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_packed() {
        assert_eq!(VerifyingKey::SPACE, 8 + 15 + 32 + 32 + 8 + 1024 + 64);
    }
}
