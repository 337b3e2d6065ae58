use crate::{constants::DRAFT, events::DraftOpened, state::Draft};
use anchor_lang::prelude::*;
use decai_common::LAYOUT_V1;

#[derive(Accounts)]
#[instruction(id: [u8; 32])]
pub struct OpenDraft<'info> {
    #[account(mut)]
    pub owner: Signer<'info>,
    #[account(init, payer = owner, space = Draft::SPACE, seeds = [DRAFT, owner.key().as_ref(), id.as_ref()], bump)]
    pub draft: AccountLoader<'info, Draft>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handler(ctx: Context<OpenDraft>, id: [u8; 32]) -> Result<()> {
    let owner = ctx.accounts.owner.key();
    let mut draft = ctx.accounts.draft.load_init()?;
    draft.layout = LAYOUT_V1;
    draft.bump = ctx.bumps.draft;
    draft.owner = owner;
    draft.id = id;
    emit!(DraftOpened { draft: ctx.accounts.draft.key(), owner, id });
    Ok(())
}
