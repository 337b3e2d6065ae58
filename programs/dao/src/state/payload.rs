//! What a proposal would do, by kind, in its 128 bytes.

use crate::constants::MAX_JOB_PERIOD;
use crate::error::DaoError;
use anchor_lang::prelude::*;

pub const PAYLOAD_LEN: usize = 128;

/// Train: which sets, from which version, and how long a provider may take.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainPayload {
    pub train_set: Pubkey,
    pub eval_set: Pubkey,
    pub base_version: u64,
    /// Seconds from the lease to the submission.
    pub work_period: i64,
    /// Seconds from the commitment to the last proof.
    pub prove_period: i64,
    /// Zeros.
    pub reserved: [u8; 40],
}

/// SetCurrent: which version of the proposal's registry.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetCurrentPayload {
    pub version: u64,
    /// Zeros.
    pub reserved: [u8; 120],
}

impl TrainPayload {
    pub fn parse(payload: &[u8; PAYLOAD_LEN]) -> Result<Self> {
        let parsed = Self::try_from_slice(payload).map_err(|_| DaoError::InvalidPayload)?;
        let period = 1..=MAX_JOB_PERIOD;
        let sane = parsed.base_version > 0
            && parsed.train_set != Pubkey::default()
            && parsed.eval_set != Pubkey::default()
            && parsed.train_set != parsed.eval_set
            && period.contains(&parsed.work_period)
            && period.contains(&parsed.prove_period)
            && parsed.reserved == [0; 40];
        require!(sane, DaoError::InvalidPayload);
        Ok(parsed)
    }
}

impl SetCurrentPayload {
    pub fn parse(payload: &[u8; PAYLOAD_LEN]) -> Result<Self> {
        let parsed = Self::try_from_slice(payload).map_err(|_| DaoError::InvalidPayload)?;
        require!(parsed.version > 0 && parsed.reserved == [0; 120], DaoError::InvalidPayload);
        Ok(parsed)
    }
}

/// A kind whose account fields say it all.
pub fn check_empty(payload: &[u8; PAYLOAD_LEN]) -> Result<()> {
    require!(payload.iter().all(|byte| *byte == 0), DaoError::InvalidPayload);
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn train() -> [u8; PAYLOAD_LEN] {
        let mut payload = [0; PAYLOAD_LEN];
        payload[..32].fill(1);
        payload[32..64].fill(2);
        payload[64] = 3;
        payload[72] = 4;
        payload[80] = 5;
        payload
    }

    #[test]
    fn train_is_read_at_its_offsets() {
        let parsed = TrainPayload::parse(&train()).unwrap();
        assert_eq!((parsed.base_version, parsed.work_period, parsed.prove_period), (3, 4, 5));
        assert_eq!(parsed.train_set, Pubkey::new_from_array([1; 32]));
        assert_eq!(parsed.eval_set, Pubkey::new_from_array([2; 32]));
        assert_eq!((TrainPayload::INIT_SPACE, SetCurrentPayload::INIT_SPACE), (PAYLOAD_LEN, PAYLOAD_LEN));
    }

    #[test]
    fn each_field_of_train_is_checked() {
        let breaks: [fn(&mut [u8; PAYLOAD_LEN]); 8] = [
            |p| p[..32].fill(0),
            |p| p[32..64].fill(0),
            |p| p[32..64].fill(1),
            |p| p[64] = 0,
            |p| p[72] = 0,
            |p| p[79] = 0x80,
            |p| p[87] = 1,
            |p| p[127] = 1,
        ];
        for broken in breaks {
            let mut payload = train();
            broken(&mut payload);
            assert!(TrainPayload::parse(&payload).is_err());
        }
    }

    #[test]
    fn set_current_is_a_version_and_zeros() {
        let mut payload = [0; PAYLOAD_LEN];
        assert!(SetCurrentPayload::parse(&payload).is_err());
        assert!(check_empty(&payload).is_ok());
        payload[0] = 2;
        assert_eq!(SetCurrentPayload::parse(&payload).unwrap().version, 2);
        assert!(check_empty(&payload).is_err());
        payload[127] = 1;
        assert!(SetCurrentPayload::parse(&payload).is_err());
    }
}
