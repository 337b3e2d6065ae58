//! SHA-256: the runtime's system call on chain, the `sha2` crate in host tests.

use solana_sha256_hasher::hashv;

/// sha256 of the concatenation of `parts`.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    hashv(parts).to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_concatenated() {
        // FIPS 180-2, appendix B.1: sha256("abc")
        assert_eq!(sha256(&[b"a", b"bc"])[..4], [0xba, 0x78, 0x16, 0xbf]);
    }
}
