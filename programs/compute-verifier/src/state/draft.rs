use crate::{constants::DRAFT_CAPACITY, error::ComputeVerifierError};
use anchor_lang::prelude::*;

/// Bytes on their way to a content-addressed account that is too big for one transaction.
///
/// At ["draft", owner, id], where `id` is the content address its owner intends. Everyone drafts under their own
/// address and only a finished, verified account ever occupies ["set", id], so nobody can squat an id: whoever
/// registers the same content first has only saved the others the rent.
#[account(zero_copy(unsafe))]
#[derive(Debug)]
#[repr(C, packed)]
pub struct Draft {
    pub layout: u8,
    pub bump: u8,
    pub owner: Pubkey,
    pub id: [u8; 32],
    pub bytes: [u8; DRAFT_CAPACITY],
    pub reserved: [u8; 32],
}

impl Draft {
    pub const SPACE: usize = 8 + core::mem::size_of::<Self>();

    /// Writes `data` from `offset` on. Writing again overwrites.
    pub fn write(&mut self, offset: u16, data: &[u8]) -> Result<()> {
        let start = usize::from(offset);
        let target = start
            .checked_add(data.len())
            .and_then(|end| self.bytes.get_mut(start..end))
            .ok_or(ComputeVerifierError::DraftOverrun)?;
        target.copy_from_slice(data);
        Ok(())
    }

    /// The first `len` bytes.
    pub fn prefix(&self, len: usize) -> Result<&[u8]> {
        self.bytes.get(..len).ok_or_else(|| ComputeVerifierError::DraftOverrun.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_stay_inside() {
        let mut draft: Draft = unsafe { core::mem::zeroed() };
        draft.write(2_040, &[5; 8]).unwrap();
        draft.write(2_040, &[6; 4]).unwrap();
        assert_eq!(draft.prefix(2_048).unwrap()[2_036..], [0, 0, 0, 0, 6, 6, 6, 6, 5, 5, 5, 5]);
        assert!(draft.write(2_041, &[5; 8]).is_err());
        assert!(draft.write(u16::MAX, &[5]).is_err());
        assert!(draft.prefix(2_049).is_err());
    }
}
