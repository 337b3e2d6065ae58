//! dao's `Member`, as other programs read it.

use crate::{ids, LAYOUT_V1};
use anchor_lang::prelude::*;

/// sha256("account:Member")[..8]
const DISCRIMINATOR: [u8; 8] = [54, 19, 162, 21, 29, 166, 17, 198];

/// The fields of a dao `Member` that matter outside the dao.
///
/// Layout: discriminator, `layout u8, bump u8, dao, wallet, aged_stake u64, pending_stake u64,
/// pending_since i64, …` (what follows belongs to the dao alone).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberView {
    pub dao: Pubkey,
    pub wallet: Pubkey,
    /// Lamports staked for longer than the dao's `stake_age`, as of the account's last change.
    pub aged_stake: u64,
    /// Lamports staked since `pending_since` (unix seconds).
    pub pending_stake: u64,
    pub pending_since: i64,
}

/// Why an account could not be read as a dao Member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreadableMember {
    /// Not owned by the dao program.
    Owner,
    /// Not a Member, or shorter than one.
    Type,
    /// A layout newer than this program knows.
    Layout,
    /// The data is borrowed mutably: the same account was passed twice.
    Borrowed,
}

impl MemberView {
    /// Reads a Member after checking owner program, discriminator and layout.
    ///
    /// Only the dao program writes such accounts, and only at ["member", dao, wallet], so `dao` and `wallet`
    /// can be trusted; comparing them with what the caller expects is the caller's part.
    pub fn read(account: &AccountInfo<'_>) -> core::result::Result<Self, UnreadableMember> {
        if account.owner != &ids::DAO {
            return Err(UnreadableMember::Owner);
        }
        Self::parse(&account.try_borrow_data().map_err(|_| UnreadableMember::Borrowed)?)
    }

    fn parse(data: &[u8]) -> core::result::Result<Self, UnreadableMember> {
        let body = data.strip_prefix(&DISCRIMINATOR).ok_or(UnreadableMember::Type)?;
        let (&layout, body) = body.split_first().ok_or(UnreadableMember::Type)?;
        if layout != LAYOUT_V1 {
            return Err(UnreadableMember::Layout);
        }
        let mut fields = body.get(1..).ok_or(UnreadableMember::Type)?; // after `bump`
        Ok(Self {
            dao: Pubkey::new_from_array(take(&mut fields)?),
            wallet: Pubkey::new_from_array(take(&mut fields)?),
            aged_stake: u64::from_le_bytes(take(&mut fields)?),
            pending_stake: u64::from_le_bytes(take(&mut fields)?),
            pending_since: i64::from_le_bytes(take(&mut fields)?),
        })
    }

    /// Lamports staked for at least `stake_age` seconds at the unix time `now`.
    pub fn effective_aged_stake(&self, now: i64, stake_age: i64) -> u64 {
        if now.saturating_sub(self.pending_since) < stake_age {
            return self.aged_stake;
        }
        self.aged_stake.saturating_add(self.pending_stake)
    }
}

fn take<const N: usize>(fields: &mut &[u8]) -> core::result::Result<[u8; N], UnreadableMember> {
    let (head, rest) = fields.split_first_chunk::<N>().ok_or(UnreadableMember::Type)?;
    *fields = rest;
    Ok(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAO: Pubkey = Pubkey::new_from_array([3; 32]);
    const WALLET: Pubkey = Pubkey::new_from_array([4; 32]);

    fn member() -> Vec<u8> {
        let mut data = DISCRIMINATOR.to_vec();
        data.extend([LAYOUT_V1, 254]);
        data.extend(DAO.to_bytes());
        data.extend(WALLET.to_bytes());
        data.extend(5_000u64.to_le_bytes());
        data.extend(70u64.to_le_bytes());
        data.extend(1_000i64.to_le_bytes());
        data
    }

    fn read(data: &mut [u8], owner: &Pubkey) -> core::result::Result<MemberView, UnreadableMember> {
        let (key, mut lamports) = (Pubkey::new_unique(), 1);
        MemberView::read(&AccountInfo::new(&key, false, false, &mut lamports, data, owner, false))
    }

    #[test]
    fn fields_are_read_in_order() {
        let view = read(&mut member(), &ids::DAO).unwrap();
        assert_eq!((view.dao, view.wallet), (DAO, WALLET));
        assert_eq!((view.aged_stake, view.pending_stake, view.pending_since), (5_000, 70, 1_000));
    }

    #[test]
    fn accounts_of_another_program_type_or_layout_are_refused() {
        assert_eq!(read(&mut member(), &ids::MODEL_MANAGER), Err(UnreadableMember::Owner));
        let mut other = member();
        other[0] ^= 1;
        assert_eq!(read(&mut other, &ids::DAO), Err(UnreadableMember::Type));
        let mut newer = member();
        newer[8] = 2;
        assert_eq!(read(&mut newer, &ids::DAO), Err(UnreadableMember::Layout));
        for len in [0, 8, 9, 10, 97] {
            assert_eq!(read(&mut member()[..len], &ids::DAO), Err(UnreadableMember::Type));
        }
    }

    #[test]
    fn pending_stake_counts_once_it_has_aged() {
        let view = read(&mut member(), &ids::DAO).unwrap();
        assert_eq!(view.effective_aged_stake(1_599, 600), 5_000);
        assert_eq!(view.effective_aged_stake(1_600, 600), 5_070);
        assert_eq!(view.effective_aged_stake(i64::MIN, 600), 5_000);
    }
}
