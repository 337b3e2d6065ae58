use crate::error::ModelManagerError;
use crate::events::{ResultBatchPosted, ResultPosted};
use crate::state::{InferenceLog, ModelRegistry, ModelVersion};
use anchor_lang::prelude::*;
use decai_common::{seeds, LAYOUT_V1};

/// For one result and for a batch. The registry is only read: workers never wait for each other.
#[derive(Accounts)]
pub struct PostResult<'info> {
    #[account(mut)]
    pub worker: Signer<'info>,
    #[account(
        constraint = registry.layout == LAYOUT_V1 @ ModelManagerError::UnknownLayout,
        seeds = [seeds::REGISTRY, registry.creator.as_ref(), registry.name.as_ref()],
        bump = registry.bump
    )]
    pub registry: Box<Account<'info, ModelRegistry>>,
    #[account(
        constraint = version.layout == LAYOUT_V1 @ ModelManagerError::UnknownLayout,
        seeds = [seeds::VERSION, registry.key().as_ref(), version.number.to_le_bytes().as_ref()],
        bump = version.bump
    )]
    pub version: Box<Account<'info, ModelVersion>>,
    #[account(
        init_if_needed,
        payer = worker,
        space = InferenceLog::SPACE,
        seeds = [seeds::LOG, registry.key().as_ref(), worker.key().as_ref()],
        bump
    )]
    pub log: Box<Account<'info, InferenceLog>>,
    pub system_program: Program<'info, System>,
}

impl PostResult<'_> {
    fn open_log(&mut self, bump: u8) -> Result<()> {
        self.version.require_live()?;
        self.log.open(bump, self.registry.key(), self.worker.key())
    }
}

pub(crate) fn result(ctx: Context<PostResult>, leaf: [u8; 32]) -> Result<()> {
    ctx.accounts.open_log(ctx.bumps.log)?;
    let log = &mut ctx.accounts.log;
    log.append(&leaf)?;
    emit!(ResultPosted {
        registry: log.registry,
        version: ctx.accounts.version.number,
        worker: log.worker,
        leaf,
        count: log.count,
        head: log.head,
    });
    Ok(())
}

pub(crate) fn batch(ctx: Context<PostResult>, root: [u8; 32], results: u32) -> Result<()> {
    ctx.accounts.open_log(ctx.bumps.log)?;
    let log = &mut ctx.accounts.log;
    log.append_batch(&root, results)?;
    emit!(ResultBatchPosted {
        registry: log.registry,
        version: ctx.accounts.version.number,
        worker: log.worker,
        root,
        results,
        count: log.count,
        head: log.head,
    });
    Ok(())
}
