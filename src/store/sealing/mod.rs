//! Secrets at rest: what the WhatsApp library remembers of a session is sealed with a master key of the operator's, where
//! there is one. Only values are, never what rows are found by.
//!
//! `key` has the keys, `book` which of them the database needs, `rows` what is sealed, `rotation` seals anew, all of it.
//! Here is how a sealed value looks. A new column of secrets needs a [`Place`], and an arm in `rows`.

mod book;
mod key;
mod rotation;
mod rows;

use super::error::StoreError;
use key::ID;

pub(super) use book::register;
pub use key::MasterKeyError;
pub use key::MasterKeyId;
pub use key::MasterKeys;
pub use key::new_master_key;
pub use rotation::Rotated;
pub use rotation::forget_master_key;
pub use rotation::master_key_rows;
pub use rotation::rotate_master_key;

/// How a value begins that is not what was stored as it was: no value does that by itself but for one in 2^56 that are
/// random. JSON and protobuf cannot.
const MARK: &[u8; 7] = b"\xc7sealed";
/// Behind the mark: a plain value follows, which begins with the mark.
const MARKED_PLAIN: u8 = 0;
/// Behind the mark: a key's id follows, and what that key sealed.
const SEALED: u8 = 1;
/// So long is the beginning of a sealed value.
const HEAD: usize = MARK.len() + 1 + ID;

/// Why a stored value does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// It was sealed with a key that is not there.
    #[error("it is encrypted with master key {0}")]
    WithoutKey(MasterKeyId),
    /// It is not as it was sealed, or not where.
    #[error("it was modified outside the server")]
    Changed,
    /// It is in plain, though all values of this database are sealed.
    #[error("it was replaced by plaintext outside the server")]
    Plain,
}

/// Where a value is: it opens nowhere else.
pub(super) struct Place<'a> {
    table: &'static str,
    column: &'static str,
    session: &'a [u8],
    kind: i16,
    key: &'a [u8],
}

impl<'a> Place<'a> {
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

    /// A session's id and a kind have always the same length, so no two places are the same bytes.
    fn bytes(&self) -> Vec<u8> {
        [self.table.as_bytes(), &[0], self.session, &self.kind.to_be_bytes(), self.key].concat()
    }
}

/// Seals and opens the values of one database. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Sealing {
    keys: MasterKeys,
    /// No value of the database is in plain, so none opens that is.
    strict: bool,
}

impl Sealing {
    /// What is stored for a value.
    pub(super) fn seal(&self, place: &Place<'_>, value: Vec<u8>) -> Vec<u8> {
        match self.keys.first() {
            Some(key) => [&head(Some(key.id)), &*key.seal(&place.bytes(), value)].concat(),
            None if value.starts_with(MARK) => [&head(None), &*value].concat(),
            None => value,
        }
    }

    /// The value that was stored.
    ///
    /// # Errors
    /// [`StoreError::Sealed`].
    pub(super) fn open(&self, place: &Place<'_>, stored: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        self.opened(place, stored).map_err(|reason| {
            let Place { table, column, .. } = *place;
            StoreError::Sealed { table, column, reason }
        })
    }

    fn opened(&self, place: &Place<'_>, mut stored: Vec<u8>) -> Result<Vec<u8>, Unopened> {
        let Some(rest) = stored.strip_prefix(MARK) else {
            return if self.strict { Err(Unopened::Plain) } else { Ok(stored) };
        };
        match rest.split_first() {
            Some((&MARKED_PLAIN, _)) if self.strict => Err(Unopened::Plain),
            Some((&MARKED_PLAIN, _)) => Ok(stored.split_off(MARK.len() + 1)),
            Some((&SEALED, rest)) => {
                let (id, sealed) = rest.split_first_chunk().ok_or(Unopened::Changed)?;
                let key = self.keys.get(MasterKeyId(*id)).ok_or(Unopened::WithoutKey(MasterKeyId(*id)))?;
                key.open(&place.bytes(), sealed).ok_or(Unopened::Changed)
            }
            _ => Err(Unopened::Changed),
        }
    }

    /// Whether a stored value is sealed as a new one would be.
    fn is_sealed_anew(&self, stored: &[u8]) -> bool {
        sealed_with(stored) == self.keys.seals_with()
    }
}

/// The key that a stored value says it is sealed with; none for one in plain.
fn sealed_with(stored: &[u8]) -> Option<MasterKeyId> {
    let id = stored.strip_prefix(MARK)?.strip_prefix(&[SEALED])?;
    id.first_chunk().map(|id| MasterKeyId(*id))
}

fn head(key: Option<MasterKeyId>) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEAD);
    head.extend(MARK);
    match key {
        Some(MasterKeyId(id)) => {
            head.push(SEALED);
            head.extend(id);
        }
        None => head.push(MARKED_PLAIN),
    }
    head
}

#[cfg(test)]
mod tests;
