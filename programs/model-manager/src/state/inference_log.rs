use crate::constants::{BATCH_TAG, MAX_BATCH, RESULT_TAG};
use crate::error::ModelManagerError;
use anchor_lang::prelude::*;
use decai_common::{sha256, LAYOUT_V1};

/// One worker's results for one registry, as a hash chain: ["log", registry, worker].
///
/// There is no counter shared by workers, so that none waits for another's write lock. The account is made by its
/// worker's first result and never closed, which makes init-if-needed safe: `layout` is 0 only in new accounts.
#[account]
#[derive(InitSpace)]
pub struct InferenceLog {
    pub layout: u8,
    pub bump: u8,
    pub registry: Pubkey,
    pub worker: Pubkey,
    /// Results so far, those in batches included.
    pub count: u64,
    pub batches: u64,
    /// sha256(tag ‖ head ‖ …) over all results and batches, from 32 zeros.
    pub head: [u8; 32],
    pub reserved: [u8; 32],
}

impl InferenceLog {
    pub const SPACE: usize = 8 + Self::INIT_SPACE;

    /// Fills a new account; checks that an existing one is this worker's log of this registry.
    pub fn open(&mut self, bump: u8, registry: Pubkey, worker: Pubkey) -> Result<()> {
        if self.layout == 0 {
            self.layout = LAYOUT_V1;
            self.bump = bump;
            self.registry = registry;
            self.worker = worker;
        }
        let ours = self.registry == registry && self.worker == worker;
        require!(ours, ModelManagerError::WrongLog);
        self.invariant()
    }

    /// head ← sha256("decai:result:v1" ‖ head ‖ leaf).
    pub fn append(&mut self, leaf: &[u8; 32]) -> Result<()> {
        self.count = self.count.checked_add(1).ok_or(ModelManagerError::Overflow)?;
        self.head = sha256(&[RESULT_TAG, &self.head, leaf]);
        self.invariant()
    }

    /// head ← sha256("decai:batch:v1" ‖ head ‖ root ‖ results as u32).
    pub fn append_batch(&mut self, root: &[u8; 32], results: u32) -> Result<()> {
        require!((1..=MAX_BATCH).contains(&results), ModelManagerError::InvalidBatchCount);
        self.count = self.count.checked_add(u64::from(results)).ok_or(ModelManagerError::Overflow)?;
        self.batches = self.batches.checked_add(1).ok_or(ModelManagerError::Overflow)?;
        self.head = sha256(&[BATCH_TAG, &self.head, root, &results.to_le_bytes()]);
        self.invariant()
    }

    /// Every batch holds at least one result, and the head is zeros only before the first.
    pub fn invariant(&self) -> Result<()> {
        require_eq!(self.layout, LAYOUT_V1, ModelManagerError::UnknownLayout);
        let holds = self.batches <= self.count && (self.count == 0) == (self.head == [0; 32]);
        require!(holds, ModelManagerError::InvariantViolated);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> InferenceLog {
        let mut log = InferenceLog {
            layout: 0,
            bump: 0,
            registry: Pubkey::default(),
            worker: Pubkey::default(),
            count: 0,
            batches: 0,
            head: [0; 32],
            reserved: [0; 32],
        };
        log.open(253, Pubkey::new_from_array([5; 32]), Pubkey::new_from_array([6; 32])).unwrap();
        log
    }

    #[test]
    fn space_is_that_of_the_documented_layout() {
        assert_eq!(InferenceLog::SPACE, 8 + 2 + 32 + 32 + 8 + 8 + 32 + 32);
    }

    #[test]
    fn opening_again_changes_nothing() {
        let mut log = log();
        log.append(&[1; 32]).unwrap();
        let head = log.head;
        log.open(1, log.registry, log.worker).unwrap();
        assert_eq!((log.bump, log.count, log.head), (253, 1, head));
        let stranger = log.open(1, log.registry, Pubkey::new_from_array([9; 32]));
        assert_eq!(stranger.unwrap_err(), ModelManagerError::WrongLog.into());
    }

    #[test]
    fn a_result_and_a_batch_of_one_never_share_a_head() {
        let (mut single, mut batch) = (log(), log());
        single.append(&[1; 32]).unwrap();
        batch.append_batch(&[1; 32], 1).unwrap();
        assert_ne!(single.head, batch.head);
        assert_eq!((single.count, single.batches), (1, 0));
        assert_eq!((batch.count, batch.batches), (1, 1));
    }

    #[test]
    fn batches_have_bounds_and_counters_never_wrap() {
        let mut log = log();
        for results in [0, MAX_BATCH + 1, u32::MAX] {
            let error = log.append_batch(&[1; 32], results).unwrap_err();
            assert_eq!(error, ModelManagerError::InvalidBatchCount.into());
        }
        log.append_batch(&[1; 32], MAX_BATCH).unwrap();
        assert_eq!(log.count, u64::from(MAX_BATCH));
        log.count = u64::MAX;
        assert_eq!(log.append(&[1; 32]).unwrap_err(), ModelManagerError::Overflow.into());
        assert_eq!(log.append_batch(&[1; 32], 1).unwrap_err(), ModelManagerError::Overflow.into());
    }
}
