//! Each answer is 16 bytes, little-endian.

pub fn integers(a: u64, b: u64, c: u128, d: u128, s: i64, t: i64) -> Vec<u8> {
    answers([
        u128::from(a) * u128::from(b),
        c / d,
        c % d,
        c.wrapping_mul(d),
        u128::from(c.checked_mul(d).is_none()),
        u128::from(a.checked_mul(b).is_none()),
        (s / t) as i128 as u128,
        (i128::from(s) % i128::from(t)) as u128,
        u128::from(s.checked_mul(t).is_none()),
        s.wrapping_mul(t) as i128 as u128,
        u128::from(c.checked_add(d).is_none()),
        u128::from(c.checked_sub(d).is_none()),
        c >> (a % 128),
        c << (b % 128),
        u128::from(c < d),
    ])
}

pub fn narrow_and_wide(x: i128, y: i128, p: i32, q: i32) -> Vec<u8> {
    answers([
        (x / y) as u128,
        (x % y) as u128,
        x.wrapping_mul(y) as u128,
        u128::from(p.checked_mul(q).is_none()),
        p.wrapping_mul(q) as i128 as u128,
        u128::from((p as i8).checked_mul(q as i8).is_none()),
        u128::from((p as u16).checked_mul(q as u16).is_none()),
        u128::from((p as u32).checked_mul(q as u32).is_none()),
        u128::from(x < y),
        (x >> (q as u32 % 128)) as u128,
    ])
}

pub fn floats(x: f64, y: f64, n: i64) -> Vec<u8> {
    answers([
        u128::from((x + y).to_bits()),
        u128::from((x - y).to_bits()),
        u128::from((x * y).to_bits()),
        u128::from((x / y).to_bits()),
        u128::from((n as f64).to_bits()),
        u128::from((n as u64 as f64).to_bits()),
        x as i64 as i128 as u128, // saturates
        u128::from(x as u64),
        u128::from(f64::from(x as f32).to_bits()),
        u128::from(x < y) | u128::from(x <= y) << 1 | u128::from(x == y) << 2 | u128::from(x != y) << 3,
    ])
}

fn answers<const N: usize>(values: [u128; N]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
