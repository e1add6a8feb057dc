//! A cache of recently used values, keyed by the digest of a text and bounded by the size of the texts.

use std::{
    collections::HashMap,
    fmt, mem,
    sync::{Mutex, PoisonError},
};

use sha2::{Digest as _, Sha256};

/// Maximum size in bytes of the texts of one generation. Parsed, they take about twenty times as much memory.
const GENERATION_BYTES: usize = 256 * 1024;

/// Maximum number of entries of one generation.
const MAX_ENTRIES: usize = 2_000;

/// The cache key of a text: its SHA-256, so that no client can produce another text with the same key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// The digest of a part of the text with this digest.
    pub(crate) fn with(&self, more: &[u8]) -> Self {
        Self(Sha256::new().chain_update(self.0).chain_update(more).finalize().into())
    }

    /// Parses a digest of 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(hexadecimal: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let digits = hexadecimal.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            *byte = digit(pair[0])? * 16 + digit(pair[1])?;
        }
        Some(Self(bytes))
    }
}

/// The most recently used values, in two generations. A used value moves to the young generation. When that is full,
/// the old generation is dropped and the young one becomes the old one.
pub struct DocumentCache<V>(Mutex<Generations<V>>);

impl<V> Default for DocumentCache<V> {
    fn default() -> Self {
        Self::new(GENERATION_BYTES)
    }
}

impl<V> DocumentCache<V> {
    /// Creates a cache with this many bytes in each generation.
    pub(crate) fn new(most: usize) -> Self {
        Self(Mutex::new(Generations { young: HashMap::new(), old: HashMap::new(), bytes: 0, most }))
    }
}

impl<V> fmt::Debug for DocumentCache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DocumentCache")
    }
}

struct Generations<V> {
    young: HashMap<Digest, Entry<V>>,
    old: HashMap<Digest, Entry<V>>,
    /// Size in bytes of the texts in the young generation.
    bytes: usize,
    /// Maximum size in bytes of a generation.
    most: usize,
}

#[derive(Clone)]
struct Entry<V> {
    value: V,
    bytes: usize,
}

impl<V: Clone> DocumentCache<V> {
    /// The value for this digest, if it is still cached.
    pub fn get(&self, digest: &Digest) -> Option<V> {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = generations.young.get(digest) {
            return Some(entry.value.clone());
        }
        let entry = generations.old.get(digest)?.clone();
        let value = entry.value.clone();
        generations.insert(digest.clone(), entry);
        Some(value)
    }

    /// Caches the value for a text of `bytes` bytes.
    pub fn insert(&self, digest: Digest, bytes: usize, value: V) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, Entry { value, bytes });
    }
}

impl<V> Generations<V> {
    fn insert(&mut self, digest: Digest, entry: Entry<V>) {
        if self.bytes + entry.bytes > self.most || self.young.len() >= MAX_ENTRIES {
            self.old = mem::take(&mut self.young);
            self.bytes = 0;
        }
        let bytes = entry.bytes;
        if self.young.insert(digest, entry).is_none() {
            self.bytes += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(cache: &DocumentCache<()>, name: &str, bytes: usize) {
        cache.insert(Digest::new(name), bytes, ());
    }

    #[test]
    fn used_entries_stay_and_others_are_evicted() {
        let cache = DocumentCache::default();
        insert(&cache, "often", 1);
        insert(&cache, "once", 1);
        for at in 0..10 {
            insert(&cache, &at.to_string(), GENERATION_BYTES - 1);
            assert!(cache.get(&Digest::new("often")).is_some());
        }
        assert!(cache.get(&Digest::new("once")).is_none());
    }

    #[test]
    fn no_more_than_two_generations_are_held() {
        let cache = DocumentCache::default();
        for at in 0..1_000 {
            insert(&cache, &at.to_string(), 1_000);
        }
        let generations = cache.0.into_inner().expect("whole");
        let held: usize = generations.young.values().chain(generations.old.values()).map(|entry| entry.bytes).sum();
        assert!(held <= 2 * GENERATION_BYTES);
    }

    #[test]
    fn many_small_entries_are_too_many() {
        let cache = DocumentCache::default();
        for at in 0..3 * MAX_ENTRIES {
            insert(&cache, &at.to_string(), 1);
        }
        let generations = cache.0.into_inner().expect("whole");
        assert!(generations.young.len() + generations.old.len() <= 2 * MAX_ENTRIES);
    }

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let written = "2d9c0dc7ee5d4fa3f9e0b8f2a3a5c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5";
        assert!(
            Digest::from_hex(written)
                .is_some_and(|digest| digest == Digest::from_hex(&written.to_uppercase()).expect("same"))
        );
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(Digest::from_hex(empty).is_some_and(|digest| digest == Digest::new("")));
        for wrong in ["", &empty[1..], &format!("{empty}0"), &empty.replace('e', "g"), &"é".repeat(32)] {
            assert!(Digest::from_hex(wrong).is_none(), "{wrong}");
        }
    }
}
