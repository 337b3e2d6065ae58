use crate::constants::*;
use crate::error::DaoError;
use anchor_lang::prelude::*;
use decai_common::PPM;

/// How a collective decides, pays and publishes. Periods are seconds; they may be short, so that a
/// demonstration runs in seconds.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// From a proposal's creation to the first vote: time to read, and to cancel.
    pub voting_delay: i64,
    pub voting_period: i64,
    /// From finalisation to execution: time to veto.
    pub hold_up: i64,
    /// How long a succeeded proposal can be executed after its hold-up.
    pub execution_window: i64,
    /// Share of the supply at creation that must vote (for, against and abstain all count).
    pub quorum_ppm: u32,
    /// Share of for / (for + against) that approves.
    pub approval_ppm: u32,
    /// Lamports of aged stake behind each open proposal.
    pub min_stake: u64,
    /// Tokens shared by weight among the voters of a quorate proposal.
    pub reward_pool: u64,
    /// A settled job counts in the statistics from this reward in lamports.
    pub min_counted_reward: u64,
    pub bid_period: i64,
    /// From a job's settlement to the publication of its model.
    pub publish_hold: i64,
    /// How long a record without proof can be disputed before it settles.
    pub challenge_period: i64,
    /// Members, other than provider and proposer, who must attest a record without proof.
    pub min_attestations: u32,
    /// Lamports.
    pub dispute_bond: u64,
    /// A proven model becomes current by itself from this gain in accuracy.
    pub min_gain_ppm: u32,
    /// Seconds until staked lamports count.
    pub stake_age: i64,
    /// sha256 naming the accepted verifying key of the training circuit.
    pub vk_steps: [u8; 32],
    /// sha256 naming the accepted verifying key of the evaluation circuit.
    pub vk_eval: [u8; 32],
    /// 1 when verifying keys without a ceremony are accepted.
    pub allow_development_keys: u8,
}

impl Policy {
    /// Refuses what could never work, or could lock a collective for good.
    pub fn validate(&self) -> Result<()> {
        let period = |value: i64, least: i64, most: i64| (least..=most).contains(&value);
        let sane = period(self.voting_delay, 0, MAX_PERIOD)
            && period(self.voting_period, 1, MAX_PERIOD)
            && period(self.hold_up, 0, MAX_PERIOD)
            && period(self.execution_window, 1, MAX_EXECUTION_WINDOW)
            && period(self.bid_period, 1, MAX_PERIOD)
            && period(self.publish_hold, 0, MAX_PERIOD)
            && period(self.challenge_period, 0, MAX_PERIOD)
            && period(self.stake_age, 0, MAX_STAKE_AGE)
            && (1..=PPM).contains(&self.quorum_ppm)
            && (PPM / 2..=PPM).contains(&self.approval_ppm)
            && (1..=MAX_ATTESTATIONS).contains(&self.min_attestations)
            && self.min_gain_ppm <= PPM
            && self.allow_development_keys <= 1;
        require!(sane, DaoError::InvalidPolicy);
        Ok(())
    }

    /// Votes that make a quorum of `supply`: the share rounded up, and at least one.
    pub fn quorum_votes(&self, supply: u64) -> Result<u64> {
        let votes = u128::from(supply)
            .checked_mul(u128::from(self.quorum_ppm))
            .ok_or(DaoError::Overflow)?
            .div_ceil(u128::from(PPM));
        Ok(u64::try_from(votes).map_err(|_| DaoError::Overflow)?.max(1))
    }

    /// The part a job keeps, whatever the collective decides about later ones.
    pub fn for_job(&self) -> compute_verifier::state::JobPolicy {
        compute_verifier::state::JobPolicy {
            bid_period: self.bid_period,
            publish_hold: self.publish_hold,
            challenge_period: self.challenge_period,
            min_attestations: self.min_attestations,
            dispute_bond: self.dispute_bond,
            min_gain_ppm: self.min_gain_ppm,
            min_counted_reward: self.min_counted_reward,
            min_stake: self.min_stake,
            stake_age: self.stake_age,
            vk_steps: self.vk_steps,
            vk_eval: self.vk_eval,
            allow_development_keys: self.allow_development_keys,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn policy() -> Policy {
        Policy {
            voting_delay: 10,
            voting_period: 100,
            hold_up: 50,
            execution_window: 200,
            quorum_ppm: 150_000,
            approval_ppm: 600_000,
            min_stake: 1_000,
            reward_pool: 0,
            min_counted_reward: 1,
            bid_period: 5,
            publish_hold: 5,
            challenge_period: 5,
            min_attestations: 1,
            dispute_bond: 1,
            min_gain_ppm: 1_000,
            stake_age: 60,
            vk_steps: [0; 32],
            vk_eval: [0; 32],
            allow_development_keys: 0,
        }
    }

    #[test]
    fn each_bound_is_enforced() {
        assert!(policy().validate().is_ok());
        let broken: [fn(&mut Policy); 17] = [
            |p| p.voting_delay = -1,
            |p| p.voting_delay = MAX_PERIOD + 1,
            |p| p.voting_period = 0,
            |p| p.hold_up = -1,
            |p| p.execution_window = 0,
            |p| p.execution_window = MAX_EXECUTION_WINDOW + 1,
            |p| p.bid_period = 0,
            |p| p.publish_hold = -1,
            |p| p.challenge_period = -1,
            |p| p.stake_age = MAX_STAKE_AGE + 1,
            |p| p.quorum_ppm = 0,
            |p| p.quorum_ppm = PPM + 1,
            |p| p.approval_ppm = PPM / 2 - 1,
            |p| p.min_attestations = 0,
            |p| p.min_attestations = MAX_ATTESTATIONS + 1,
            |p| p.min_gain_ppm = PPM + 1,
            |p| p.allow_development_keys = 2,
        ];
        for breaks in broken {
            let mut policy = policy();
            breaks(&mut policy);
            assert!(policy.validate().is_err(), "{policy:?}");
        }
    }

    #[test]
    fn quorum_rounds_up_and_is_never_zero() {
        let quorum = |supply, quorum_ppm| Policy { quorum_ppm, ..policy() }.quorum_votes(supply).unwrap();
        assert_eq!(quorum(1_000, 150_000), 150);
        assert_eq!(quorum(1_001, 150_000), 151);
        assert_eq!(quorum(1, 1), 1);
        assert_eq!(quorum(0, 1), 1);
        assert_eq!(quorum(u64::MAX, PPM), u64::MAX);
    }
}
