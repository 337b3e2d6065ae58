use crate::error::ComputeVerifierError;
use anchor_lang::prelude::*;
use decai_common::{is_text, is_text_or_empty};

/// A provider of compute within one DAO, at ["provider", dao, wallet]: what they offer and what they have done.
#[account]
#[derive(InitSpace, Debug)]
pub struct Provider {
    pub layout: u8,
    pub bump: u8,
    pub dao: Pubkey,
    pub wallet: Pubkey,
    pub offer: Offer,
    pub offer_updated_at: i64,
    /// Settled jobs whose reward counted (≥ the policy's min_counted_reward).
    pub jobs_settled: u32,
    /// Leases that ran out.
    pub jobs_failed: u32,
    /// Of all settled jobs, as their records say.
    pub energy_joules: u64,
    pub co2e_mg: u64,
    /// Lamports earned by all settled jobs.
    pub reward: u64,
    pub created_at: i64,
    pub reserved: [u8; 64],
}

/// What a provider asks for an hour of which machine. All zeros: nothing is on offer.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// 1 while the machine can be had.
    pub available: u8,
    pub price_lamports_per_hour: u64,
    pub cores: u16,
    pub memory_mb: u32,
    /// Carbon intensity of the electricity where the machine stands.
    pub carbon_mg_per_kwh: u32,
    pub device: [u8; 32],
    pub region: [u8; 8],
}

impl Offer {
    pub fn validate(&self) -> Result<()> {
        require!(self.available <= 1, ComputeVerifierError::NotAFlag);
        require!(is_text_or_empty(&self.region), ComputeVerifierError::MalformedText);
        let named = if self.available == 1 { is_text(&self.device) } else { is_text_or_empty(&self.device) };
        require!(named, ComputeVerifierError::MalformedText);
        Ok(())
    }
}

impl Provider {
    pub const SPACE: usize = 8 + Self::INIT_SPACE;

    /// Counts a settled job; whether it counts as one depends on its reward.
    pub fn record_settled(&mut self, reward: u64, counts: bool, energy_joules: u64, co2e_mg: u64) {
        // Sums for statistics saturate: a settlement must not fail because a total no longer fits.
        self.reward = self.reward.saturating_add(reward);
        self.energy_joules = self.energy_joules.saturating_add(energy_joules);
        self.co2e_mg = self.co2e_mg.saturating_add(co2e_mg);
        self.jobs_settled = self.jobs_settled.saturating_add(u32::from(counts));
    }

    pub fn record_failed(&mut self) {
        self.jobs_failed = self.jobs_failed.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider() -> Provider {
        Provider::try_deserialize_unchecked(&mut &[0; Provider::SPACE][..]).unwrap()
    }

    #[test]
    fn only_counted_rewards_count_as_jobs() {
        let mut provider = provider();
        provider.record_settled(5, false, 10, 2);
        provider.record_settled(7, true, 20, 3);
        assert_eq!((provider.jobs_settled, provider.reward), (1, 12));
        assert_eq!((provider.energy_joules, provider.co2e_mg), (30, 5));
        provider.record_settled(u64::MAX, true, u64::MAX, u64::MAX);
        assert_eq!((provider.jobs_settled, provider.energy_joules), (2, u64::MAX));
    }

    #[test]
    fn an_available_machine_has_a_name() {
        let mut device = [0; 32];
        device[..3].copy_from_slice(b"cpu");
        assert!(Offer::default().validate().is_ok());
        assert!(Offer { available: 1, device, ..Offer::default() }.validate().is_ok());
        assert!(Offer { available: 1, ..Offer::default() }.validate().is_err());
        assert!(Offer { available: 2, device, ..Offer::default() }.validate().is_err());
        assert!(Offer { region: *b"\xff\0\0\0\0\0\0\0", ..Offer::default() }.validate().is_err());
    }
}
