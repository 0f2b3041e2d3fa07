//! The last offset of every key in a stretch of a log, within a memory budget.
//!
//! Keys are held by a 128-bit hash under a seed that is new for every cleaning: 64 bits would let two keys of a large
//! topic meet and the older one's record be lost, and without a seed a client could make them meet.

use hashbrown::HashTable;
use protocol::Offset;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// What a slot of the table costs: the entry, and one byte of the table's own.
const SLOT_BYTES: u64 = 25;

/// The last offset of every key.
#[derive(Debug)]
pub struct OffsetMap {
    table: HashTable<Entry>,
    entries_max: usize,
    seed: u64,
    latest: Offset,
}

/// 24 bytes; with the hash as one `u128` it would be 32.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: [u64; 2],
    offset: Offset,
}

impl OffsetMap {
    /// A map that holds as many keys as fit in `budget_bytes` at `load_factor` of its slots.
    pub fn new(budget_bytes: u64, load_factor: f64) -> Self {
        let slots = previous_power_of_two(budget_bytes / SLOT_BYTES);
        // The table itself fills no more than seven eighths of its slots.
        let share = load_factor.clamp(0.0, 7.0 / 8.0);
        Self {
            table: HashTable::new(),
            entries_max: scale(slots, share).max(1),
            seed: 0,
            latest: Offset::NONE,
        }
    }

    /// Empties the map, and makes room for the keys of `span` offsets or as many as it may hold.
    pub(super) fn start(&mut self, seed: u64, span: i64) {
        let wanted = usize::try_from(span).unwrap_or(0).min(self.entries_max);
        self.table = HashTable::with_capacity(wanted);
        self.seed = seed;
        self.latest = Offset::NONE;
    }

    /// Frees the memory.
    pub(super) fn finish(&mut self) {
        self.table = HashTable::new();
    }

    /// Notes that `key` was written at `offset`. Says no when the map is full and does not have the key.
    #[must_use]
    pub(super) fn put(&mut self, key: &[u8], offset: Offset) -> bool {
        let hash = self.hash(key);
        if let Some(entry) = self.table.find_mut(slot_hash(hash), |entry| entry.hash == hash) {
            entry.offset = offset;
        } else if self.table.len() >= self.entries_max {
            return false;
        } else {
            let entry = Entry { hash, offset };
            self.table.insert_unique(slot_hash(hash), entry, |entry| slot_hash(entry.hash));
        }
        self.latest = offset;
        true
    }

    /// The last offset at which `key` was written.
    pub(super) fn last_offset_of(&self, key: &[u8]) -> Option<Offset> {
        let hash = self.hash(key);
        let entry = self.table.find(slot_hash(hash), |entry| entry.hash == hash);
        entry.map(|entry| entry.offset)
    }

    /// Notes that everything up to `offset` is in the map.
    pub(super) fn advance_to(&mut self, offset: Offset) {
        self.latest = self.latest.max(offset);
    }

    /// The last offset that is in the map.
    pub(super) fn latest(&self) -> Offset {
        self.latest
    }

    fn hash(&self, key: &[u8]) -> [u64; 2] {
        let bytes = xxh3_128_with_seed(key, self.seed).to_ne_bytes();
        let mut halves =
            bytes.chunks_exact(8).map(|half| half.try_into().map_or(0, u64::from_ne_bytes));
        [halves.next().unwrap_or_default(), halves.next().unwrap_or_default()]
    }
}

fn slot_hash(hash: [u64; 2]) -> u64 {
    let [first, _] = hash;
    first
}

fn previous_power_of_two(value: u64) -> u64 {
    value.checked_ilog2().map_or(0, |log| 1 << log)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a count below 2^53, which is not negative"
)]
fn scale(count: u64, share: f64) -> usize {
    (count as f64 * share) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn map_keeps_the_last_offset_of_each_key() {
        let mut map = OffsetMap::new(1 << 20, 0.9);
        map.start(7, 100);
        assert!(map.put(b"a", Offset(1)));
        assert!(map.put(b"b", Offset(2)));
        assert!(map.put(b"a", Offset(5)));
        assert_eq!(map.last_offset_of(b"a"), Some(Offset(5)));
        assert_eq!(map.last_offset_of(b"b"), Some(Offset(2)));
        assert_eq!(map.last_offset_of(b"c"), None);
        assert_eq!(map.latest(), Offset(5));
        map.advance_to(Offset(9));
        assert_eq!(map.latest(), Offset(9));
    }

    #[test]
    fn full_map_takes_known_keys_only() {
        let mut map = OffsetMap::new(SLOT_BYTES * 4, 0.5);
        map.start(1, 1000);
        assert!(map.put(b"a", Offset(1)) && map.put(b"b", Offset(2)));
        assert!(!map.put(b"c", Offset(3)));
        assert!(map.put(b"a", Offset(4)));
        assert_eq!(map.latest(), Offset(4));
    }

    #[test]
    fn map_stays_within_its_budget() {
        let budget_bytes = 1 << 20;
        let mut map = OffsetMap::new(budget_bytes, 0.9);
        map.start(3, i64::MAX);
        let put = (0..).take_while(|key: &i64| map.put(&key.to_be_bytes(), Offset(*key))).count();
        assert!(put > 28_000, "{put} keys fit in {budget_bytes} bytes");
        assert!(map.table.allocation_size() as u64 <= budget_bytes + 64);
    }
}
