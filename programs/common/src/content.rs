//! Content identifiers of fixed width.

use anchor_lang::prelude::*;
use core::fmt;

/// The name of some bytes outside the chain: `len` bytes of `bytes`, the rest zeros.
///
/// * IPFS: the binary CID without multibase. CIDv0 is the sha2-256 multihash (34 bytes); CIDv1 is version,
///   codec (raw or dag-pb) and the same multihash (36 bytes).
/// * Arweave: the transaction id (32 bytes).
///
/// All zeros ([`ContentId::NONE`]) means "no content", where a field allows that.
///
/// Source: <https://github.com/multiformats/cid>, <https://github.com/multiformats/multicodec>.
///
/// `repr(C)`: zero-copy accounts hold it as it is in memory, which must be the order of borsh and of the IDL.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct ContentId {
    pub scheme: u8,
    pub len: u8,
    pub bytes: [u8; ContentId::CAPACITY],
}

/// Why bytes do not form a content identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MalformedContent {
    Scheme,
    Length,
    Padding,
    Cid,
}

impl fmt::Display for MalformedContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the scheme is neither 1 (IPFS) nor 2 (Arweave)",
            Self::Length => "the length does not fit the scheme",
            Self::Padding => "bytes after the identifier are not zero",
            Self::Cid => "not a sha2-256 CID of version 0, or of version 1 with codec raw or dag-pb",
        })
    }
}

const MULTIHASH_SHA2_256: u8 = 0x12;
const DIGEST_LEN: u8 = 32;
const CODEC_RAW: u8 = 0x55;
const CODEC_DAG_PB: u8 = 0x70;
const CIDV0_LEN: usize = 34;
const CIDV1_LEN: usize = 36;
const ARWEAVE_LEN: usize = 32;

impl ContentId {
    pub const CAPACITY: usize = 38;
    pub const IPFS: u8 = 1;
    pub const ARWEAVE: u8 = 2;
    pub const NONE: Self = Self { scheme: 0, len: 0, bytes: [0; Self::CAPACITY] };

    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// Checks that this names some content.
    pub fn validate(&self) -> core::result::Result<(), MalformedContent> {
        let len = usize::from(self.len);
        let (id, padding) = self.bytes.split_at_checked(len).ok_or(MalformedContent::Length)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(MalformedContent::Padding);
        }
        match (self.scheme, len) {
            (Self::IPFS, CIDV0_LEN) if is_sha2_256_multihash(id) => Ok(()),
            (Self::IPFS, CIDV1_LEN) => match id {
                [1, CODEC_RAW | CODEC_DAG_PB, multihash @ ..] if is_sha2_256_multihash(multihash) => Ok(()),
                _ => Err(MalformedContent::Cid),
            },
            (Self::IPFS, CIDV0_LEN) => Err(MalformedContent::Cid),
            (Self::ARWEAVE, ARWEAVE_LEN) => Ok(()),
            (Self::IPFS | Self::ARWEAVE, _) => Err(MalformedContent::Length),
            _ => Err(MalformedContent::Scheme),
        }
    }

    /// As [`ContentId::validate`], but no content is fine too.
    pub fn validate_optional(&self) -> core::result::Result<(), MalformedContent> {
        if self.is_none() {
            return Ok(());
        }
        self.validate()
    }
}

impl Default for ContentId {
    fn default() -> Self {
        Self::NONE
    }
}

fn is_sha2_256_multihash(bytes: &[u8]) -> bool {
    matches!(bytes, [MULTIHASH_SHA2_256, DIGEST_LEN, digest @ ..] if digest.len() == usize::from(DIGEST_LEN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(scheme: u8, prefix: &[u8], len: u8) -> ContentId {
        let mut bytes = [0; ContentId::CAPACITY];
        bytes[..usize::from(len)].fill(0xab);
        bytes[..prefix.len()].copy_from_slice(prefix);
        ContentId { scheme, len, bytes }
    }

    #[test]
    fn the_four_forms_are_accepted() {
        assert_eq!(content(1, &[0x12, 0x20], 34).validate(), Ok(()));
        assert_eq!(content(1, &[1, 0x55, 0x12, 0x20], 36).validate(), Ok(()));
        assert_eq!(content(1, &[1, 0x70, 0x12, 0x20], 36).validate(), Ok(()));
        assert_eq!(content(2, &[], 32).validate(), Ok(()));
    }

    #[test]
    fn other_hashes_codecs_and_versions_are_refused() {
        for (prefix, len) in [
            (&[0x13, 0x20][..], 34),      // sha2-512
            (&[0x12, 0x1f], 34),          // a shorter digest
            (&[1, 0x71, 0x12, 0x20], 36), // dag-cbor
            (&[2, 0x70, 0x12, 0x20], 36), // no such version
            (&[1, 0x70, 0x1e, 0x20], 36), // blake3
            (&[1, 0x70, 0x12, 0x1f], 36), // a shorter digest
        ] {
            assert_eq!(content(1, prefix, len).validate(), Err(MalformedContent::Cid));
        }
    }

    #[test]
    fn scheme_length_and_padding_are_checked() {
        assert_eq!(content(0, &[], 32).validate(), Err(MalformedContent::Scheme));
        assert_eq!(content(3, &[], 32).validate(), Err(MalformedContent::Scheme));
        for len in [0, 33, 35, 37, 38] {
            assert_eq!(content(1, &[], len).validate(), Err(MalformedContent::Length));
        }
        assert_eq!(content(2, &[], 34).validate(), Err(MalformedContent::Length));
        for len in [39, 255] {
            let long = ContentId { len, ..content(2, &[], 32) };
            assert_eq!(long.validate(), Err(MalformedContent::Length));
        }
        let mut padded = content(2, &[], 32);
        padded.bytes[37] = 1;
        assert_eq!(padded.validate(), Err(MalformedContent::Padding));
    }

    #[test]
    fn none_is_all_zeros_and_optional_only() {
        assert!(ContentId::default().is_none());
        assert_eq!(ContentId::NONE.validate(), Err(MalformedContent::Scheme));
        assert_eq!(ContentId::NONE.validate_optional(), Ok(()));
        assert!(content(0, &[], 32).validate_optional().is_err());
        assert_eq!(ContentId::INIT_SPACE, 40);
    }
}
