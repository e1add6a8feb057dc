//! Ids: a type prefix and a ULID (`ses_01J9…`), stored as 16 bytes. An organization's id is text from outside.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use ulid::Ulid;

/// Text that is no id of the wanted type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct InvalidId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Ulid);

        impl $name {
            /// What every id of this type starts with.
            pub const PREFIX: &str = $prefix;

            /// Makes a new id whose time part is `at`, in milliseconds since the Unix epoch.
            ///
            /// # Panics
            /// When the operating system has no random bytes to give.
            #[must_use]
            pub fn new(at: i64) -> Self {
                Self(new_ulid(at))
            }

            /// The 16 bytes that a row keeps.
            #[must_use]
            pub fn to_bytes(self) -> Vec<u8> {
                self.0.to_bytes().to_vec()
            }

            /// The same 16 bytes, as a key of a list has them.
            #[must_use]
            pub fn bytes(self) -> [u8; 16] {
                self.0.to_bytes()
            }

            /// Reads the 16 bytes that a row keeps.
            ///
            /// # Errors
            /// [`InvalidId`] when there are not exactly 16 of them.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidId> {
                let bytes: [u8; 16] = bytes.try_into().map_err(|_| InvalidId)?;
                Ok(Self(Ulid::from_bytes(bytes)))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let text = text.strip_prefix($prefix).ok_or(InvalidId)?;
                let ulid = Ulid::from_string(text).map_err(|_| InvalidId)?;
                // One spelling per id: `ses_01j…` and overlong values are another id's text or nobody's.
                if ulid.to_string() == text { Ok(Self(ulid)) } else { Err(InvalidId) }
            }
        }
    };
}

id! {
    /// One attached WhatsApp number.
    SessionId, "ses_"
}
id! {
    /// One chat of a session. A chat that was deleted and comes back has a new one.
    ChatId, "cha_"
}
id! {
    /// One stored message.
    MessageId, "msg_"
}
id! {
    /// One peer of a session: a person, a group, or another thing that a chat is with.
    PeerId, "peer_"
}
id! {
    /// One api-key; not its secret.
    KeyId, "key_"
}

id! {
    /// An event in quarantine.
    EventId, "evt_"
}

impl PeerId {
    /// The account itself among the peers of its session.
    #[must_use]
    pub fn account(session: SessionId) -> Self {
        Self(session.0)
    }

    /// When the peer became known, in milliseconds; of one that was made by a migration, any time.
    #[must_use]
    pub fn made_at(self) -> i64 {
        i64::try_from(self.0.timestamp_ms()).unwrap_or(i64::MAX)
    }
}

/// Of the 80 bits of an id beside its time so many are random; the others are enough for a number made of microseconds
/// until the year 2112.
const RANDOM_BITS: u32 = 28;
const MAX_SEQUENCE: u64 = (1 << (80 - RANDOM_BITS)) - 1;

impl MessageId {
    /// Makes a new id for a message sent at `at`, in milliseconds. WhatsApp's messages know whole seconds only: among
    /// those of one second and one person, the order of the ids is the order of `sequence`.
    ///
    /// # Panics
    /// When the operating system has no random bytes to give.
    #[must_use]
    pub fn of(at: i64, sequence: u64) -> Self {
        let mut random = [0; 4];
        getrandom::fill(&mut random).expect("the operating system has random bytes");
        let random = u32::from_be_bytes(random) >> (32 - RANDOM_BITS);
        let low = u128::from(sequence.min(MAX_SEQUENCE)) << RANDOM_BITS | u128::from(random);
        Self(Ulid::from_parts(u64::try_from(at).unwrap_or(0), low))
    }
}

fn new_ulid(at: i64) -> Ulid {
    let mut random = [0; 16];
    getrandom::fill(&mut random).expect("the operating system has random bytes");
    Ulid::from_parts(u64::try_from(at).unwrap_or(0), u128::from_le_bytes(random))
}

/// Who owns sessions and keys: an id from outside (the frontend's organization), 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrganizationId(std::sync::Arc<str>);

impl OrganizationId {
    /// Nobody: whose rows no caller finds, since no caller has this id. It owns what is still to be removed.
    #[must_use]
    pub fn nobody() -> Self {
        Self("".into())
    }

    /// The text as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrganizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for OrganizationId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.into())) } else { Err(InvalidId) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_text_and_from_bytes() {
        let id = SessionId::new(1_700_000_000_000);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(SessionId::from_bytes(&id.to_bytes()), Ok(id));
    }

    #[test]
    fn an_id_of_another_type_or_spelling_is_refused() {
        let id = SessionId::new(1_700_000_000_000);
        assert_eq!(id.to_string().parse::<ChatId>(), Err(InvalidId));
        assert_eq!(id.to_string().to_lowercase().parse::<SessionId>(), Err(InvalidId));
        assert_eq!("ses_".parse::<SessionId>(), Err(InvalidId));
    }

    #[test]
    fn messages_of_one_second_are_ordered_by_their_sequence() {
        let ids = [(1_000, 0), (1_000, 1), (1_000, MAX_SEQUENCE), (2_000, 0)]
            .map(|(at, sequence)| MessageId::of(at, sequence));
        assert!(ids.is_sorted());
        assert_ne!(MessageId::of(1_000, 1), MessageId::of(1_000, 1));
    }

    #[test]
    fn an_organization_id_is_bounded_and_visible() {
        assert!("org_1".parse::<OrganizationId>().is_ok());
        assert!("".parse::<OrganizationId>().is_err());
        assert!("a b".parse::<OrganizationId>().is_err());
        assert!("x".repeat(129).parse::<OrganizationId>().is_err());
    }
}
