use crate::{
    error::ComputeVerifierError,
    events::OfferSet,
    state::{Offer, Provider},
};
use anchor_lang::prelude::*;
use decai_common::{seeds, LAYOUT_V1};

#[derive(Accounts)]
pub struct SetOffer<'info> {
    pub wallet: Signer<'info>,
    #[account(
        mut,
        seeds = [seeds::PROVIDER, provider.dao.as_ref(), wallet.key().as_ref()],
        bump = provider.bump,
        constraint = provider.layout == LAYOUT_V1 @ ComputeVerifierError::UnknownLayout,
    )]
    pub provider: Box<Account<'info, Provider>>,
}

pub(crate) fn handler(ctx: Context<SetOffer>, offer: Offer) -> Result<()> {
    offer.validate()?;
    let provider = &mut ctx.accounts.provider;
    provider.offer = offer;
    provider.offer_updated_at = Clock::get()?.unix_timestamp;
    emit!(OfferSet {
        provider: provider.key(),
        dao: provider.dao,
        wallet: provider.wallet,
        available: offer.available,
        price_lamports_per_hour: offer.price_lamports_per_hour,
    });
    Ok(())
}
