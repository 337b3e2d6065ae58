//! Ratios are integers in parts per million: floats round differently from one compiler to the next.

/// One, in parts per million.
pub const PPM: u32 = 1_000_000;

/// `amount · ppm / 1,000,000`, rounded down. `None` when the result exceeds u64 (only for `ppm` above one).
pub fn ppm_of(amount: u64, ppm: u32) -> Option<u64> {
    let product = u128::from(amount).checked_mul(u128::from(ppm))?;
    u64::try_from(product.checked_div(u128::from(PPM))?).ok()
}

/// `part / whole` in parts per million, rounded down. `None` when `whole` is 0 or the ratio exceeds u32.
pub fn ratio_ppm(part: u64, whole: u64) -> Option<u32> {
    let scaled = u128::from(part).checked_mul(u128::from(PPM))?;
    u32::try_from(scaled.checked_div(u128::from(whole))?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_need_more_than_64_bits() {
        assert_eq!(ppm_of(u64::MAX, PPM), Some(u64::MAX));
        assert_eq!(ppm_of(u64::MAX, 500_000), Some(u64::MAX / 2));
        assert_eq!(ppm_of(u64::MAX, PPM + 1), None);
        assert_eq!(ppm_of(3, 333_333), Some(0));
    }

    #[test]
    fn ratios_round_down_and_refuse_zero() {
        assert_eq!(ratio_ppm(2, 3), Some(666_666));
        assert_eq!(ratio_ppm(u64::MAX, u64::MAX), Some(PPM));
        assert_eq!(ratio_ppm(1, 0), None);
        assert_eq!(ratio_ppm(u64::MAX, 1), None);
    }
}
