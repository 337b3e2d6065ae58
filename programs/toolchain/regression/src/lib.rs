//! What the SBF toolchain must get right, each behind an instruction that answers with return data.
//!
//! `tests/programs/test_toolchain.py` compares the answers with Python's.

use anchor_lang::prelude::*;
use anchor_lang::solana_program::program::set_return_data;

mod arithmetic;
mod calls;
mod syscalls;
mod vault;

use vault::*;

declare_id!("Demo1hQ1rjB1m9WqvYkRzqbLuzGgbLsHxHzPPGSvhKi9");

#[cfg(not(feature = "no-entrypoint"))]
solana_security_txt::security_txt! {
    name: "SBF toolchain regression",
    project_url: "programs/toolchain/README.md of the source tree",
    contacts: "link:SECURITY.md of the source tree",
    policy: "SECURITY.md of the source tree"
}

#[program]
pub mod sbf_regression {
    use super::*;

    /// Integers of 8 to 128 bits: what the lowering pass rewrites.
    pub fn integers(_ctx: Context<Nothing>, a: u64, b: u64, c: u128, d: u128, s: i64, t: i64) -> Result<()> {
        set_return_data(&arithmetic::integers(a, b, c, d, s, t));
        Ok(())
    }

    /// Signed 128-bit quotients, narrow products with overflow.
    pub fn narrow_and_wide(_ctx: Context<Nothing>, x: i128, y: i128, p: i32, q: i32) -> Result<()> {
        set_return_data(&arithmetic::narrow_and_wide(x, y, p, q));
        Ok(())
    }

    /// Floats by their bits: BPF has none, compiler_builtins computes them.
    pub fn floats(_ctx: Context<Nothing>, x: u64, y: u64, n: i64) -> Result<()> {
        set_return_data(&arithmetic::floats(f64::from_bits(x), f64::from_bits(y), n));
        Ok(())
    }

    /// More arguments than registers, and results wider than one.
    pub fn many_arguments(_ctx: Context<Nothing>, data: Vec<u8>) -> Result<()> {
        set_return_data(&calls::many_arguments(&data));
        Ok(())
    }

    /// The same through vtables, with std's maps and allocations.
    pub fn virtual_calls(_ctx: Context<Nothing>, data: Vec<u8>) -> Result<()> {
        set_return_data(&calls::virtual_calls(&data));
        Ok(())
    }

    /// Copies, moves, fills and comparisons of all lengths around the inline limit.
    pub fn memory(_ctx: Context<Nothing>, data: Vec<u8>, length: u16) -> Result<()> {
        set_return_data(&calls::memory(&data, usize::from(length)));
        Ok(())
    }

    /// core::fmt, into the log.
    pub fn format(_ctx: Context<Nothing>, data: Vec<u8>) -> Result<()> {
        let folded = data.iter().fold(0u128, |sum, byte| (sum << 13) | u128::from(*byte));
        msg!("{} {:#x} {:?} {:>10}|{}", folded, folded, &data, "right", i128::from(-5));
        Ok(())
    }

    /// Out of bounds: the panic's message must reach the log.
    pub fn panics(_ctx: Context<Nothing>, index: u64) -> Result<()> {
        let numbers = [1u64, 2, 3];
        msg!("{}", numbers[index as usize]);
        Ok(())
    }

    pub fn sha256(_ctx: Context<Nothing>, data: Vec<u8>) -> Result<()> {
        set_return_data(&syscalls::sha256(&data));
        Ok(())
    }

    pub fn poseidon(_ctx: Context<Nothing>, data: Vec<u8>) -> Result<()> {
        set_return_data(&syscalls::poseidon(&data).ok_or(RegressionError::Refused)?);
        Ok(())
    }

    /// Whether e(P, Q) · e(-P, Q) = 1, for P and Q in `data`.
    pub fn pairing(_ctx: Context<Nothing>, data: Vec<u8>) -> Result<()> {
        set_return_data(&syscalls::pairing(&data).ok_or(RegressionError::Refused)?);
        Ok(())
    }

    // An ordinary Anchor program: accounts, constraints, calls of another program, events.

    pub fn initialize(ctx: Context<Initialize>, title: [u8; 32], cap: u64) -> Result<()> {
        vault::initialize(ctx, title, cap)
    }

    pub fn update(ctx: Context<Update>, cap: u64) -> Result<()> {
        vault::update(ctx, cap)
    }

    pub fn deposit(ctx: Context<Deposit>, amount: u64) -> Result<()> {
        vault::deposit(ctx, amount)
    }
}

#[derive(Accounts)]
pub struct Nothing {}

#[error_code]
pub enum RegressionError {
    #[msg("The system call refused its input")]
    Refused,
    #[msg("The vault's cap would be exceeded")]
    CapExceeded,
    #[msg("The amount is zero")]
    ZeroAmount,
}
