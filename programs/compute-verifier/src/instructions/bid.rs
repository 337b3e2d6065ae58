use crate::{
    error::ComputeVerifierError,
    events::BidPlaced,
    funds,
    state::{BidTerms, Job, Provider},
};
use anchor_lang::{prelude::*, system_program};
use decai_common::{seeds, LAYOUT_V1};

#[derive(Accounts)]
pub struct Bid<'info> {
    #[account(mut)]
    pub wallet: Signer<'info>,
    #[account(
        seeds = [seeds::PROVIDER, job.dao.as_ref(), wallet.key().as_ref()],
        bump = provider.bump,
        constraint = provider.layout == LAYOUT_V1 @ ComputeVerifierError::UnknownLayout,
    )]
    pub provider: Box<Account<'info, Provider>>,
    #[account(
        mut,
        seeds = [seeds::JOB, job.proposal.as_ref()],
        bump = job.bump,
        constraint = job.layout == LAYOUT_V1 @ ComputeVerifierError::UnknownLayout,
    )]
    pub job: Box<Account<'info, Job>>,
    /// CHECK: gets the previous best bidder's bond; the bidder's own wallet while there is no bid.
    #[account(
        mut,
        constraint = outbid.key() == job.refund_wallet(wallet.key()) @ ComputeVerifierError::WrongRefundAccount,
    )]
    pub outbid: UncheckedAccount<'info>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handler(ctx: Context<Bid>, terms: &BidTerms) -> Result<()> {
    let accounts = ctx.accounts;
    let wallet = accounts.wallet.key();
    accounts.job.invariant(funds::above_rent(accounts.job.as_ref().as_ref())?)?;
    let outbid = accounts.job.place_bid(wallet, terms, Clock::get()?.unix_timestamp)?;
    // The call to the system program comes before lamports are moved directly: it checks the sum of what it sees.
    system_program::transfer(
        CpiContext::new(
            accounts.system_program.key(),
            system_program::Transfer {
                from: accounts.wallet.to_account_info(),
                to: accounts.job.to_account_info(),
            },
        ),
        accounts.job.bond,
    )?;
    if let Some(outbid) = outbid {
        funds::pay(&accounts.job.to_account_info(), &accounts.outbid, outbid.bond)?;
    }
    accounts.job.invariant(funds::above_rent(accounts.job.as_ref().as_ref())?)?;
    emit!(BidPlaced {
        job: accounts.job.key(),
        provider: wallet,
        price: terms.price,
        bond: accounts.job.bond,
        market: terms.market,
        outbid: outbid.map(|o| o.provider).unwrap_or_default(),
        bond_returned: outbid.map(|o| o.bond).unwrap_or_default(),
    });
    Ok(())
}
