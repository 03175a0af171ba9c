//! Hash tables that are built once and then only asked: terms to numbers, keys to numbers.
//!
//! Open addressing with linear probing, at most half full. A term is compared byte by byte before it is
//! believed, so that two terms of the same hash never stand for each other.

use rustc_hash::FxHasher;
use std::hash::Hasher;

/// A free slot.
const FREE: u32 = u32::MAX;

fn hash_of(term: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(term);
    hasher.finish()
}

fn capacity(entries: usize) -> usize {
    (entries * 2).next_power_of_two().max(8)
}

/// Numbers the terms of a list by their place in it.
#[derive(Debug, Clone)]
pub(crate) struct Lexicon {
    /// Hash bits and the term's number, or [`FREE`].
    slots: Vec<(u32, u32)>,
    mask: usize,
    /// Where each term ends in `text`; it begins where the one before ends.
    ends: Vec<u32>,
    text: String,
}

impl Default for Lexicon {
    fn default() -> Self {
        Self::new(String::new(), Vec::new())
    }
}

impl PartialEq for Lexicon {
    fn eq(&self, other: &Self) -> bool {
        self.ends == other.ends && self.text == other.text
    }
}

impl Lexicon {
    /// The terms that lie end to end in `text` and end at `ends`, which must ascend up to `text`'s length.
    pub(crate) fn new(text: String, ends: Vec<u32>) -> Self {
        let mut lexicon =
            Self { slots: vec![(0, FREE); capacity(ends.len())], mask: capacity(ends.len()) - 1, ends, text };
        for number in 0..lexicon.ends.len() {
            let hash = hash_of(lexicon.bytes(number));
            let mut slot = hash as usize & lexicon.mask;
            while lexicon.slots[slot].1 != FREE {
                slot = (slot + 1) & lexicon.mask;
            }
            lexicon.slots[slot] = ((hash >> 32) as u32, number as u32);
        }
        lexicon
    }

    pub(crate) fn from_terms<'a>(terms: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut text, mut ends) = (String::new(), Vec::new());
        for term in terms {
            text.push_str(term);
            ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
        }
        Self::new(text, ends)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    fn bytes(&self, number: usize) -> &[u8] {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.text.as_bytes()[start..self.ends[number] as usize]
    }

    /// The term of that number.
    pub(crate) fn term(&self, number: usize) -> Option<&str> {
        let end = *self.ends.get(number)? as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.text.get(start..end)
    }

    /// The terms end to end, and where each ends.
    pub(crate) fn parts(&self) -> (&str, &[u32]) {
        (&self.text, &self.ends)
    }

    /// The number of `term`.
    #[inline]
    pub(crate) fn get(&self, term: &str) -> Option<u32> {
        let hash = hash_of(term.as_bytes());
        let mut slot = hash as usize & self.mask;
        loop {
            let (tag, number) = self.slots[slot];
            if number == FREE {
                return None;
            }
            if tag == (hash >> 32) as u32 && self.bytes(number as usize) == term.as_bytes() {
                return Some(number);
            }
            slot = (slot + 1) & self.mask;
        }
    }
}

/// Numbers the keys of a list by their place in it. Keys are distinct and not zero.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    /// Key and number; a key of zero is free.
    slots: Vec<(u64, u32)>,
    shift: u32,
    keys: Vec<u64>,
}

impl Default for Keys {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys
    }
}

impl Keys {
    pub(crate) fn new(keys: Vec<u64>) -> Self {
        let capacity = capacity(keys.len());
        let mut table = Self {
            slots: vec![(0, FREE); capacity],
            shift: 64 - capacity.trailing_zeros(),
            keys: Vec::new(),
        };
        let mask = capacity - 1;
        for (number, &key) in keys.iter().enumerate() {
            let mut slot = table.home(key);
            while table.slots[slot].0 != 0 {
                slot = (slot + 1) & mask;
            }
            table.slots[slot] = (key, number as u32);
        }
        table.keys = keys;
        table
    }

    #[inline]
    fn home(&self, key: u64) -> usize {
        // The golden ratio's multiplier spreads keys that differ in a few bits; the high bits are the mixed ones.
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys in order of their numbers.
    pub(crate) fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// The number of `key`.
    #[inline]
    pub(crate) fn get(&self, key: u64) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut slot = self.home(key);
        loop {
            let (found, number) = self.slots[slot];
            if found == key {
                return (number != FREE).then_some(number);
            }
            if found == 0 {
                return None;
            }
            slot = (slot + 1) & mask;
        }
    }
}

impl Keys {
    /// Calls `visit` with the number of each of `keys` that has one, in their order.
    ///
    /// The table is larger than the nearer caches. The slots of a group are read before any of them is looked
    /// at, so that the processor waits for all of them at once.
    #[inline]
    pub(crate) fn for_each_known(&self, keys: &[u64], mut visit: impl FnMut(u32)) {
        const GROUP: usize = 8;
        let (groups, rest) = keys.as_chunks::<GROUP>();
        for group in groups {
            let mut slots = [(0, FREE); GROUP];
            slots.iter_mut().zip(group).for_each(|(slot, &key)| *slot = self.slots[self.home(key)]);
            for (&key, (found, number)) in group.iter().zip(slots) {
                if found == key {
                    visit(number);
                } else if found != 0
                    && let Some(number) = self.get(key)
                {
                    visit(number);
                }
            }
        }
        rest.iter().filter_map(|&key| self.get(key)).for_each(visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn a_lexicon_numbers_its_terms_and_no_others(terms in prop::collection::btree_set(".{0,6}", 0..60), other in ".{0,6}") {
            let lexicon = Lexicon::from_terms(terms.iter().map(String::as_str));
            for (number, term) in terms.iter().enumerate() {
                prop_assert_eq!(lexicon.get(term), Some(number as u32));
                prop_assert_eq!(lexicon.term(number), Some(term.as_str()));
            }
            prop_assert_eq!(lexicon.get(&other).is_some(), terms.contains(&other));
            prop_assert_eq!(lexicon.term(terms.len()), None);
        }

        #[test]
        fn a_key_table_numbers_its_keys_and_no_others(keys in prop::collection::btree_set(1_u64..500, 0..200)) {
            let table = Keys::new(keys.iter().copied().collect());
            let place: BTreeSet<u64> = keys.clone();
            for key in 0..500 {
                prop_assert_eq!(table.get(key).map(|number| number as usize), place.iter().position(|&k| k == key));
            }
            let asked: Vec<u64> = (1..500).collect();
            let mut known = Vec::new();
            table.for_each_known(&asked, |number| known.push(number));
            prop_assert_eq!(known, asked.iter().filter_map(|&key| table.get(key)).collect::<Vec<_>>());
        }
    }
}
