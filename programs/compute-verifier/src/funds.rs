//! Lamports of accounts this program owns.

use crate::error::ComputeVerifierError;
use anchor_lang::prelude::*;

/// What `account` holds above its rent.
pub fn above_rent(account: &AccountInfo<'_>) -> Result<u64> {
    let rent = Rent::get()?.minimum_balance(account.data_len());
    Ok(account.lamports().saturating_sub(rent))
}

/// Moves lamports out of an account this program owns, never out of its rent.
pub fn pay(from: &AccountInfo<'_>, to: &AccountInfo<'_>, lamports: u64) -> Result<()> {
    require_gte!(above_rent(from)?, lamports, ComputeVerifierError::Unfunded);
    from.sub_lamports(lamports)?;
    to.add_lamports(lamports)?;
    Ok(())
}
