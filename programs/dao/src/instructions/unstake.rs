use crate::error::DaoError;
use crate::events::SolUnstaked;
use crate::state::{Dao, Member};
use anchor_lang::prelude::*;
use anchor_lang::system_program::{transfer, Transfer};
use decai_common::seeds;

#[derive(Accounts)]
pub struct Unstake<'info> {
    #[account(mut)]
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
    #[account(mut, seeds = [seeds::VAULT, dao.key().as_ref()], bump = dao.vault_bump)]
    pub vault: SystemAccount<'info>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handler(ctx: Context<Unstake>, amount: u64) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = ctx.accounts;
    let policy = accounts.dao.policy;
    accounts.member.unstake(amount, now, policy.stake_age, policy.min_stake)?;
    accounts.dao.take_stake(amount)?;
    let dao = accounts.dao.key();
    let signer: &[&[u8]] = &[seeds::VAULT, dao.as_ref(), &[accounts.dao.vault_bump]];
    let back = Transfer { from: accounts.vault.to_account_info(), to: accounts.wallet.to_account_info() };
    transfer(CpiContext::new_with_signer(accounts.system_program.key(), back, &[signer]), amount)?;
    accounts.dao.invariant_vault(accounts.vault.lamports(), Rent::get()?.minimum_balance(0))?;
    emit!(SolUnstaked {
        dao,
        wallet: accounts.wallet.key(),
        amount,
        aged_stake: accounts.member.aged_stake,
        pending_stake: accounts.member.pending_stake,
        at: now,
    });
    Ok(())
}
