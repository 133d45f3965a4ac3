//! Fields between spaces, and the numbers in them.

/// So many digits make a number below 2^53.
const EXACT_DIGITS: usize = 15;
const POWERS: [f64; EXACT_DIGITS + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

/// The first field of a line, and what follows it; empty, where the line ends before.
#[inline]
pub fn field(mut text: &[u8]) -> (&[u8], &[u8]) {
    while let Some((&byte, rest)) = text.split_first() {
        if byte > b' ' || byte == b'\n' || !is_space(byte) {
            break;
        }
        text = rest;
    }
    text.split_at(field_length(text))
}

/// Bytes before the first space, found in words of eight bytes.
#[inline]
fn field_length(text: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let mut start = 0;
    while let Some(&word) = text.get(start..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(word);
        // The lowest of these bits is that of the first byte not above a blank.
        let low = word.wrapping_sub(ONES * 0x21) & !word & (ONES * 0x80);
        if low == 0 {
            start += 8;
            continue;
        }
        start += low.trailing_zeros() as usize / 8;
        if text.get(start).is_some_and(|&byte| is_space(byte)) {
            return start;
        }
        start += 1;
    }
    let rest = text.get(start..).unwrap_or_default();
    start
        + rest
            .iter()
            .position(|&byte| is_space(byte))
            .unwrap_or(rest.len())
}

/// As C has it.
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Whether the bytes are UTF-8.
pub fn is_text(field: &[u8]) -> bool {
    field.is_ascii() || str::from_utf8(field).is_ok()
}

/// A number as Rust and C write it, but for the infinite ones and NaN.
pub fn finite(field: &[u8]) -> Option<f64> {
    if let Some(number) = short_decimal(field) {
        return Some(number);
    }
    let number: f64 = str::from_utf8(field).ok()?.parse().ok()?;
    number.is_finite().then_some(number)
}

/// What most files hold: up to 15 digits, which may follow a sign and have a point among them.
///
/// The digits as a whole and the power of ten are both exact, so that one division rounds as the definition asks.
fn short_decimal(field: &[u8]) -> Option<f64> {
    let digits = field.strip_prefix(b"-").unwrap_or(field);
    let (mut whole, mut places, mut point) = (0_u64, 0, false);
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            whole = whole.wrapping_mul(10).wrapping_add(u64::from(digit));
            places += usize::from(point);
        } else if byte == b'.' && !point {
            point = true;
        } else {
            return None;
        }
    }
    let count = digits.len() - usize::from(point);
    if count == 0 || count > EXACT_DIGITS {
        return None;
    }
    #[allow(clippy::cast_precision_loss)] // below 2^53
    let size = whole as f64 / POWERS.get(places)?;
    Some(if digits.len() < field.len() {
        -size
    } else {
        size
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::{field_length, finite, is_space};
    use crate::random;

    #[test]
    fn fields_end_at_the_first_space_whatever_bytes_come_before() {
        const BYTES: &[u8] = b"\x00\x01\x08\t\n\x0b\x0c\r\x0e\x1f !\"az\x7f\x80\xa0\xc2\xe3\xff";
        for length in 0..40_u64 {
            for draw in 0..200 {
                let byte = |place| {
                    let key = random::key(length, &[draw, place]);
                    // Spaces are rare, so that fields are longer than a word.
                    let from = if key.is_multiple_of(8) {
                        key >> 8
                    } else {
                        (key >> 8) % 3
                    };
                    BYTES[usize::try_from(from % BYTES.len() as u64).unwrap()]
                };
                let text: Vec<u8> = (0..length).map(byte).collect();
                let end = text
                    .iter()
                    .position(|&byte| is_space(byte))
                    .unwrap_or(text.len());
                assert_eq!(field_length(&text), end, "{text:?}");
            }
        }
    }

    #[test]
    fn numbers_are_those_of_the_standard_library() {
        let draw = |seed, column| random::key(seed, &[column]);
        for seed in 0..20_000 {
            let (whole, part) = (
                draw(seed, 0) >> (draw(seed, 1) % 64),
                draw(seed, 2) >> (draw(seed, 3) % 64),
            );
            for text in [
                format!("{whole}.{part}"),
                format!("-{whole}"),
                format!("-.{part}"),
                format!("{whole}."),
            ] {
                let bits = |number: Option<f64>| number.map(f64::to_bits);
                assert_eq!(
                    bits(finite(text.as_bytes())),
                    bits(text.parse().ok()),
                    "{text}"
                );
            }
        }
        for text in [
            "-0",
            "0.000000000000001",
            "999999999999999",
            "1e5",
            "+2",
            "1E-3",
            "inf",
            "",
            "-",
            ".",
            "-.",
            "1..2",
            "--1",
        ] {
            let number = text.parse().ok().filter(|number: &f64| number.is_finite());
            assert_eq!(
                finite(text.as_bytes()).map(f64::to_bits),
                number.map(f64::to_bits),
                "{text}"
            );
        }
    }
}
