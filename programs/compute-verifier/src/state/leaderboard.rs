use anchor_lang::prelude::*;

/// How many of a DAO's providers have settled how many jobs, at ["leaderboard", dao].
///
/// A histogram, so that "is this provider in the top tenth?" needs one account instead of all of them. Bucket
/// b < 128 holds the providers with exactly b + 1 jobs; above, each doubling is split in four, and the last bucket
/// holds everyone with more than 28,672 jobs.
#[account]
#[derive(InitSpace, Debug)]
pub struct Leaderboard {
    pub layout: u8,
    pub bump: u8,
    pub dao: Pubkey,
    /// Providers with at least one counted job: the sum of `buckets`.
    pub total: u32,
    pub buckets: [u32; Leaderboard::BUCKETS],
    pub reserved: [u8; 32],
}

impl Leaderboard {
    pub const SPACE: usize = 8 + Self::INIT_SPACE;
    pub const BUCKETS: usize = 160;
    /// With fewer providers than this nobody is in the top tenth.
    pub const LEAST_PROVIDERS: u32 = 10;

    const LINEAR: u32 = 128;

    /// Bucket of a provider with `jobs` counted jobs; `None` with none.
    pub fn bucket(jobs: u32) -> Option<usize> {
        let above_one = jobs.checked_sub(1)?;
        if above_one < Self::LINEAR {
            return usize::try_from(above_one).ok();
        }
        let exponent = above_one.ilog2(); // ≥ 7
        let quarter = above_one.checked_shr(exponent.checked_sub(2)?)? & 3;
        let octave = exponent.checked_sub(Self::LINEAR.ilog2())?;
        let bucket = Self::LINEAR.checked_add(octave.checked_mul(4)?)?.checked_add(quarter)?;
        Some(usize::try_from(bucket).ok()?.min(Self::BUCKETS.saturating_sub(1)))
    }

    /// Moves a provider from `before` to `after` counted jobs.
    pub fn advance(&mut self, before: u32, after: u32) {
        if let Some(count) = Self::bucket(before).and_then(|b| self.buckets.get_mut(b)) {
            *count = count.saturating_sub(1);
        } else {
            self.total = self.total.saturating_add(1);
        }
        if let Some(count) = Self::bucket(after).and_then(|b| self.buckets.get_mut(b)) {
            *count = count.saturating_add(1);
        }
    }

    /// Whether a provider with `jobs` counted jobs is among the top tenth: they and everyone in their bucket or
    /// above are at most a tenth of at least ten providers. Ties never push anyone in.
    pub fn is_top_tenth(&self, jobs: u32) -> bool {
        let Some(own) = Self::bucket(jobs) else { return false };
        let at_least = self.buckets.iter().skip(own).fold(0u64, |sum, n| sum.saturating_add(u64::from(*n)));
        self.total >= Self::LEAST_PROVIDERS && at_least.saturating_mul(10) <= u64::from(self.total)
    }

    /// Every provider is in exactly one bucket.
    pub fn invariant(&self) -> bool {
        self.buckets.iter().map(|n| u64::from(*n)).sum::<u64>() == u64::from(self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board() -> Leaderboard {
        Leaderboard {
            layout: 1,
            bump: 0,
            dao: Pubkey::default(),
            total: 0,
            buckets: [0; 160],
            reserved: [0; 32],
        }
    }

    #[test]
    fn buckets_are_linear_to_128_and_quarter_octaves_above() {
        assert_eq!(Leaderboard::bucket(0), None);
        for jobs in 1..=128 {
            assert_eq!(Leaderboard::bucket(jobs), Some(jobs as usize - 1));
        }
        for (jobs, bucket) in [
            (129, 128),
            (160, 128),
            (161, 129),
            (193, 130),
            (225, 131),
            (256, 131),
            (257, 132),
            (512, 135),
            (28_672, 158),
            (28_673, 159),
            (32_769, 159),
            (u32::MAX, 159),
        ] {
            assert_eq!(Leaderboard::bucket(jobs), Some(bucket), "{jobs}");
        }
        let mut last = 0;
        for jobs in 1..=40_000 {
            let bucket = Leaderboard::bucket(jobs).unwrap();
            assert!(bucket == last || bucket == last + 1, "{jobs}");
            last = bucket;
        }
    }

    #[test]
    fn the_best_of_ten_is_in_the_top_tenth() {
        let mut board = board();
        for _ in 0..9 {
            board.advance(0, 1);
        }
        board.advance(0, 1);
        board.advance(1, 2);
        assert!(board.is_top_tenth(2) && !board.is_top_tenth(1) && !board.is_top_tenth(0));
        assert!(board.invariant() && board.total == 10);
    }

    #[test]
    fn the_best_of_nine_is_not() {
        let mut board = board();
        for _ in 0..9 {
            board.advance(0, 1);
        }
        board.advance(1, 2);
        assert!(!board.is_top_tenth(2));
    }

    #[test]
    fn two_tied_leaders_of_ten_are_both_out_and_of_twenty_both_in() {
        let mut board = board();
        for _ in 0..10 {
            board.advance(0, 1);
        }
        board.advance(1, 2);
        board.advance(1, 2);
        assert!(!board.is_top_tenth(2));
        for _ in 0..10 {
            board.advance(0, 1);
        }
        assert!(board.is_top_tenth(2) && board.invariant());
    }

    #[test]
    fn moving_within_a_bucket_changes_nothing() {
        let mut board = board();
        board.advance(0, 129);
        board.advance(129, 130);
        assert_eq!((board.buckets[128], board.total), (1, 1));
        assert!(board.invariant());
    }
}
