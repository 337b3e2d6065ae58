use crate::{constants::MAX_PERIOD, error::ComputeVerifierError};
use anchor_lang::prelude::*;
use decai_common::PPM;

/// The part of a DAO's policy that governs a job, copied into it: changing the policy later doesn't change the
/// rules of a job that providers have already put money on.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobPolicy {
    /// Seconds of auction, from opening and again after each failed lease.
    pub bid_period: i64,
    /// Seconds between settlement and publication.
    pub publish_hold: i64,
    /// Seconds between submission and settlement of an unproven job.
    pub challenge_period: i64,
    pub min_attestations: u32,
    /// Lamports a disputer puts at stake.
    pub dispute_bond: u64,
    /// Gain from which a published version becomes the current one.
    pub min_gain_ppm: u32,
    /// Lamports of reward from which a job counts in the provider's statistics.
    pub min_counted_reward: u64,
    /// Lamports a member must have staked for `stake_age` to attest.
    pub min_stake: u64,
    /// Seconds after which stake counts as aged.
    pub stake_age: i64,
    /// Ids of the accepted verifying keys; zeros accept none.
    pub vk_steps: [u8; 32],
    pub vk_eval: [u8; 32],
    /// 1 if keys from a development set-up may be used.
    pub allow_development_keys: u8,
}

impl JobPolicy {
    /// Whether a job can be run to its end under this policy. dao checks the same when a policy is set, so that
    /// no proposal succeeds whose execution then can't.
    pub fn validate(&self) -> Result<()> {
        require_period(self.bid_period, 1)?;
        require_period(self.publish_hold, 0)?;
        require_period(self.challenge_period, 0)?;
        require_period(self.stake_age, 0)?;
        require!(self.min_attestations > 0, ComputeVerifierError::NoAttestationsRequired);
        require!(self.min_gain_ppm <= PPM, ComputeVerifierError::RatioOutOfRange);
        require!(self.allow_development_keys <= 1, ComputeVerifierError::NotAFlag);
        Ok(())
    }
}

/// Refuses a period (seconds) outside `least..=MAX_PERIOD`.
pub fn require_period(seconds: i64, least: i64) -> Result<()> {
    require!((least..=MAX_PERIOD).contains(&seconds), ComputeVerifierError::PeriodOutOfRange);
    Ok(())
}

#[cfg(test)]
impl JobPolicy {
    /// A policy as tests like it.
    pub(crate) fn example() -> Self {
        Self {
            bid_period: 60,
            publish_hold: 30,
            challenge_period: 40,
            min_attestations: 2,
            dispute_bond: 5_000_000,
            min_gain_ppm: 1_000,
            min_counted_reward: 1_000_000,
            min_stake: 1_000_000_000,
            stake_age: 600,
            vk_steps: [1; 32],
            vk_eval: [2; 32],
            allow_development_keys: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_under_which_no_job_can_end_is_refused() {
        assert!(JobPolicy::example().validate().is_ok());
        for broken in [
            JobPolicy { bid_period: 0, ..JobPolicy::example() },
            JobPolicy { bid_period: MAX_PERIOD + 1, ..JobPolicy::example() },
            JobPolicy { publish_hold: -1, ..JobPolicy::example() },
            JobPolicy { challenge_period: i64::MAX, ..JobPolicy::example() },
            JobPolicy { stake_age: i64::MIN, ..JobPolicy::example() },
            JobPolicy { min_attestations: 0, ..JobPolicy::example() },
            JobPolicy { min_gain_ppm: PPM + 1, ..JobPolicy::example() },
            JobPolicy { allow_development_keys: 2, ..JobPolicy::example() },
        ] {
            assert!(broken.validate().is_err(), "{broken:?}");
        }
    }
}
