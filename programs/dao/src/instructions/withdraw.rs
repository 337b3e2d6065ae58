use crate::error::DaoError;
use crate::events::TokensWithdrawn;
use crate::state::{Dao, Member};
use anchor_lang::prelude::*;
use anchor_spl::token::{transfer, Token, TokenAccount, Transfer};
use decai_common::seeds;

#[derive(Accounts)]
pub struct Withdraw<'info> {
    pub wallet: Signer<'info>,
    #[account(mut, constraint = dao.layout == Dao::LAYOUT @ DaoError::UnknownLayout)]
    pub dao: Box<Account<'info, Dao>>,
    #[account(
        mut,
        constraint = member.layout == Member::LAYOUT @ DaoError::UnknownLayout,
        seeds = [seeds::MEMBER, dao.key().as_ref(), wallet.key().as_ref()],
        bump = member.bump
    )]
    pub member: Box<Account<'info, Member>>,
    #[account(mut, token::mint = dao.mint, token::authority = wallet)]
    pub tokens: Box<Account<'info, TokenAccount>>,
    #[account(mut, seeds = [seeds::DEPOSITS, dao.key().as_ref()], bump = dao.deposits_bump)]
    pub deposits: Box<Account<'info, TokenAccount>>,
    /// CHECK: only signs.
    #[account(seeds = [seeds::AUTHORITY, dao.key().as_ref()], bump = dao.authority_bump)]
    pub authority: UncheckedAccount<'info>,
    pub token_program: Program<'info, Token>,
}

pub(crate) fn handler(ctx: Context<Withdraw>, amount: u64) -> Result<()> {
    let accounts = ctx.accounts;
    accounts.member.withdraw(amount, Clock::get()?.unix_timestamp)?;
    accounts.dao.take_deposit(amount)?;
    let dao = accounts.dao.key();
    let signer: &[&[u8]] = &[seeds::AUTHORITY, dao.as_ref(), &[accounts.dao.authority_bump]];
    let back = Transfer {
        from: accounts.deposits.to_account_info(),
        to: accounts.tokens.to_account_info(),
        authority: accounts.authority.to_account_info(),
    };
    transfer(CpiContext::new_with_signer(accounts.token_program.key(), back, &[signer]), amount)?;
    accounts.deposits.reload()?;
    accounts.dao.invariant_deposits(accounts.deposits.amount)?;
    emit!(TokensWithdrawn {
        dao,
        wallet: accounts.wallet.key(),
        amount,
        deposited: accounts.member.deposited()?,
    });
    Ok(())
}
