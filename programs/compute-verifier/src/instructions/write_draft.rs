use crate::{constants::DRAFT, error::ComputeVerifierError, events::DraftWritten, state::Draft};
use anchor_lang::prelude::*;
use decai_common::LAYOUT_V1;

#[derive(Accounts)]
pub struct WriteDraft<'info> {
    pub owner: Signer<'info>,
    #[account(
        mut,
        seeds = [DRAFT, owner.key().as_ref(), draft.load()?.id.as_ref()],
        bump = draft.load()?.bump,
        constraint = draft.load()?.layout == LAYOUT_V1 @ ComputeVerifierError::UnknownLayout,
    )]
    pub draft: AccountLoader<'info, Draft>,
}

pub(crate) fn handler(ctx: Context<WriteDraft>, offset: u16, data: Vec<u8>) -> Result<()> {
    ctx.accounts.draft.load_mut()?.write(offset, &data)?;
    let length = u16::try_from(data.len()).map_err(|_| ComputeVerifierError::DraftOverrun)?;
    emit!(DraftWritten { draft: ctx.accounts.draft.key(), offset, length });
    Ok(())
}
