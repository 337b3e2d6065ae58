use crate::error::DaoError;
use crate::events::DelegateSet;
use crate::state::Member;
use anchor_lang::prelude::*;
use decai_common::seeds;

#[derive(Accounts)]
pub struct SetDelegate<'info> {
    pub wallet: Signer<'info>,
    #[account(
        mut,
        constraint = member.layout == Member::LAYOUT @ DaoError::UnknownLayout,
        seeds = [seeds::MEMBER, member.dao.as_ref(), wallet.key().as_ref()],
        bump = member.bump
    )]
    pub member: Box<Account<'info, Member>>,
}

pub(crate) fn handler(ctx: Context<SetDelegate>, delegate: Pubkey) -> Result<()> {
    let member = &mut ctx.accounts.member;
    member.delegate = delegate;
    emit!(DelegateSet { dao: member.dao, member: member.key(), wallet: member.wallet, delegate });
    Ok(())
}
