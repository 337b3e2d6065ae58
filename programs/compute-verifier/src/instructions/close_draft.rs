use crate::{constants::DRAFT, error::ComputeVerifierError, events::DraftClosed, state::Draft};
use anchor_lang::prelude::*;
use decai_common::LAYOUT_V1;

#[derive(Accounts)]
pub struct CloseDraft<'info> {
    #[account(mut)]
    pub owner: Signer<'info>,
    #[account(
        mut,
        close = owner,
        seeds = [DRAFT, owner.key().as_ref(), draft.load()?.id.as_ref()],
        bump = draft.load()?.bump,
        constraint = draft.load()?.layout == LAYOUT_V1 @ ComputeVerifierError::UnknownLayout,
    )]
    pub draft: AccountLoader<'info, Draft>,
}

pub(crate) fn handler(ctx: Context<CloseDraft>) -> Result<()> {
    emit!(DraftClosed { draft: ctx.accounts.draft.key(), owner: ctx.accounts.owner.key() });
    Ok(())
}
