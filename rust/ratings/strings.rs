//! Strings to numbers, by hashing.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Slots of the cache of addresses: a power of two, so few that they stay in the innermost caches.
const SLOTS: usize = 1 << 10;

/// A quick hash for keys that nobody chooses to collide on purpose: names of models.
#[derive(Debug, Default)]
pub struct Quick(u64);

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for &word in words {
            self.write_u64(u64::from_le_bytes(word));
        }
        let rest = rest
            .iter()
            .fold(0, |word, &byte| (word << 8) | u64::from(byte));
        self.write_u64(rest);
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

/// Numbers of strings in order of first appearance, and the row where each came first.
#[derive(Debug, Default)]
pub struct Codes<K> {
    known: HashMap<K, i64, BuildHasherDefault<Quick>>,
    /// Number of each row's string.
    pub codes: Vec<i64>,
    /// First row of each string.
    pub rows: Vec<i64>,
}

impl<K: std::hash::Hash + Eq> Codes<K> {
    /// The number of the string of the next row.
    pub fn push(&mut self, key: K) -> i64 {
        let next = self.rows.len();
        #[allow(clippy::cast_possible_wrap)] // lengths fit
        let code = *self.known.entry(key).or_insert(next as i64);
        #[allow(clippy::cast_possible_wrap)]
        if code == next as i64 {
            self.rows.push(self.codes.len() as i64);
        }
        self.codes.push(code);
        code
    }

    /// Repeats a number for the next row.
    pub fn repeat(&mut self, code: i64) {
        self.codes.push(code);
    }
}

/// Numbers of rows of equal width, such as those of `NumPy`'s fixed-width strings. O(bytes).
///
/// ```
/// let codes = prefcore::ratings::fixed_width_codes(&[7, 0, 5, 1, 7, 0], 2);
/// assert_eq!((codes.codes, codes.rows), (vec![0, 1, 0], vec![0, 1]));
/// ```
#[must_use]
pub fn fixed_width_codes(characters: &[u32], width: usize) -> Codes<&[u32]> {
    let mut codes = Codes::default();
    for row in characters.chunks_exact(width.max(1)) {
        codes.push(row);
    }
    codes
}

/// Numbers of strings by their addresses: columns of names repeat a few objects, whose bytes need not be read again.
#[derive(Debug)]
pub struct Addresses {
    slots: Vec<(usize, i64)>,
}

impl Default for Addresses {
    fn default() -> Self {
        Self {
            slots: vec![(0, 0); SLOTS],
        }
    }
}

impl Addresses {
    /// The number remembered for an address.
    #[must_use]
    pub fn get(&self, address: usize) -> Option<i64> {
        let slot = self.slots.get(slot(address));
        slot.and_then(|&(own, number)| (own == address).then_some(number))
    }

    /// Remembers the number of an address in place of whatever was there.
    pub fn set(&mut self, address: usize, number: i64) {
        if let Some(slot) = self.slots.get_mut(slot(address)) {
            *slot = (address, number);
        }
    }
}

fn slot(address: usize) -> usize {
    ((address >> 4) ^ (address >> 14)) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::{Addresses, fixed_width_codes};
    use crate::random;

    #[test]
    fn codes_are_places_of_first_appearance() {
        for width in [1, 3, 5] {
            let draw = |place| u32::try_from(random::key(5, &[place]) % 3).unwrap_or(0);
            let characters: Vec<u32> = (0..600).map(draw).collect();
            let rows: Vec<&[u32]> = characters.chunks_exact(width).collect();
            let mut seen: Vec<&[u32]> = Vec::new();
            let mut want = Vec::new();
            for row in &rows {
                let place = seen.iter().position(|other| other == row);
                want.push(i64::try_from(place.unwrap_or(seen.len())).unwrap_or(0));
                if place.is_none() {
                    seen.push(row);
                }
            }
            let got = fixed_width_codes(&characters, width);
            assert_eq!(got.codes, want);
            let first = |&row: &i64| rows.get(usize::try_from(row).unwrap_or(0)).copied();
            assert_eq!(got.rows.iter().filter_map(first).collect::<Vec<_>>(), seen);
        }
    }

    #[test]
    fn addresses_that_share_a_slot_do_not_share_a_number() {
        let mut cache = Addresses::default();
        for address in (16..400_000).step_by(16) {
            assert_eq!(cache.get(address), None);
            cache.set(address, 7);
            assert_eq!(cache.get(address), Some(7));
        }
        assert_eq!(cache.get(16), None);
    }
}
