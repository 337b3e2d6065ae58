use crate::constants::MAX_LOTS;
use crate::error::DaoError;
use anchor_lang::prelude::*;
use decai_common::LAYOUT_V1;

/// Tokens that count on proposals with ids from `first_id` on.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lot {
    pub amount: u64,
    pub first_id: u64,
}

/// A wallet's standing in a collective: ["member", dao, wallet].
///
/// The order of the first fields is fixed: other programs read them (`decai_common::MemberView`).
#[account]
#[derive(InitSpace)]
pub struct Member {
    pub layout: u8,
    pub bump: u8,
    pub dao: Pubkey,
    pub wallet: Pubkey,
    /// Lamports staked for at least `stake_age`, as of the last change.
    pub aged_stake: u64,
    /// Lamports staked since `pending_since`.
    pub pending_stake: u64,
    pub pending_since: i64,
    /// Deposited tokens, oldest first; empty lots (amount 0) at the end.
    pub lots: [Lot; MAX_LOTS],
    /// No withdrawal before: the latest end of the votes taken part in.
    pub locked_until: i64,
    /// May vote for this member; all zeros when there is none. Not transitive.
    pub delegate: Pubkey,
    pub open_proposals: u32,
    /// Proposals made and not cancelled.
    pub proposals: u32,
    /// Votes cast and not relinquished.
    pub votes: u32,
    pub reserved: [u8; 64],
}

impl Member {
    pub const SPACE: usize = 8 + Self::INIT_SPACE;
    pub const LAYOUT: u8 = LAYOUT_V1;

    /// Whether `signer` may vote with this member's tokens.
    pub fn may_vote(&self, signer: &Pubkey) -> bool {
        *signer == self.wallet || (self.delegate != Pubkey::default() && *signer == self.delegate)
    }

    /// Counts pending stake as aged once it is old enough.
    pub fn age_stake(&mut self, now: i64, stake_age: i64) -> Result<()> {
        if self.pending_stake > 0 && now.saturating_sub(self.pending_since) >= stake_age {
            self.aged_stake = self.aged_stake.checked_add(self.pending_stake).ok_or(DaoError::Overflow)?;
            self.pending_stake = 0;
        }
        Ok(())
    }

    /// Adds stake. What was pending starts ageing anew: stake can't ride on the age of an earlier lamport.
    pub fn stake(&mut self, amount: u64, now: i64, stake_age: i64) -> Result<()> {
        require!(amount > 0, DaoError::ZeroAmount);
        self.age_stake(now, stake_age)?;
        self.pending_stake = self.pending_stake.checked_add(amount).ok_or(DaoError::Overflow)?;
        self.pending_since = now;
        Ok(())
    }

    /// Takes stake back, the youngest first; `min_stake` for each open proposal stays.
    pub fn unstake(&mut self, amount: u64, now: i64, stake_age: i64, min_stake: u64) -> Result<()> {
        require!(amount > 0, DaoError::ZeroAmount);
        self.age_stake(now, stake_age)?;
        let total = self.aged_stake.checked_add(self.pending_stake).ok_or(DaoError::Overflow)?;
        let left = total.checked_sub(amount).ok_or(DaoError::InsufficientStake)?;
        require!(left >= self.locked_stake(min_stake, self.open_proposals)?, DaoError::StakeLocked);
        let from_pending = amount.min(self.pending_stake);
        let from_aged = amount.checked_sub(from_pending).ok_or(DaoError::InvariantBroken)?;
        self.pending_stake = self.pending_stake.checked_sub(from_pending).ok_or(DaoError::InvariantBroken)?;
        self.aged_stake = self.aged_stake.checked_sub(from_aged).ok_or(DaoError::InvariantBroken)?;
        Ok(())
    }

    fn locked_stake(&self, min_stake: u64, proposals: u32) -> Result<u64> {
        Ok(min_stake.checked_mul(u64::from(proposals)).ok_or(DaoError::Overflow)?)
    }

    /// Opens one more proposal, if aged stake backs it beside those already open.
    pub fn open_proposal(&mut self, now: i64, stake_age: i64, min_stake: u64) -> Result<()> {
        self.age_stake(now, stake_age)?;
        let open = self.open_proposals.checked_add(1).ok_or(DaoError::Overflow)?;
        require!(self.aged_stake >= self.locked_stake(min_stake, open)?, DaoError::StakeTooSmall);
        self.open_proposals = open;
        self.proposals = self.proposals.checked_add(1).ok_or(DaoError::Overflow)?;
        Ok(())
    }

