use crate::{dao_account, events::LeaderboardCreated, state::Leaderboard};
use anchor_lang::prelude::*;
use decai_common::{seeds, LAYOUT_V1};

#[derive(Accounts)]
pub struct CreateLeaderboard<'info> {
    #[account(mut)]
    pub payer: Signer<'info>,
    /// CHECK: a Dao of the dao program, checked in the handler.
    pub dao: UncheckedAccount<'info>,
    #[account(init, payer = payer, space = Leaderboard::SPACE, seeds = [seeds::LEADERBOARD, dao.key().as_ref()], bump)]
    pub leaderboard: Box<Account<'info, Leaderboard>>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handler(ctx: Context<CreateLeaderboard>) -> Result<()> {
    dao_account::require_dao(&ctx.accounts.dao)?;
    let dao = ctx.accounts.dao.key();
    let leaderboard = &mut ctx.accounts.leaderboard;
    leaderboard.layout = LAYOUT_V1;
    leaderboard.bump = ctx.bumps.leaderboard;
    leaderboard.dao = dao;
    emit!(LeaderboardCreated { leaderboard: leaderboard.key(), dao });
    Ok(())
}
