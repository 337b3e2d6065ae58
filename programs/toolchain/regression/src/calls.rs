use std::collections::{BTreeMap, HashMap};

pub fn many_arguments(data: &[u8]) -> Vec<u8> {
    let pair = [u64::from(data[1]), u64::from(data[2])];
    let (sum, wide, three) =
        eight(1, 2, 1u128 << 70, data, pair, data[3], -i32::from(data[4]), u64::from(data[5]));
    let mut answer = sum.to_le_bytes().to_vec();
    answer.extend_from_slice(&wide.to_le_bytes());
    for word in three {
        answer.extend_from_slice(&word.to_le_bytes());
    }
    answer
}

#[inline(never)]
#[allow(clippy::too_many_arguments)]
fn eight(a: u64, b: u64, c: u128, d: &[u8], e: [u64; 2], f: u8, g: i32, h: u64) -> (u64, u128, [u64; 3]) {
    let sum: u64 = d.iter().map(|byte| u64::from(*byte)).sum();
    (a + b + sum, c + u128::from(h), [e[0] ^ e[1], u64::from(f), (i64::from(g) + 1000) as u64])
}

trait Shape {
    fn area(&self, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64) -> Option<(u64, u64)>;
    fn name(&self) -> &'static str;
}

struct Square(u64);
struct Triangle(u64, u64);

impl Shape for Square {
    fn area(&self, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64) -> Option<(u64, u64)> {
        Some((self.0 * self.0 + a + b + c, d + e + f))
    }

    fn name(&self) -> &'static str {
        "square"
    }
}

impl Shape for Triangle {
    fn area(&self, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64) -> Option<(u64, u64)> {
        (self.0 != 0).then(|| (self.0 * self.1 / 2 + a * b * c, d * e * f))
    }

    fn name(&self) -> &'static str {
        "triangle"
    }
}

/// The total over squares, over triangles, and the number of distinct bytes, 8 bytes each.
pub fn virtual_calls(data: &[u8]) -> Vec<u8> {
    let shapes: Vec<Box<dyn Shape>> = data.iter().map(|byte| shape(*byte)).collect();
    let mut totals = BTreeMap::new();
    for shape in &shapes {
        let area = shape.area(1, 2, 3, 4, 5, 6).map_or(0, |(own, rest)| own + rest);
        *totals.entry(shape.name()).or_insert(0u64) += area;
    }
    let distinct: HashMap<u8, usize> = data.iter().enumerate().map(|(index, byte)| (*byte, index)).collect();
    let total = |name| totals.get(name).copied().unwrap_or(0);
    [total("square"), total("triangle"), distinct.len() as u64].iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn shape(byte: u8) -> Box<dyn Shape> {
    if byte & 1 == 0 {
        Box::new(Square(u64::from(byte)))
    } else {
        Box::new(Triangle(u64::from(byte), 4))
    }
}

/// `data` after an overlapping move by one byte of `length` bytes and a fill behind them, then how its halves compare.
pub fn memory(data: &[u8], length: usize) -> Vec<u8> {
    let mut copy = data.to_vec();
    copy.copy_within(..length, 1);
    copy[length + 1..].fill(0x5a);
    let (left, right) = (&data[..length], &data[data.len() - length..]);
    copy.push(left.cmp(right) as i8 as u8);
    copy.push(u8::from(left == right));
    copy
}