    /// One of this member's proposals ended: its stake is free again.
    pub fn close_proposal(&mut self) -> Result<()> {
        self.open_proposals = self.open_proposals.checked_sub(1).ok_or(DaoError::InvariantBroken)?;
        Ok(())
    }

    /// As [`Member::close_proposal`], and the proposal doesn't count as made.
    pub fn cancel_proposal(&mut self) -> Result<()> {
        self.close_proposal()?;
        self.proposals = self.proposals.checked_sub(1).ok_or(DaoError::InvariantBroken)?;
        Ok(())
    }

    /// All deposited tokens.
    pub fn deposited(&self) -> Result<u64> {
        self.weight_on(u64::MAX)
    }

    /// Voting weight on proposal `id`: tokens deposited before it was created.
    pub fn weight_on(&self, id: u64) -> Result<u64> {
        self.lots
            .iter()
            .filter(|lot| lot.first_id <= id)
            .try_fold(0u64, |sum, lot| sum.checked_add(lot.amount))
            .ok_or_else(|| DaoError::Overflow.into())
    }

    /// Adds tokens that count from proposal `first_id` (the collective's `proposal_count`) on.
    ///
    /// Equal ids merge. When all lots are taken the two oldest merge under the larger id: the older one loses
    /// its weight on the proposals between, never the other way round.
    pub fn deposit(&mut self, amount: u64, first_id: u64) -> Result<()> {
        require!(amount > 0, DaoError::ZeroAmount);
        let used = self.lots.iter().take_while(|lot| lot.amount > 0).count();
        let newest = used.checked_sub(1).and_then(|index| self.lots.get_mut(index));
        if let Some(lot) = newest {
            require!(lot.first_id <= first_id, DaoError::InvariantBroken);
            if lot.first_id == first_id {
                lot.amount = lot.amount.checked_add(amount).ok_or(DaoError::Overflow)?;
                return Ok(());
            }
        }
        if used == MAX_LOTS {
            let merged = self.lots[0].amount.checked_add(self.lots[1].amount).ok_or(DaoError::Overflow)?;
            self.lots[1].amount = merged;
            self.lots.rotate_left(1);
            self.lots[MAX_LOTS - 1] = Lot { amount, first_id };
        } else {
            self.lots[used] = Lot { amount, first_id };
        }
        self.invariant()
    }

    /// Takes tokens out, the newest first, so that the oldest keep their weight.
    pub fn withdraw(&mut self, amount: u64, now: i64) -> Result<()> {
        require!(amount > 0, DaoError::ZeroAmount);
        require!(now >= self.locked_until, DaoError::DepositLocked);
        let mut left = amount;
        for lot in self.lots.iter_mut().rev() {
            let taken = left.min(lot.amount);
            lot.amount = lot.amount.checked_sub(taken).ok_or(DaoError::InvariantBroken)?;
            left = left.checked_sub(taken).ok_or(DaoError::InvariantBroken)?;
            if lot.amount == 0 {
                *lot = Lot::default();
            }
        }
        require!(left == 0, DaoError::InsufficientDeposit);
        self.invariant()
    }

    /// Notes a vote: the tokens stay until voting ends.
    pub fn lock_for_vote(&mut self, voting_ends: i64) -> Result<()> {
        self.locked_until = self.locked_until.max(voting_ends);
        self.votes = self.votes.checked_add(1).ok_or(DaoError::Overflow)?;
        Ok(())
    }

    /// Notes that a vote was taken back. The tokens stay locked: they may have moved a vote.
    pub fn unvote(&mut self) -> Result<()> {
        self.votes = self.votes.checked_sub(1).ok_or(DaoError::InvariantBroken)?;
        Ok(())
    }

