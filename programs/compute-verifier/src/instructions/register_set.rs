use crate::{
    constants::DRAFT,
    error::ComputeVerifierError,
    events::SetRegistered,
    state::{ChunkedSet, Draft, SetParams},
};
use anchor_lang::prelude::*;
use decai_common::{seeds, LAYOUT_V1};

#[derive(Accounts)]
#[instruction(id: [u8; 32])]
pub struct RegisterSet<'info> {
    #[account(mut)]
    pub registrar: Signer<'info>,
    #[account(
        mut,
        close = registrar,
        seeds = [DRAFT, registrar.key().as_ref(), id.as_ref()],
        bump = draft.load()?.bump,
        constraint = draft.load()?.layout == LAYOUT_V1 @ ComputeVerifierError::UnknownLayout,
    )]
    pub draft: AccountLoader<'info, Draft>,
    #[account(init, payer = registrar, space = ChunkedSet::SPACE, seeds = [seeds::SET, id.as_ref()], bump)]
    pub set: AccountLoader<'info, ChunkedSet>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handler(ctx: Context<RegisterSet>, id: [u8; 32], params: &SetParams) -> Result<()> {
    params.validate()?;
    let draft = ctx.accounts.draft.load()?;
    let length = params.chunk_count()?.checked_mul(32).ok_or(ComputeVerifierError::Overflow)?;
    let bytes = draft.prefix(length)?;
    require!(params.id(bytes) == id, ComputeVerifierError::WrongSetId);

    let registrar = ctx.accounts.registrar.key();
    let rows = params.rows()?;
    let mut set = ctx.accounts.set.load_init()?;
    set.layout = LAYOUT_V1;
    set.bump = ctx.bumps.set;
    set.kind = params.kind;
    set.features = params.features;
    set.rows_per_chunk = params.rows_per_chunk;
    set.chunks = params.chunks;
    set.n = rows;
    set.id = id;
    set.content = params.content;
    set.registrar = registrar;
    set.registered_at = Clock::get()?.unix_timestamp;
    set.write_roots(bytes)?;
    emit!(SetRegistered {
        set: ctx.accounts.set.key(),
        registrar,
        kind: params.kind,
        features: params.features,
        chunks: params.chunks,
        rows,
    });
    Ok(())
}
