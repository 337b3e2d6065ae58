use crate::RegressionError;
use anchor_lang::prelude::*;
use anchor_lang::system_program::{transfer, Transfer};

#[account]
#[derive(InitSpace)]
pub struct Vault {
    pub authority: Pubkey,
    pub cap: u64,
    pub total: u64,
    pub title: [u8; 32],
    pub bump: u8,
}

#[event]
pub struct Deposited {
    pub vault: Pubkey,
    pub amount: u64,
    pub total: u64,
}

#[derive(Accounts)]
pub struct Initialize<'info> {
    #[account(mut)]
    pub authority: Signer<'info>,
    #[account(
        init,
        payer = authority,
        space = 8 + Vault::INIT_SPACE,
        seeds = [b"vault", authority.key().as_ref()],
        bump
    )]
    pub vault: Account<'info, Vault>,
    pub system_program: Program<'info, System>,
}

#[derive(Accounts)]
pub struct Update<'info> {
    pub authority: Signer<'info>,
    #[account(mut, has_one = authority, seeds = [b"vault", authority.key().as_ref()], bump = vault.bump)]
    pub vault: Account<'info, Vault>,
}

#[derive(Accounts)]
pub struct Deposit<'info> {
    #[account(mut)]
    pub user: Signer<'info>,
    #[account(mut, seeds = [b"vault", vault.authority.as_ref()], bump = vault.bump)]
    pub vault: Account<'info, Vault>,
    pub system_program: Program<'info, System>,
}

pub fn initialize(ctx: Context<Initialize>, title: [u8; 32], cap: u64) -> Result<()> {
    let authority = ctx.accounts.authority.key();
    ctx.accounts.vault.set_inner(Vault { authority, cap, total: 0, title, bump: ctx.bumps.vault });
    Ok(())
}

pub fn update(ctx: Context<Update>, cap: u64) -> Result<()> {
    require!(cap > 0, RegressionError::ZeroAmount);
    ctx.accounts.vault.cap = cap;
    Ok(())
}

pub fn deposit(ctx: Context<Deposit>, amount: u64) -> Result<()> {
    require!(amount > 0, RegressionError::ZeroAmount);
    let vault = &mut ctx.accounts.vault;
    let total = vault.total.checked_add(amount).ok_or(RegressionError::CapExceeded)?;
    require!(total <= vault.cap, RegressionError::CapExceeded);
    let transfer_accounts =
        Transfer { from: ctx.accounts.user.to_account_info(), to: vault.to_account_info() };
    transfer(CpiContext::new(ctx.accounts.system_program.key(), transfer_accounts), amount)?;
    vault.total = total;
    emit!(Deposited { vault: vault.key(), amount, total });
    Ok(())
}
