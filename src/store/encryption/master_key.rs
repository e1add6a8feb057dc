//! Master keys: parsing, ids, encryption.

use std::{fmt, str::FromStr, sync::Arc};

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hkdf::{HKDF_SHA256, Salt},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Length of a key, in bytes.
const KEY_LEN: usize = 32;
/// Length of its id, in bytes.
pub(super) const ID_LEN: usize = 8;
/// Keyword before the first key that disables encryption of new values.
const PLAIN: &str = "plain";

/// Id of a master key, derived from the key without revealing it. Printed as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MasterKeyId(pub(super) [u8; ID_LEN]);

impl fmt::Display for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a master key id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a master key id: expected 16 hexadecimal digits")]
pub struct InvalidMasterKeyId;

impl FromStr for MasterKeyId {
    type Err = InvalidMasterKeyId;

    fn from_str(text: &str) -> Result<Self, InvalidMasterKeyId> {
        let number = u64::from_str_radix(text, 16).map_err(|_| InvalidMasterKeyId)?;
        let id = Self(number.to_be_bytes());
        if id.to_string() == text { Ok(id) } else { Err(InvalidMasterKeyId) }
    }
}

/// Reason why a text does not contain master keys; does not repeat the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    /// It contains no key.
    #[error("contains no master key; create one with `chatgraph master-key new`")]
    None,
    /// The key at this position is invalid.
    #[error("key {0} is invalid: expected 32 bytes, base64-encoded (create one with `chatgraph master-key new`)")]
    Malformed(usize),
    /// `plain` is not at the start.
    #[error("`plain` is only allowed on the first line, before the keys")]
    Plain,
}

/// Master keys: the first one encrypts, all of them decrypt. Parsed with [`str::parse`]: base64 keys separated by white
/// space or commas, and comment lines that start with `#`. With the keyword `plain` at the start, no key encrypts.
/// Cheap to clone.
#[derive(Clone, Default)]
pub struct MasterKeys {
    keys: Arc<[MasterKey]>,
    plain: bool,
}

impl MasterKeys {
    /// Returns the id of the key that encrypts; `None` if none does.
    #[must_use]
    pub fn encryption_key(&self) -> Option<MasterKeyId> {
        self.first().map(|key| key.id)
    }

    /// Returns the ids of all keys.
    pub fn ids(&self) -> impl Iterator<Item = MasterKeyId> + '_ {
        self.keys.iter().map(|key| key.id)
    }

    /// Returns the key that encrypts.
    pub(super) fn first(&self) -> Option<&MasterKey> {
        self.keys.first().filter(|_| !self.plain)
    }

    /// Returns the key with this id.
    pub(super) fn get(&self, id: MasterKeyId) -> Option<&MasterKey> {
        self.keys.iter().find(|key| key.id == id)
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

impl PartialEq for MasterKeys {
    fn eq(&self, other: &Self) -> bool {
        self.plain == other.plain && self.ids().eq(other.ids())
    }
}

impl Eq for MasterKeys {}

impl FromStr for MasterKeys {
    type Err = MasterKeyError;

    fn from_str(text: &str) -> Result<Self, MasterKeyError> {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let words = lines.flat_map(|line| line.split([' ', '\t', ','])).filter(|word| !word.is_empty());
        let mut words = words.peekable();
        let plain = words.next_if_eq(&PLAIN).is_some();
        let read = |(place, word): (usize, &str)| {
            if word == PLAIN {
                return Err(MasterKeyError::Plain);
            }
            let bytes = STANDARD.decode(word).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.map(|bytes| MasterKey::new(&bytes)).ok_or(MasterKeyError::Malformed(place))
        };
        let keys: Arc<[MasterKey]> = (1..).zip(words).map(read).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(MasterKeyError::None) } else { Ok(Self { keys, plain }) }
    }
}

/// Generates a new master key, in the format of [`MasterKeys`].
///
/// # Panics
/// If the operating system has no random bytes.
#[must_use]
pub fn new_master_key() -> String {
    let mut bytes = [0; KEY_LEN];
    getrandom::fill(&mut bytes).expect("the operating system has random bytes");
    STANDARD.encode(bytes)
}

/// One key.
pub(super) struct MasterKey {
    pub(super) id: MasterKeyId,
    cipher: RandomizedNonceKey,
}

impl MasterKey {
    fn new(bytes: &[u8; KEY_LEN]) -> Self {
        let secret = Salt::new(HKDF_SHA256, b"chatgraph master key").extract(bytes);
        let derived = |purpose: &[u8]| {
            let mut derived = [0; KEY_LEN];
            let filled = secret.expand(&[purpose], HKDF_SHA256).and_then(|key| key.fill(&mut derived));
            filled.expect("a hash has the length of a key");
            derived
        };
        let id = *derived(b"id").first_chunk().expect("a hash is longer than an id");
        let cipher =
            RandomizedNonceKey::new(&AES_256_GCM_SIV, &derived(b"seal")).expect("the key has the required length");
        Self { id: MasterKeyId(id), cipher }
    }

    /// Encrypts a value: returns the nonce, the ciphertext and the tag, which also authenticates `place`.
    pub(super) fn encrypt(&self, place: &[u8], mut value: Vec<u8>) -> Vec<u8> {
        let nonce = self.cipher.seal_in_place_append_tag(Aad::from(place), &mut value);
        let nonce = nonce.expect("a value is shorter than 64 GiB, and the operating system has random bytes");
        [nonce.as_ref().as_slice(), &value].concat()
    }

    /// Decrypts a value; `None` if the key or the place is wrong, or if it was modified.
    pub(super) fn decrypt(&self, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, value) = sealed.split_at_checked(NONCE_LEN)?;
        let (nonce, mut value) = (Nonce::try_assume_unique_for_key(nonce).ok()?, value.to_vec());
        let length = self.cipher.open_in_place(nonce, Aad::from(place), &mut value).ok()?.len();
        value.truncate(length);
        Some(value)
    }
}
