//! Maps with a limit on their entries or on their size, for everything that is remembered about clients: they must not
//! be able to fill the memory.

use std::{borrow::Borrow, hash::Hash};

use lru::LruCache;

/// A map of at most `capacity` entries. To insert another one, it evicts the entry that was inserted longest ago, and
/// all expired entries that are older than any other.
#[derive(Debug)]
pub(crate) struct BoundedMap<K: Eq + Hash, V> {
    entries: LruCache<K, V>,
    capacity: usize,
}

impl<K: Eq + Hash + Clone, V> BoundedMap<K, V> {
    /// Creates an empty map, which takes no memory yet.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: LruCache::unbounded(), capacity }
    }

    /// Returns the value of a key, expired or not.
    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.peek(key)
    }

    /// Returns whether there is an entry for the key, expired or not.
    pub(crate) fn contains(&self, key: &K) -> bool {
        self.entries.contains(key)
    }

    /// Returns whether inserting another key evicts an entry.
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= self.capacity
    }

    /// Inserts or replaces an entry, which is the newest one then. A new key may evict others; see [`BoundedMap`].
    pub(crate) fn insert(&mut self, key: K, value: V, is_expired: impl Fn(&V) -> bool) {
        if self.is_full() && !self.contains(&key) {
            while self.entries.peek_lru().is_some_and(|(_, oldest)| is_expired(oldest)) {
                self.entries.pop_lru();
            }
            if self.is_full() {
                self.entries.pop_lru();
            }
        }
        self.entries.put(key, value);
    }

    /// Removes the entries for which `keep` returns false. Costs a visit of all entries.
    pub(crate) fn retain(&mut self, keep: impl Fn(&K, &V) -> bool) {
        let removed: Vec<K> =
            self.entries.iter().filter(|(key, value)| !keep(key, value)).map(|(key, _)| key.clone()).collect();
        for key in removed {
            self.entries.pop(&key);
        }
    }

    /// Returns the number of entries.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// A map of entries with sizes, which are at most `capacity` together. To insert another one, it evicts the entries
/// that were read or inserted longest ago.
#[derive(Debug)]
pub(crate) struct SizedMap<K: Eq + Hash, V> {
    entries: LruCache<K, (V, usize)>,
    size: usize,
    capacity: usize,
}

impl<K: Eq + Hash, V> SizedMap<K, V> {
    /// Creates an empty map, which takes no memory yet.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: LruCache::unbounded(), size: 0, capacity }
    }

    /// Returns the value of a key.
    pub(crate) fn get(&mut self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(value, _)| value)
    }

    /// Inserts or replaces an entry of this size. One that is larger than the map is evicted at once.
    pub(crate) fn insert(&mut self, key: K, value: V, size: usize) {
        self.size += size;
        if let Some((_, replaced)) = self.entries.put(key, (value, size)) {
            self.size -= replaced;
        }
        while self.size > self.capacity {
            let Some((_, (_, evicted))) = self.entries.pop_lru() else { break };
            self.size -= evicted;
        }
    }

    /// Returns the size of all entries.
    pub(crate) fn size(&self) -> usize {
        self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_evicted_by_their_last_use_until_the_rest_fits() {
        let mut map = SizedMap::new(10);
        for key in [1, 2, 3] {
            map.insert(key, key, 3);
        }
        assert_eq!((map.get(&1).copied(), map.size()), (Some(1), 9));
        map.insert(4, 4, 4);
        assert_eq!([1, 2, 3, 4].map(|key| map.get(&key).is_some()), [true, false, true, true]);
        map.insert(4, 40, 1);
        assert_eq!((map.get(&4).copied(), map.size()), (Some(40), 7));
        map.insert(5, 5, 11);
        assert_eq!(([1, 3, 4, 5].map(|key| map.get(&key).is_some()), map.size()), ([false; 4], 0));
    }

    fn keys(map: &BoundedMap<u32, u32>) -> Vec<u32> {
        let mut keys: Vec<_> = map.entries.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn the_oldest_entry_is_evicted_and_expired_ones_before() {
        let mut map = BoundedMap::new(3);
        for key in [1, 2, 3] {
            map.insert(key, key, |_| false);
        }
        assert!(map.is_full());
        map.insert(1, 10, |_| false);
        assert_eq!((keys(&map), map.get(&1)), (vec![1, 2, 3], Some(&10)), "replacing evicts nothing");
        map.insert(4, 4, |_| false);
        assert_eq!(keys(&map), [1, 3, 4], "2 was inserted longest ago");
        map.insert(5, 5, |value| *value > 2);
        assert_eq!(keys(&map), [5], "all were expired");
    }

    #[test]
    fn a_read_does_not_make_an_entry_newer() {
        let mut map = BoundedMap::new(2);
        map.insert(1, 1, |_| false);
        map.insert(2, 2, |_| false);
        assert!(map.get(&1).is_some() && map.contains(&1));
        map.insert(3, 3, |_| false);
        assert_eq!(keys(&map), [2, 3]);
    }

    #[test]
    fn only_the_wanted_entries_are_kept() {
        let mut map = BoundedMap::new(10);
        for key in 0..10 {
            map.insert(key, key, |_| false);
        }
        map.retain(|key, value| key % 2 == 0 && *value < 5);
        assert_eq!((keys(&map), map.len()), (vec![0, 2, 4], 3));
    }
}
