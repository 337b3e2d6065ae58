use crate::error::DaoError;
use crate::events::MemberJoined;
use crate::state::{Dao, Member};
use anchor_lang::prelude::*;
use decai_common::seeds;

#[derive(Accounts)]
pub struct Join<'info> {
    #[account(mut)]
    pub wallet: Signer<'info>,
    #[account(constraint = dao.layout == Dao::LAYOUT @ DaoError::UnknownLayout)]
    pub dao: Box<Account<'info, Dao>>,
    #[account(
        init,
        payer = wallet,
        space = Member::SPACE,
        seeds = [seeds::MEMBER, dao.key().as_ref(), wallet.key().as_ref()],
        bump
    )]
    pub member: Box<Account<'info, Member>>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handler(ctx: Context<Join>) -> Result<()> {
    let (dao, wallet) = (ctx.accounts.dao.key(), ctx.accounts.wallet.key());
    let member = &mut ctx.accounts.member;
    member.layout = Member::LAYOUT;
    member.bump = ctx.bumps.member;
    member.dao = dao;
    member.wallet = wallet;
    emit!(MemberJoined { dao, member: member.key(), wallet });
    Ok(())
}
