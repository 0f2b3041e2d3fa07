//! Random numbers from a seed (SplitMix64): small, fast, and the same on every machine, so that a seed is a test case.

use std::ops::RangeInclusive;

/// A source of random numbers.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// The numbers that belong to `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `range`. That low numbers are likelier by one in many billions does not matter to a test.
    pub fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (start, end) = range.into_inner();
        start + self.next() % (end - start).saturating_add(1)
    }

    /// An index into something that has `len` elements.
    ///
    /// # Panics
    /// If there are none.
    pub fn index(&mut self, len: usize) -> usize {
        let last = len.checked_sub(1).expect("there is something to choose from");
        usize::try_from(self.within(0..=last as u64)).expect("it is at most `last`")
    }

    /// True once in `count` times.
    pub fn one_in(&mut self, count: u64) -> bool {
        self.next().is_multiple_of(count)
    }

    /// One of the elements.
    ///
    /// # Panics
    /// If there are none.
    pub fn pick<'a, T>(&mut self, elements: &'a [T]) -> &'a T {
        elements.get(self.index(elements.len())).expect("the index is within the elements")
    }

    /// Bytes that no codec makes much smaller.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> =
            (0..len.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).collect();
        bytes.truncate(len);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rng_of_a_seed_is_splitmix64() {
        // The first outputs of the reference implementation for this seed.
        let mut rng = Rng::new(1_234_567);
        assert_eq!(rng.next(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn within_reaches_both_ends_and_no_further() {
        let mut rng = Rng::new(7);
        let drawn: Vec<_> = (0..200).map(|_| rng.within(3..=6)).collect();
        for wanted in 3..=6 {
            assert!(drawn.contains(&wanted), "{wanted}");
        }
        assert!(drawn.iter().all(|number| (3..=6).contains(number)));
        rng.within(0..=u64::MAX);
    }

    #[test]
    fn bytes_have_the_length_asked_for() {
        assert_eq!([0, 1, 8, 13].map(|len| Rng::new(1).bytes(len).len()), [0, 1, 8, 13]);
    }
}
