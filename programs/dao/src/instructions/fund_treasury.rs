use crate::error::DaoError;
use crate::events::TreasuryFunded;
use crate::state::Dao;
use anchor_lang::prelude::*;
use anchor_lang::system_program::{transfer, Transfer};
use decai_common::seeds;

#[derive(Accounts)]
pub struct FundTreasury<'info> {
    #[account(mut)]
    pub funder: Signer<'info>,
    #[account(constraint = dao.layout == Dao::LAYOUT @ DaoError::UnknownLayout)]
    pub dao: Box<Account<'info, Dao>>,
    #[account(mut, seeds = [seeds::TREASURY, dao.key().as_ref()], bump = dao.treasury_bump)]
    pub treasury: SystemAccount<'info>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handler(ctx: Context<FundTreasury>, amount: u64) -> Result<()> {
    require!(amount > 0, DaoError::ZeroAmount);
    let accounts = &ctx.accounts;
    let gift = Transfer { from: accounts.funder.to_account_info(), to: accounts.treasury.to_account_info() };
    transfer(CpiContext::new(accounts.system_program.key(), gift), amount)?;
    emit!(TreasuryFunded {
        dao: accounts.dao.key(),
        funder: accounts.funder.key(),
        amount,
        balance: accounts.treasury.lamports(),
    });
    Ok(())
}