    /// Lots are in order of their ids, without gaps.
    pub fn invariant(&self) -> Result<()> {
        let ordered = self.lots.windows(2).all(|pair| match pair {
            [older, newer] if newer.amount > 0 => older.amount > 0 && older.first_id < newer.first_id,
            [_, newer] => newer.first_id == 0,
            _ => false,
        });
        require!(ordered, DaoError::InvariantBroken);
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    fn member() -> Member {
        Member {
            layout: LAYOUT_V1,
            bump: 255,
            dao: Pubkey::new_unique(),
            wallet: Pubkey::new_unique(),
            aged_stake: 0,
            pending_stake: 0,
            pending_since: 0,
            lots: [Lot::default(); MAX_LOTS],
            locked_until: 0,
            delegate: Pubkey::default(),
            open_proposals: 0,
            proposals: 0,
            votes: 0,
            reserved: [0; 64],
        }
    }

    fn lots(member: &Member) -> Vec<(u64, u64)> {
        member.lots.iter().filter(|lot| lot.amount > 0).map(|lot| (lot.amount, lot.first_id)).collect()
    }

    fn refused(result: Result<()>, error: DaoError) {
        assert_eq!(result.unwrap_err(), error.into());
    }

    #[test]
    fn the_view_of_other_programs_reads_this_layout() {
        let mut account = member();
        (account.aged_stake, account.pending_stake, account.pending_since) = (7, 8, 9);
        let mut data = Vec::new();
        account.try_serialize(&mut data).unwrap();
        assert_eq!(data.len(), Member::SPACE);
        let (key, mut lamports) = (Pubkey::new_unique(), 1);
        let info = AccountInfo::new(&key, false, false, &mut lamports, &mut data, &crate::ID, false);
        let view = decai_common::MemberView::read(&info).unwrap();
        assert_eq!((view.dao, view.wallet), (account.dao, account.wallet));
        assert_eq!((view.aged_stake, view.pending_stake, view.pending_since), (7, 8, 9));
    }

    #[test]
    fn deposits_count_from_the_next_proposal_on() {
        let mut member = member();
        member.deposit(100, 3).unwrap();
        assert_eq!(member.weight_on(2).unwrap(), 0);
        assert_eq!(member.weight_on(3).unwrap(), 100);
        member.deposit(50, 4).unwrap();
        assert_eq!(member.weight_on(3).unwrap(), 100);
        assert_eq!(member.weight_on(4).unwrap(), 150);
    }

    #[test]
    fn equal_ids_merge() {
        let mut member = member();
        member.deposit(1, 5).unwrap();
        member.deposit(2, 5).unwrap();
        assert_eq!(lots(&member), [(3, 5)]);
    }

    #[test]
    fn a_ninth_lot_merges_the_two_oldest_under_the_larger_id() {
        let mut member = member();
        for id in 0..8 {
            member.deposit(10 + id, id).unwrap();
        }
        member.deposit(100, 8).unwrap();
        assert_eq!(lots(&member), [(21, 1), (12, 2), (13, 3), (14, 4), (15, 5), (16, 6), (17, 7), (100, 8)]);
        assert_eq!(member.weight_on(0).unwrap(), 0);
        assert_eq!(member.weight_on(1).unwrap(), 21);
        member.deposit(1, 8).unwrap();
        assert_eq!(lots(&member)[7], (101, 8));
        member.deposit(1, 20).unwrap();
        assert_eq!(lots(&member)[0], (33, 2));
    }

    #[test]
    fn merging_never_adds_weight_to_an_older_proposal() {
        let mut member = member();
        for id in 0..40 {
            let before: Vec<u64> = (0..id).map(|older| member.weight_on(older).unwrap()).collect();
            member.deposit(id + 1, id).unwrap();
            for (older, weight) in before.into_iter().enumerate() {
                assert!(member.weight_on(older as u64).unwrap() <= weight);
            }
        }
        assert_eq!(member.deposited().unwrap(), (1..=40).sum::<u64>());
    }

    /// Against lots that never merge, over many random histories: nothing is lost, and no proposal ever sees more
    /// weight than was deposited before it.
    #[test]
    fn eight_lots_never_say_more_than_all_lots_would() {
        let mut seed = 1u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..200 {
            let (mut member, mut all, mut count) = (member(), Vec::<(u64, u64)>::new(), 0);
            for _ in 0..60 {
                count += random(3);
                let total: u64 = all.iter().map(|lot| lot.0).sum();
                if random(3) > 0 || total == 0 {
                    let amount = 1 + random(100);
                    member.deposit(amount, count).unwrap();
                    all.push((amount, count));
                } else {
                    let mut left = 1 + random(total);
                    member.withdraw(left, 0).unwrap();
                    for lot in all.iter_mut().rev() {
                        let taken = left.min(lot.0);
                        lot.0 -= taken;
                        left -= taken;
                    }
                }
                for id in 0..=count {
                    let most: u64 = all.iter().filter(|lot| lot.1 <= id).map(|lot| lot.0).sum();
                    assert!(member.weight_on(id).unwrap() <= most);
                }
                assert_eq!(member.deposited().unwrap(), all.iter().map(|lot| lot.0).sum::<u64>());
            }
        }
    }

    #[test]
    fn withdrawals_take_the_newest_first() {
        let mut member = member();
        for (amount, id) in [(10, 0), (20, 1), (30, 2)] {
            member.deposit(amount, id).unwrap();
        }
        member.withdraw(35, 0).unwrap();
        assert_eq!(lots(&member), [(10, 0), (15, 1)]);
        member.deposit(1, 1).unwrap();
        assert_eq!(lots(&member), [(10, 0), (16, 1)]);
        member.withdraw(26, 0).unwrap();
        assert_eq!(member.lots, [Lot::default(); MAX_LOTS]);
        refused(member.withdraw(1, 0), DaoError::InsufficientDeposit);
    }

    #[test]
    fn withdrawals_wait_for_the_end_of_the_vote() {
        let mut member = member();
        member.deposit(10, 0).unwrap();
        member.lock_for_vote(100).unwrap();
        member.lock_for_vote(50).unwrap();
        refused(member.withdraw(1, 99), DaoError::DepositLocked);
        member.withdraw(1, 100).unwrap();
    }

    #[test]
    fn amounts_are_checked() {
        let mut member = member();
        refused(member.deposit(0, 0), DaoError::ZeroAmount);
        refused(member.withdraw(0, 0), DaoError::ZeroAmount);
        refused(member.stake(0, 0, 0), DaoError::ZeroAmount);
        refused(member.unstake(0, 0, 0, 0), DaoError::ZeroAmount);
        member.deposit(u64::MAX, 0).unwrap();
        refused(member.deposit(1, 0), DaoError::Overflow);
        member.stake(u64::MAX, 0, 10).unwrap();
        refused(member.stake(1, 0, 10), DaoError::Overflow);
    }

    #[test]
    fn stake_ages_and_new_stake_restarts_what_is_pending() {
        let mut member = member();
        member.stake(5, 0, 10).unwrap();
        member.stake(5, 9, 10).unwrap();
        member.age_stake(18, 10).unwrap();
        assert_eq!((member.aged_stake, member.pending_stake), (0, 10));
        member.stake(1, 19, 10).unwrap();
        assert_eq!((member.aged_stake, member.pending_stake), (10, 1));
    }

    #[test]
    fn each_open_proposal_keeps_its_own_stake() {
        let mut member = member();
        member.stake(250, 0, 10).unwrap();
        refused(member.open_proposal(9, 10, 100), DaoError::StakeTooSmall);
        member.open_proposal(10, 10, 100).unwrap();
        member.open_proposal(10, 10, 100).unwrap();
        refused(member.open_proposal(10, 10, 100), DaoError::StakeTooSmall);
        refused(member.unstake(51, 10, 10, 100), DaoError::StakeLocked);
        refused(member.unstake(251, 10, 10, 100), DaoError::InsufficientStake);
        member.unstake(50, 10, 10, 100).unwrap();
        member.close_proposal().unwrap();
        member.unstake(100, 10, 10, 100).unwrap();
        member.cancel_proposal().unwrap();
        assert_eq!((member.open_proposals, member.proposals), (0, 1));
        member.unstake(100, 10, 10, 100).unwrap();
        refused(member.close_proposal(), DaoError::InvariantBroken);
    }

    #[test]
    fn unstaking_takes_pending_before_aged() {
        let mut member = member();
        member.stake(100, 0, 10).unwrap();
        member.stake(30, 10, 10).unwrap();
        member.unstake(40, 11, 10, 0).unwrap();
        assert_eq!((member.aged_stake, member.pending_stake), (90, 0));
    }

    #[test]
    fn only_wallet_and_delegate_may_vote() {
        let mut member = member();
        assert!(member.may_vote(&member.wallet));
        assert!(!member.may_vote(&Pubkey::default()));
        member.delegate = Pubkey::new_unique();
        assert!(member.may_vote(&member.delegate) && !member.may_vote(&Pubkey::new_unique()));
    }
}
