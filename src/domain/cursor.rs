//! Cursors. They are opaque to clients, and bound to the list and the organization that they were issued for.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::id::OrganizationId;

/// The text is not a cursor of this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list")]
pub struct InvalidCursor;

const TAG_LEN: usize = 8;
/// Maximum length of our cursors; a longer text is not decoded.
const MAX_CURSOR_LEN: usize = 64;

/// A position in an organization's change log: all changes up to and including `number` have been received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeCursor {
    /// The id of the change log, which differs after a restore from a backup.
    pub incarnation: i64,
    /// The last received change; 0 before the first.
    pub number: i64,
}

impl ChangeCursor {
    /// Encodes the cursor for `organization`.
    #[must_use]
    pub fn encode(self, organization: &OrganizationId) -> String {
        let mut bytes = self.incarnation.to_be_bytes().to_vec();
        bytes.extend(self.number.to_be_bytes());
        seal(tag(&["changes", organization.as_str()]), &bytes)
    }

    /// Returns whether this looks like a change cursor of any organization.
    #[must_use]
    pub fn is_of_some_organization(text: &str) -> bool {
        let sealed = (text.len() <= MAX_CURSOR_LEN).then(|| URL_SAFE_NO_PAD.decode(text));
        sealed.is_some_and(|sealed| sealed.is_ok_and(|sealed| sealed.len() == TAG_LEN + 16))
    }

    /// Decodes a cursor of `organization`.
    ///
    /// # Errors
    /// [`InvalidCursor`] for any other text, including a cursor of another organization.
    pub fn decode(text: &str, organization: &OrganizationId) -> Result<Self, InvalidCursor> {
        let bytes = open(&["changes", organization.as_str()], text)?;
        let (incarnation, number) = bytes.split_at_checked(8).ok_or(InvalidCursor)?;
        Ok(Self { incarnation: int(incarnation)?, number: int(number)? })
    }
}

/// Encodes the cursors of one list.
#[derive(Debug, Clone, Copy)]
pub struct CursorEncoder {
    tag: [u8; TAG_LEN],
}

impl CursorEncoder {
    /// Creates the encoder for the list that `scope` describes.
    #[must_use]
    pub fn new(scope: &[&str]) -> Self {
        Self { tag: tag(scope) }
    }

    /// Encodes the cursor of an item.
    #[must_use]
    pub fn encode(self, key: impl CursorKey) -> String {
        seal(self.tag, &key.to_bytes())
    }
}

/// The sort key of an item in a list, which a cursor contains.
pub trait CursorKey: Copy + Ord {
    /// Encodes the key as a few bytes.
    fn to_bytes(self) -> Vec<u8>;

    /// Decodes the result of [`CursorKey::to_bytes`]; `None` for any other bytes.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;

    /// Encodes the cursor for the list that `scope` describes.
    #[must_use]
    fn encode(self, scope: &[&str]) -> String {
        CursorEncoder::new(scope).encode(self)
    }

    /// Decodes a cursor of the same `scope`.
    ///
    /// # Errors
    /// [`InvalidCursor`] for any other text.
    fn decode(text: &str, scope: &[&str]) -> Result<Self, InvalidCursor> {
        Self::from_bytes(&open(scope, text)?).ok_or(InvalidCursor)
    }
}

/// The sort key of an item in a list sorted by time, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeKey {
    /// The time, in milliseconds.
    pub at: i64,
    /// The id's 16 bytes.
    pub id: [u8; 16],
}

impl CursorKey for TimeKey {
    fn to_bytes(self) -> Vec<u8> {
        [&self.at.to_be_bytes()[..], &self.id].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (at, id) = bytes.split_first_chunk()?;
        Some(Self { at: i64::from_be_bytes(*at), id: id.try_into().ok()? })
    }
}

fn seal(tag: [u8; TAG_LEN], bytes: &[u8]) -> String {
    let mut sealed = tag.to_vec();
    sealed.extend(bytes);
    URL_SAFE_NO_PAD.encode(sealed)
}

fn open(scope: &[&str], text: &str) -> Result<Vec<u8>, InvalidCursor> {
    if text.len() > MAX_CURSOR_LEN {
        return Err(InvalidCursor);
    }
    let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
    let bytes = sealed.strip_prefix(&tag(scope)).ok_or(InvalidCursor)?;
    Ok(bytes.to_vec())
}

/// A checksum, which is not a secret: permissions are checked on every request. It distinguishes valid cursors from
/// other text.
fn tag(scope: &[&str]) -> [u8; TAG_LEN] {
    let mut hash = Sha256::new();
    for part in scope {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut tag = [0; TAG_LEN];
    tag.copy_from_slice(&digest[..TAG_LEN]);
    tag
}

fn int(bytes: &[u8]) -> Result<i64, InvalidCursor> {
    Ok(i64::from_be_bytes(bytes.try_into().map_err(|_| InvalidCursor)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_cursor_belongs_to_its_organization() {
        let cursor = ChangeCursor { incarnation: 7, number: 42 };
        let (one, other) = ("org_1".parse().expect("an id"), "org_2".parse().expect("an id"));
        let text = cursor.encode(&one);
        assert_eq!(ChangeCursor::decode(&text, &one), Ok(cursor));
        assert_eq!(ChangeCursor::decode(&text, &other), Err(InvalidCursor));
        assert!(ChangeCursor::is_of_some_organization(&text));
        for wrong in ["", "AAAA", &text[1..], &TimeKey { at: 1, id: [9; 16] }.encode(&["chats"])] {
            assert!(!ChangeCursor::is_of_some_organization(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_page_cursor_belongs_to_its_list() {
        let key = TimeKey { at: -5, id: [9; 16] };
        let text = key.encode(&["chats", "a", "bc"]);
        assert_eq!(TimeKey::decode(&text, &["chats", "a", "bc"]), Ok(key));
        assert_eq!(TimeKey::decode(&text, &["chats", "ab", "c"]), Err(InvalidCursor));
        for wrong in ["", "=", "AAAA", &text[1..], &text.repeat(4)] {
            assert_eq!(TimeKey::decode(wrong, &["chats", "a", "bc"]), Err(InvalidCursor));
        }
    }
}
