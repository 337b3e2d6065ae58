use crate::{
    constants::{MAX_CHUNKS, MAX_FEATURES, MAX_ROWS_PER_CHUNK, SET_EVAL, SET_TRAIN},
    error::ComputeVerifierError,
    field,
};
use anchor_lang::prelude::*;
use decai_common::{hash::sha256, ContentId};

/// A training or evaluation set: immutable, and named by the hash of all it says.
///
/// At ["set", id], id = sha256(content ‖ params ‖ roots): `content` as its 40 bytes (scheme, len, bytes),
/// `params` = kind u8 ‖ features u16 ‖ rows_per_chunk u32 ‖ chunks u32, little-endian, and `chunks` roots of
/// 32 bytes each, big-endian. It exists only once it is whole: what is still being written is a [`Draft`].
///
/// Zero-copy (but packed, so its bytes are those of borsh): 2 KiB of roots don't fit a 4 KiB stack frame twice.
///
/// [`Draft`]: super::Draft
#[account(zero_copy(unsafe))]
#[derive(Debug)]
#[repr(C, packed)]
pub struct ChunkedSet {
    pub layout: u8,
    pub bump: u8,
    pub kind: u8,
    pub features: u16,
    pub rows_per_chunk: u32,
    pub chunks: u32,
    /// Rows in all: chunks · rows_per_chunk (chunks are full, there is no padding).
    pub n: u32,
    pub id: [u8; 32],
    /// The chunk files' bytes.
    pub content: ContentId,
    /// Who registered it. They have no power over it.
    pub registrar: Pubkey,
    pub registered_at: i64,
    /// Poseidon commitments of the chunks, in order; zeros after the last.
    pub roots: [[u8; 32]; MAX_CHUNKS],
    pub reserved: [u8; 64],
}

impl ChunkedSet {
    pub const SPACE: usize = 8 + core::mem::size_of::<Self>();

    /// Takes the roots from the bytes of a draft (32 each), in place: a copy would not fit the stack.
    pub fn write_roots(&mut self, bytes: &[u8]) -> Result<()> {
        let (chunks, rest) = bytes.as_chunks::<32>();
        require!(rest.is_empty() && chunks.len() <= MAX_CHUNKS, ComputeVerifierError::ChunkCount);
        for (root, bytes) in self.roots.iter_mut().zip(chunks) {
            field::require_element(bytes)?;
            *root = *bytes;
        }
        Ok(())
    }
}

/// What a registrar says about a set, besides its roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetParams {
    pub content: ContentId,
    pub kind: u8,
    pub features: u16,
    pub rows_per_chunk: u32,
    pub chunks: u32,
}

impl SetParams {
    pub fn validate(&self) -> Result<()> {
        require!(self.content.validate().is_ok(), ComputeVerifierError::MalformedContent);
        require!(matches!(self.kind, SET_TRAIN | SET_EVAL), ComputeVerifierError::UnknownSetKind);
        require!((1..=MAX_FEATURES).contains(&self.features), ComputeVerifierError::FeatureCount);
        require!(
            self.rows_per_chunk.is_power_of_two() && self.rows_per_chunk <= MAX_ROWS_PER_CHUNK,
            ComputeVerifierError::RowsPerChunk
        );
        require!(self.chunk_count()? > 0, ComputeVerifierError::ChunkCount);
        Ok(())
    }

    /// Number of chunks as an index, at most [`MAX_CHUNKS`].
    pub fn chunk_count(&self) -> Result<usize> {
        usize::try_from(self.chunks)
            .ok()
            .filter(|chunks| *chunks <= MAX_CHUNKS)
            .ok_or_else(|| ComputeVerifierError::ChunkCount.into())
    }

    pub fn rows(&self) -> Result<u32> {
        self.chunks.checked_mul(self.rows_per_chunk).ok_or_else(|| ComputeVerifierError::Overflow.into())
    }

    /// The id of the set with these parameters and roots (`chunks` times 32 bytes).
    pub fn id(&self, roots: &[u8]) -> [u8; 32] {
        sha256(&[
            &[self.content.scheme, self.content.len],
            &self.content.bytes,
            &[self.kind],
            &self.features.to_le_bytes(),
            &self.rows_per_chunk.to_le_bytes(),
            &self.chunks.to_le_bytes(),
            roots,
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params() -> SetParams {
        let mut bytes = [0; 38];
        bytes[..4].copy_from_slice(&[1, 0x70, 0x12, 0x20]);
        let content = ContentId { scheme: 1, len: 36, bytes };
        SetParams { content, kind: SET_TRAIN, features: 32, rows_per_chunk: 256, chunks: 20 }
    }

    #[test]
    fn the_layout_is_packed() {
        assert_eq!(ChunkedSet::SPACE, 8 + 17 + 32 + 40 + 32 + 8 + 2048 + 64);
    }

    #[test]
    fn shapes_the_circuits_cannot_have_are_refused() {
        assert!(params().validate().is_ok() && params().rows().unwrap() == 5_120);
        for broken in [
            SetParams { content: ContentId::NONE, ..params() },
            SetParams { kind: 0, ..params() },
            SetParams { kind: 3, ..params() },
            SetParams { features: 0, ..params() },
            SetParams { features: 513, ..params() },
            SetParams { rows_per_chunk: 0, ..params() },
            SetParams { rows_per_chunk: 255, ..params() },
            SetParams { rows_per_chunk: 1 << 17, ..params() },
            SetParams { chunks: 0, ..params() },
            SetParams { chunks: 65, ..params() },
            SetParams { chunks: u32::MAX, ..params() },
        ] {
            assert!(broken.validate().is_err(), "{broken:?}");
        }
    }

    #[test]
    fn the_id_depends_on_every_field_and_root() {
        let roots = [7; 640];
        let id = params().id(&roots);
        let mut other = roots;
        other[639] ^= 1;
        assert_ne!(id, params().id(&other));
        let mut content = params().content;
        content.bytes[35] = 1;
        for changed in [
            SetParams { content, ..params() },
            SetParams { kind: SET_EVAL, ..params() },
            SetParams { features: 33, ..params() },
            SetParams { rows_per_chunk: 512, ..params() },
            SetParams { chunks: 19, ..params() },
        ] {
            assert_ne!(id, changed.id(&roots), "{changed:?}");
        }
    }

    #[test]
    fn roots_are_field_elements() {
        let mut set: ChunkedSet = unsafe { core::mem::zeroed() };
        let mut bytes = [0x11; 96];
        set.write_roots(&bytes).unwrap();
        assert_eq!((set.roots[2], set.roots[3]), ([0x11; 32], [0; 32]));
        bytes[64..].copy_from_slice(&field::ORDER);
        assert!(set.write_roots(&bytes).is_err());
        assert!(set.write_roots(&bytes[..33]).is_err());
    }
}
