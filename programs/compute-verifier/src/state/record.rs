use crate::{
    constants::{
        ENERGY_DECLARED, ENERGY_ESTIMATED, ENERGY_MEASURED, JOULES_PER_KWH, MARKET_AKASH, MARKET_GOLEM,
    },
    error::ComputeVerifierError,
    field,
};
use anchor_lang::prelude::*;
use decai_common::{is_text, is_text_or_empty, ContentId, PPM};

/// What came of a job, at ["record", job]: the model, what it gained, what it took, what was paid.
#[account]
#[derive(InitSpace, Debug)]
pub struct TrainingJobRecord {
    pub layout: u8,
    pub bump: u8,
    pub dao: Pubkey,
    pub job: Pubkey,
    pub provider: Pubkey,
    /// The trained model's bundle.
    pub model: ContentId,
    pub manifest_sha256: [u8; 32],
    /// Commitment of the trained weights.
    pub w_after: [u8; 32],
    /// Right answers on the evaluation set by the base and by the trained head.
    pub correct_before: u32,
    pub correct_after: u32,
    /// (correct_after − correct_before) / n, rounded towards zero.
    pub accuracy_gain_ppm: i32,
    pub accuracy_ppm: u32,
    pub energy_joules: u64,
    pub energy_grade: u8,
    /// Uncertainty of the energy, ± this share.
    pub energy_band_ppm: u32,
    pub carbon_mg_per_kwh: u32,
    /// Gross emissions; offsets never lower it.
    pub co2e_mg: u64,
    pub co2_offset_mg: u64,
    pub hardware_efficiency_ppm: u32,
    pub region: [u8; 8],
    pub duration_s: u32,
    pub device: [u8; 32],
    /// none, groth16 or review.
    pub proof: u8,
    /// Lamports paid to the provider, without their bond.
    pub reward_distributed: u64,
    pub submitted_at: i64,
    pub settled_at: i64,
    /// Energy report, if there is one.
    pub report: ContentId,
    pub reserved: [u8; 64],
}

/// What the provider declares.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordArgs {
    pub model: ContentId,
    pub manifest_sha256: [u8; 32],
    pub w_after: [u8; 32],
    pub correct_before: u32,
    pub correct_after: u32,
    pub energy_joules: u64,
    pub energy_grade: u8,
    pub energy_band_ppm: u32,
    pub carbon_mg_per_kwh: u32,
    pub co2e_mg: u64,
    pub hardware_efficiency_ppm: u32,
    pub region: [u8; 8],
    pub duration_s: u32,
    pub device: [u8; 32],
    pub report: ContentId,
}

impl RecordArgs {
    /// Checks everything that can be checked without redoing the work. `rows` is the size of the evaluation set.
    pub fn validate(&self, market: u8, rows: u32) -> Result<()> {
        require!(self.model.validate().is_ok(), ComputeVerifierError::MalformedContent);
        require!(self.report.validate_optional().is_ok(), ComputeVerifierError::MalformedContent);
        require!(self.manifest_sha256 != [0; 32], ComputeVerifierError::EmptyHash);
        require!(self.w_after != [0; 32], ComputeVerifierError::EmptyHash);
        field::require_element(&self.w_after)?;
        require!(
            self.correct_before <= rows && self.correct_after <= rows,
            ComputeVerifierError::TooManyCorrect
        );
        require!(
            matches!(self.energy_grade, ENERGY_MEASURED | ENERGY_ESTIMATED | ENERGY_DECLARED),
            ComputeVerifierError::UnknownEnergyGrade
        );
        require!(
            !matches!(market, MARKET_AKASH | MARKET_GOLEM) || self.energy_grade == ENERGY_DECLARED,
            ComputeVerifierError::RentedEnergyIsDeclared
        );
        require!(
            self.energy_band_ppm <= PPM && self.hardware_efficiency_ppm <= PPM,
            ComputeVerifierError::RatioOutOfRange
        );
        require!(self.carbon_agrees(), ComputeVerifierError::CarbonMismatch);
        require!(is_text_or_empty(&self.region), ComputeVerifierError::MalformedText);
        require!(is_text(&self.device), ComputeVerifierError::MalformedText);
        Ok(())
    }

    /// Whether co2e_mg is energy × intensity, rounded in whichever direction: less than 1 mg away.
    fn carbon_agrees(&self) -> bool {
        let exact = u128::from(self.energy_joules).saturating_mul(u128::from(self.carbon_mg_per_kwh));
        let stated = u128::from(self.co2e_mg).saturating_mul(u128::from(JOULES_PER_KWH));
        exact.abs_diff(stated) < u128::from(JOULES_PER_KWH)
    }
}

