//! Encryption at rest: the WhatsApp library's state of a session is encrypted with the operator's master key, if there
//! is one. Only values are encrypted, not the lookup keys.
//!
//! `master_key` has the keys, `key_registry` the list of keys in use, `columns` the encrypted columns, and `rotation`
//! re-encrypts all of them. This file has the format of an encrypted value. A new secret column needs a
//! [`AssociatedData`], and an arm in `columns`.

mod columns;
mod key_registry;
pub(super) mod master_key;
mod rotation;

use super::error::{DecryptError, StoreError};
use master_key::ID_LEN;

pub(super) use key_registry::register;
pub use master_key::{MasterKeyError, MasterKeyId, MasterKeys, new_master_key};
pub use rotation::{Rotated, forget_master_key, master_key_rows, rotate_master_key};

/// Prefix of values that are not stored verbatim. JSON and protobuf never start like this, and random bytes only in one
/// of 2^56 cases.
const MARK: &[u8; 7] = b"\xc7sealed";
/// Marker of a plaintext value that starts with the prefix itself.
const MARKED_PLAIN: u8 = 0;
/// Marker of an encrypted value: the key's id and the ciphertext follow.
const MARKED_ENCRYPTED: u8 = 1;
/// Length of the header of an encrypted value.
const HEADER_LEN: usize = MARK.len() + 1 + ID_LEN;

/// Associated data: the location of a value, to which its ciphertext is bound.
pub(super) struct AssociatedData<'a> {
    table: &'static str,
    column: &'static str,
    session: &'a [u8],
    kind: i16,
    key: &'a [u8],
}

impl<'a> AssociatedData<'a> {
    /// A record.
    pub(super) fn record(session: &'a [u8], kind: i16, key: &'a [u8]) -> Self {
        Self { table: "device_record", column: "value", session, kind, key }
    }

    /// The secret of a message.
    pub(super) fn secret(session: &'a [u8], key: &'a [u8]) -> Self {
        Self { table: "device_secret", column: "secret", session, kind: 0, key }
    }

    /// The token of a contact.
    pub(super) fn token(session: &'a [u8], jid: &'a str) -> Self {
        Self { table: "device_token", column: "token", session, kind: 0, key: jid.as_bytes() }
    }

    /// An event in quarantine.
    pub(super) fn event(session: &'a [u8], id: &'a [u8]) -> Self {
        Self { table: "quarantined_event", column: "payload", session, kind: 0, key: id }
    }

    /// The id of a session and the kind have a fixed length, so the encoding is unambiguous.
    fn bytes(&self) -> Vec<u8> {
        [self.table.as_bytes(), &[0], self.session, &self.kind.to_be_bytes(), self.key].concat()
    }
}

/// Encrypts and decrypts the values of one database. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Encryption {
    keys: MasterKeys,
    /// True if the database contains no plaintext values, so that they are rejected.
    strict: bool,
}

impl Encryption {
    /// Encrypts a value for storage.
    pub(super) fn encrypt(&self, place: &AssociatedData<'_>, value: Vec<u8>) -> Vec<u8> {
        match self.keys.first() {
            Some(key) => [&header(Some(key.id)), &*key.encrypt(&place.bytes(), value)].concat(),
            None if value.starts_with(MARK) => [&header(None), &*value].concat(),
            None => value,
        }
    }

    /// Decrypts a stored value.
    ///
    /// # Errors
    /// [`StoreError::Sealed`].
    pub(super) fn decrypt(&self, place: &AssociatedData<'_>, stored: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        self.decrypt_marked(place, stored).map_err(|reason| {
            let AssociatedData { table, column, .. } = *place;
            StoreError::Sealed { table, column, reason }
        })
    }

    fn decrypt_marked(&self, place: &AssociatedData<'_>, mut stored: Vec<u8>) -> Result<Vec<u8>, DecryptError> {
        let Some(rest) = stored.strip_prefix(MARK) else {
            return if self.strict { Err(DecryptError::Plain) } else { Ok(stored) };
        };
        match rest.split_first() {
            Some((&MARKED_PLAIN, _)) if self.strict => Err(DecryptError::Plain),
            Some((&MARKED_PLAIN, _)) => Ok(stored.split_off(MARK.len() + 1)),
            Some((&MARKED_ENCRYPTED, rest)) => {
                let (id, sealed) = rest.split_first_chunk().ok_or(DecryptError::Changed)?;
                let key = self.keys.get(MasterKeyId(*id)).ok_or(DecryptError::WithoutKey(MasterKeyId(*id)))?;
                key.decrypt(&place.bytes(), sealed).ok_or(DecryptError::Changed)
            }
            _ => Err(DecryptError::Changed),
        }
    }

    /// Returns whether a stored value is encrypted with the current key.
    fn is_current(&self, stored: &[u8]) -> bool {
        key_of(stored) == self.keys.encryption_key()
    }
}

/// Returns the key in a stored value's header; `None` for plaintext.
fn key_of(stored: &[u8]) -> Option<MasterKeyId> {
    let id = stored.strip_prefix(MARK)?.strip_prefix(&[MARKED_ENCRYPTED])?;
    id.first_chunk().map(|id| MasterKeyId(*id))
}

fn header(key: Option<MasterKeyId>) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEADER_LEN);
    head.extend(MARK);
    match key {
        Some(MasterKeyId(id)) => {
            head.push(MARKED_ENCRYPTED);
            head.extend(id);
        }
        None => head.push(MARKED_PLAIN),
    }
    head
}

#[cfg(test)]
mod tests;
