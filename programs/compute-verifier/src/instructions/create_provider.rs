use crate::{dao_account, events::ProviderCreated, state::Provider};
use anchor_lang::prelude::*;
use decai_common::{seeds, LAYOUT_V1};

#[derive(Accounts)]
pub struct CreateProvider<'info> {
    #[account(mut)]
    pub wallet: Signer<'info>,
    /// CHECK: a Dao of the dao program, checked in the handler.
    pub dao: UncheckedAccount<'info>,
    #[account(
        init,
        payer = wallet,
        space = Provider::SPACE,
        seeds = [seeds::PROVIDER, dao.key().as_ref(), wallet.key().as_ref()],
        bump,
    )]
    pub provider: Box<Account<'info, Provider>>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handler(ctx: Context<CreateProvider>) -> Result<()> {
    dao_account::require_dao(&ctx.accounts.dao)?;
    let (dao, wallet) = (ctx.accounts.dao.key(), ctx.accounts.wallet.key());
    let provider = &mut ctx.accounts.provider;
    provider.layout = LAYOUT_V1;
    provider.bump = ctx.bumps.provider;
    provider.dao = dao;
    provider.wallet = wallet;
    provider.created_at = Clock::get()?.unix_timestamp;
    emit!(ProviderCreated { provider: provider.key(), dao, wallet });
    Ok(())
}