/// (after − before) / rows in parts per million, rounded towards zero. `None` without rows.
pub fn gain_ppm(before: u32, after: u32, rows: u32) -> Option<i32> {
    let difference = i64::from(after).checked_sub(i64::from(before))?;
    let gain = difference.checked_mul(i64::from(PPM))?.checked_div(i64::from(rows))?;
    i32::try_from(gain).ok()
}

impl TrainingJobRecord {
    pub const SPACE: usize = 8 + Self::INIT_SPACE;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constants::{MARKET_LOCAL, MARKET_PEER};

    fn args() -> RecordArgs {
        let mut bytes = [0; 38];
        bytes[..4].copy_from_slice(&[1, 0x70, 0x12, 0x20]);
        let mut device = [0; 32];
        device[..3].copy_from_slice(b"cpu");
        RecordArgs {
            model: ContentId { scheme: 1, len: 36, bytes },
            manifest_sha256: [9; 32],
            w_after: [8; 32],
            correct_before: 700,
            correct_after: 1_100,
            energy_joules: 5_000,
            energy_grade: ENERGY_ESTIMATED,
            energy_band_ppm: 300_000,
            carbon_mg_per_kwh: 381_000,
            co2e_mg: 529, // 529.17
            hardware_efficiency_ppm: 920_000,
            region: *b"DE\0\0\0\0\0\0",
            duration_s: 60,
            device,
            report: ContentId::NONE,
        }
    }

    #[test]
    fn each_declared_value_is_checked() {
        assert!(args().validate(MARKET_LOCAL, 1_280).is_ok());
        let long = ContentId { len: 200, ..args().model };
        for broken in [
            RecordArgs { model: ContentId::NONE, ..args() },
            RecordArgs { report: long, ..args() },
            RecordArgs { manifest_sha256: [0; 32], ..args() },
            RecordArgs { w_after: [0; 32], ..args() },
            RecordArgs { w_after: field::ORDER, ..args() },
            RecordArgs { correct_before: 1_281, ..args() },
            RecordArgs { correct_after: 1_281, ..args() },
            RecordArgs { energy_grade: 0, ..args() },
            RecordArgs { energy_grade: 4, ..args() },
            RecordArgs { energy_band_ppm: PPM + 1, ..args() },
            RecordArgs { hardware_efficiency_ppm: PPM + 1, ..args() },
            RecordArgs { region: [0xff; 8], ..args() },
            RecordArgs { device: [0; 32], ..args() },
        ] {
            assert!(broken.validate(MARKET_LOCAL, 1_280).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn carbon_is_energy_times_intensity_rounded_either_way() {
        for (co2e_mg, fine) in
            [(528, false), (529, true), (530, true), (531, false), (0, false), (u64::MAX, false)]
        {
            let args = RecordArgs { co2e_mg, ..args() };
            assert_eq!(args.validate(MARKET_LOCAL, 1_280).is_ok(), fine, "{co2e_mg}");
        }
        let exact = RecordArgs { energy_joules: 3_600_000, carbon_mg_per_kwh: 400, co2e_mg: 400, ..args() };
        assert!(exact.carbon_agrees() && !RecordArgs { co2e_mg: 401, ..exact }.carbon_agrees());
        assert!(
            !RecordArgs { energy_joules: u64::MAX, carbon_mg_per_kwh: u32::MAX, ..args() }.carbon_agrees()
        );
    }

    #[test]
    fn rented_energy_is_declared() {
        let declared = RecordArgs { energy_grade: ENERGY_DECLARED, ..args() };
        for market in [MARKET_AKASH, MARKET_GOLEM] {
            assert!(args().validate(market, 1_280).is_err() && declared.validate(market, 1_280).is_ok());
        }
        assert!(args().validate(MARKET_PEER, 1_280).is_ok());
    }

    #[test]
    fn gains_are_signed_and_rounded_towards_zero() {
        assert_eq!(gain_ppm(0, 1_280, 1_280), Some(1_000_000));
        assert_eq!(gain_ppm(1_280, 0, 1_280), Some(-1_000_000));
        assert_eq!(gain_ppm(1, 2, 3), Some(333_333));
        assert_eq!(gain_ppm(2, 1, 3), Some(-333_333));
        assert_eq!(gain_ppm(0, 0, 0), None);
        assert_eq!(gain_ppm(0, u32::MAX, 1), None);
    }
}
