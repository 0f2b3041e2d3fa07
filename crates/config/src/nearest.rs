//! Finds the key that a mistyped one was probably meant to be.

/// The one of `keys` that takes the fewest edits to reach from `key`; `None` if even that is more than a third of it.
pub(crate) fn nearest<'a>(key: &str, keys: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // A key comes from a client and may be long; at least as many edits are needed as the lengths differ by.
    let limit = key.len() / 3;
    let near = keys.filter(|other| other.len().abs_diff(key.len()) <= limit);
    let (distance, found) = near.map(|other| (distance(key, other), other)).min()?;
    (distance <= limit).then_some(found)
}

/// The Levenshtein distance in bytes; keys are ASCII.
fn distance(from: &str, to: &str) -> usize {
    // `row` holds the distances from the part of `from` read so far to every prefix of `to`.
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, left) in from.bytes().enumerate() {
        let mut diagonal = index;
        let mut last = index + 1;
        let (first, rest) = row.split_first_mut().expect("it has one more element than `to`");
        *first = last;
        for (cell, right) in rest.iter_mut().zip(to.bytes()) {
            let replaced = diagonal + usize::from(left != right);
            diagonal = *cell;
            last = replaced.min(diagonal + 1).min(last + 1);
            *cell = last;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_is_the_number_of_edits() {
        for (from, to, edits) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
            ("log.dirs", "log.dirs", 0),
        ] {
            assert_eq!(distance(from, to), edits, "{from} -> {to}");
        }
    }

    #[test]
    fn nearest_key_far_from_all_is_none() {
        let keys = ["retention.ms", "segment.ms", "segment.bytes"];
        assert_eq!(nearest("retenton.ms", keys.into_iter()), Some("retention.ms"));
        assert_eq!(nearest("segment.mb", keys.into_iter()), Some("segment.ms"));
        assert_eq!(nearest("listeners", keys.into_iter()), None);
        assert_eq!(nearest("retention.ms", std::iter::empty()), None);
    }
}
