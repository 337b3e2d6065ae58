//! System calls that take slices of slices, points and field elements, called directly.

extern "C" {
    fn sol_sha256(values: *const u8, count: u64, out: *mut u8) -> u64;
    fn sol_poseidon(parameters: u64, endianness: u64, values: *const u8, count: u64, out: *mut u8) -> u64;
    fn sol_alt_bn128_group_op(operation: u64, input: *const u8, length: u64, out: *mut u8) -> u64;
}

const ALT_BN128_PAIRING: u64 = 3;

/// The base field's modulus, big-endian.
const BN254_P: [u8; 32] = [
    0x30, 0x64, 0x4e, 0x72, 0xe1, 0x31, 0xa0, 0x29, 0xb8, 0x50, 0x45, 0xb6, 0x81, 0x81, 0x58, 0x5d, 0x97,
    0x81, 0x6a, 0x91, 0x68, 0x71, 0xca, 0x8d, 0x3c, 0x20, 0x8c, 0x16, 0xd8, 0x7c, 0xfd, 0x47,
];

pub fn sha256(data: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    let (first, second) = data.split_at(data.len() / 2);
    let values = [first, second];
    // SAFETY: on SBF a slice is a pointer and a length of 8 bytes each, as the call expects; 32 bytes are written.
    unsafe { sol_sha256(values.as_ptr().cast(), 2, digest.as_mut_ptr()) };
    digest
}

pub fn poseidon(data: &[u8]) -> Option<[u8; 32]> {
    let values: Vec<&[u8]> = data.chunks(32).collect();
    let mut digest = [0; 32];
    // SAFETY: as in `sha256`.
    let status =
        unsafe { sol_poseidon(0, 0, values.as_ptr().cast(), values.len() as u64, digest.as_mut_ptr()) };
    (status == 0).then_some(digest)
}

pub fn pairing(data: &[u8]) -> Option<[u8; 32]> {
    let (p, q) = data.split_at(64);
    let (x, y) = p.split_at(32);
    let input = [x, y, q, x, &negated(y), q].concat();
    let mut answer = [0; 32];
    // SAFETY: the input has the length given, and 32 bytes are written.
    let status = unsafe {
        sol_alt_bn128_group_op(ALT_BN128_PAIRING, input.as_ptr(), input.len() as u64, answer.as_mut_ptr())
    };
    (status == 0).then_some(answer)
}

/// p - y.
fn negated(y: &[u8]) -> [u8; 32] {
    let mut difference = [0; 32];
    let mut borrow = 0i32;
    for i in (0..32).rev() {
        let digit = i32::from(BN254_P[i]) - i32::from(y[i]) - borrow;
        borrow = i32::from(digit < 0);
        difference[i] = (digit & 255) as u8;
    }
    difference
}
