use crate::error::DaoError;
use crate::events::TokensDeposited;
use crate::state::{Dao, Member};
use anchor_lang::prelude::*;
use anchor_spl::token::{transfer, Token, TokenAccount, Transfer};
use decai_common::seeds;

#[derive(Accounts)]
pub struct Deposit<'info> {
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
    pub token_program: Program<'info, Token>,
}

pub(crate) fn handler(ctx: Context<Deposit>, amount: u64) -> Result<()> {
    let accounts = ctx.accounts;
    // Proposals that exist by now have smaller ids: these tokens don't count on them.
    let first_id = accounts.dao.proposal_count;
    accounts.member.deposit(amount, first_id)?;
    accounts.dao.add_deposit(amount)?;
    let escrow = Transfer {
        from: accounts.tokens.to_account_info(),
        to: accounts.deposits.to_account_info(),
        authority: accounts.wallet.to_account_info(),
    };
    transfer(CpiContext::new(accounts.token_program.key(), escrow), amount)?;
    accounts.deposits.reload()?;
    accounts.dao.invariant_deposits(accounts.deposits.amount)?;
    emit!(TokensDeposited {
        dao: accounts.dao.key(),
        wallet: accounts.wallet.key(),
        amount,
        deposited: accounts.member.deposited()?,
        first_id,
    });
    Ok(())
}
