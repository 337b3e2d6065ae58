use crate::error::DaoError;
use crate::events::TokensDistributed;
use crate::state::Dao;
use anchor_lang::prelude::*;
use anchor_spl::associated_token::AssociatedToken;
use anchor_spl::token::{mint_to, Mint, MintTo, Token, TokenAccount};
use decai_common::seeds;

#[derive(Accounts)]
pub struct Distribute<'info> {
    #[account(mut)]
    pub creator: Signer<'info>,
    #[account(constraint = dao.layout == Dao::LAYOUT @ DaoError::UnknownLayout)]
    pub dao: Box<Account<'info, Dao>>,
    /// CHECK: only signs.
    #[account(seeds = [seeds::AUTHORITY, dao.key().as_ref()], bump = dao.authority_bump)]
    pub authority: UncheckedAccount<'info>,
    #[account(mut, address = dao.mint)]
    pub mint: Box<Account<'info, Mint>>,
    /// CHECK: any wallet.
    pub holder: UncheckedAccount<'info>,
    #[account(
        init_if_needed,
        payer = creator,
        associated_token::mint = mint,
        associated_token::authority = holder
    )]
    pub holder_tokens: Box<Account<'info, TokenAccount>>,
    pub token_program: Program<'info, Token>,
    pub associated_token_program: Program<'info, AssociatedToken>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handler(ctx: Context<Distribute>, amount: u64) -> Result<()> {
    let accounts = &ctx.accounts;
    accounts.dao.check_founder(&accounts.creator.key())?;
    require!(amount > 0, DaoError::ZeroAmount);
    let supply = accounts.mint.supply.checked_add(amount).ok_or(DaoError::FoundingSupplyExceeded)?;
    require!(supply <= accounts.dao.founding_supply, DaoError::FoundingSupplyExceeded);
    let dao = accounts.dao.key();
    let signer: &[&[u8]] = &[seeds::AUTHORITY, dao.as_ref(), &[accounts.dao.authority_bump]];
    let mint = MintTo {
        mint: accounts.mint.to_account_info(),
        to: accounts.holder_tokens.to_account_info(),
        authority: accounts.authority.to_account_info(),
    };
    mint_to(CpiContext::new_with_signer(accounts.token_program.key(), mint, &[signer]), amount)?;
    emit!(TokensDistributed { dao, holder: accounts.holder.key(), amount, supply });
    Ok(())
}
