use crate::constants::{MINT_SEED, TOKEN_DECIMALS};
use crate::events::DaoCreated;
use crate::state::{Dao, Founding, Policy};
use anchor_lang::prelude::*;
use anchor_lang::system_program::{transfer, Transfer};
use anchor_spl::token::{Mint, Token, TokenAccount};
use decai_common::seeds;

#[derive(Accounts)]
#[instruction(name: [u8; 32])]
pub struct CreateDao<'info> {
    #[account(mut)]
    pub creator: Signer<'info>,
    #[account(
        init,
        payer = creator,
        space = Dao::SPACE,
        seeds = [seeds::DAO, creator.key().as_ref(), name.as_ref()],
        bump
    )]
    pub dao: Box<Account<'info, Dao>>,
    /// CHECK: the signer of the collective's decisions; holds nothing.
    #[account(seeds = [seeds::AUTHORITY, dao.key().as_ref()], bump)]
    pub authority: UncheckedAccount<'info>,
    #[account(
        init,
        payer = creator,
        seeds = [MINT_SEED, dao.key().as_ref()],
        bump,
        mint::decimals = TOKEN_DECIMALS,
        mint::authority = authority
    )]
    pub mint: Box<Account<'info, Mint>>,
    #[account(
        init,
        payer = creator,
        seeds = [seeds::DEPOSITS, dao.key().as_ref()],
        bump,
        token::mint = mint,
        token::authority = authority
    )]
    pub deposits: Box<Account<'info, TokenAccount>>,
    #[account(mut, seeds = [seeds::VAULT, dao.key().as_ref()], bump)]
    pub vault: SystemAccount<'info>,
    #[account(mut, seeds = [seeds::TREASURY, dao.key().as_ref()], bump)]
    pub treasury: SystemAccount<'info>,
    pub token_program: Program<'info, Token>,
    pub system_program: Program<'info, System>,
}

/// What the creator decides, beside the name that makes the address.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy)]
pub struct Charter {
    pub founding_supply: u64,
    pub policy: Policy,
    pub guardian: Pubkey,
    pub guardian_expires_at: i64,
}

pub(crate) fn handler(ctx: Context<CreateDao>, name: [u8; 32], charter: Charter) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let founding = Founding {
        creator: accounts.creator.key(),
        name,
        mint: accounts.mint.key(),
        founding_supply: charter.founding_supply,
        policy: charter.policy,
        guardian: charter.guardian,
        guardian_expires_at: charter.guardian_expires_at,
    };
    founding.validate(now)?;
    // Vault and treasury get their rent now, so that neither can ever fall to zero and vanish.
    for account in [&accounts.vault, &accounts.treasury] {
        keep_rent(accounts, account)?;
    }
    let bumps = &ctx.bumps;
    let dao = &mut ctx.accounts.dao;
    dao.found(&founding, now);
    dao.bump = bumps.dao;
    dao.authority_bump = bumps.authority;
    dao.vault_bump = bumps.vault;
    dao.treasury_bump = bumps.treasury;
    dao.deposits_bump = bumps.deposits;
    emit!(DaoCreated {
        dao: dao.key(),
        creator: dao.creator,
        name,
        mint: dao.mint,
        founding_supply: dao.founding_supply,
        guardian: dao.guardian,
        guardian_expires_at: dao.guardian_expires_at,
        at: now,
    });
    Ok(())
}

fn keep_rent<'info>(accounts: &CreateDao<'info>, account: &SystemAccount<'info>) -> Result<()> {
    let missing = Rent::get()?.minimum_balance(0).saturating_sub(account.lamports());
    if missing == 0 {
        return Ok(());
    }
    let transfer_rent = Transfer { from: accounts.creator.to_account_info(), to: account.to_account_info() };
    transfer(CpiContext::new(accounts.system_program.key(), transfer_rent), missing)
}
