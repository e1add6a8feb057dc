//! Ids: a type prefix and a ULID (`ses_01J9…`), stored as 16 bytes. An organization's id is external text.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use ulid::Ulid;

/// The text is not an id of the expected type. Names the expected form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid id: expected {0}")]
pub struct InvalidId(&'static str);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Ulid);

        impl $name {
            /// The prefix of every id of this type.
            pub const PREFIX: &str = $prefix;
            /// The error for a text that is not such an id.
            const INVALID: InvalidId = InvalidId(concat!(
                "`", $prefix, "` and 26 digits and capital letters, such as ", $prefix, "01ARZ3NDEKTSV4RRFFQ69G5FAV"
            ));

            /// Creates an id with the time part `at`, in milliseconds since the Unix epoch.
            ///
            /// # Panics
            /// If the operating system cannot provide random bytes.
            #[must_use]
            pub fn new(at: i64) -> Self {
                Self(new_ulid(at))
            }

            /// The 16 bytes that a row stores.
            #[must_use]
            pub fn to_bytes(self) -> Vec<u8> {
                self.0.to_bytes().to_vec()
            }

            /// The 16 bytes, for a sort key.
            #[must_use]
            pub fn bytes(self) -> [u8; 16] {
                self.0.to_bytes()
            }

            /// Parses the 16 bytes of a row.
            ///
            /// # Errors
            /// [`InvalidId`] unless there are exactly 16 bytes.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidId> {
                let bytes: [u8; 16] = bytes.try_into().map_err(|_| InvalidId("16 bytes"))?;
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
                let text = text.strip_prefix($prefix).ok_or(Self::INVALID)?;
                let ulid = Ulid::from_string(text).map_err(|_| Self::INVALID)?;
                // Each id has one spelling: `ses_01j…` and overlong values are rejected.
                if ulid.to_string() == text { Ok(Self(ulid)) } else { Err(Self::INVALID) }
            }
        }
    };
}

id! {
    /// A linked WhatsApp number.
    SessionId, "ses_"
}
id! {
    /// A chat of a session. A deleted chat that reappears has a new id.
    ChatId, "cha_"
}
id! {
    /// A stored message.
    MessageId, "msg_"
}
id! {
    /// A peer of a session: a user, a group, or another partner of a chat.
    PeerId, "peer_"
}
id! {
    /// An API key; not its secret.
    KeyId, "key_"
}

id! {
    /// An event in quarantine.
    EventId, "evt_"
}

impl PeerId {
    /// The account itself as a peer of its session.
    #[must_use]
    pub fn account(session: SessionId) -> Self {
        Self(session.0)
    }

    /// The time at which the peer became known, in milliseconds; arbitrary for a peer that a migration created.
    #[must_use]
    pub fn created_at(self) -> i64 {
        i64::try_from(self.0.timestamp_ms()).unwrap_or(i64::MAX)
    }
}

/// Number of random bits among the 80 bits beside the time. The other bits hold a number made of microseconds until the
/// year 2112.
const RANDOM_BITS: u32 = 28;
const MAX_SEQUENCE: u64 = (1 << (80 - RANDOM_BITS)) - 1;

impl MessageId {
    /// Creates an id for a message sent at `at`, in milliseconds. WhatsApp's messages have whole seconds only. Among
    /// the messages of one second and one user, the ids are in the order of `sequence`.
    ///
    /// # Panics
    /// If the operating system cannot provide random bytes.
    #[must_use]
    pub fn of(at: i64, sequence: u64) -> Self {
        let random = random() >> (u64::BITS - RANDOM_BITS);
        let low = u128::from(sequence.min(MAX_SEQUENCE)) << RANDOM_BITS | u128::from(random);
        Self(Ulid::from_parts(u64::try_from(at).unwrap_or(0), low))
    }

    /// Creates `count` ids for messages sent at `at`, in ascending order. They follow `after` and precede `before`,
    /// which are ids of the same time. With one of the two they are close to it.
    ///
    /// # Panics
    /// If the operating system cannot provide random bytes.
    #[must_use]
    pub fn between(at: i64, after: Option<Self>, before: Option<Self>, count: usize) -> Vec<Self> {
        let count = u128::try_from(count).unwrap_or(u128::MAX >> 64);
        let near = (count + 1) << RANDOM_BITS;
        let (low, high) = match (after.map(|id| id.0.random()), before.map(|id| id.0.random())) {
            (Some(low), Some(high)) => (low, high),
            (Some(low), None) => (low, low.saturating_add(near)),
            (None, Some(high)) => (high.saturating_sub(near), high),
            (None, None) => (0, near),
        };
        // Too many ids for the gap follow `after` nevertheless.
        let step = (high.saturating_sub(low) / (count + 1)).max(2);
        let id = |place: u128| {
            let low = low + step * place + 1 + u128::from(random()) % (step - 1);
            Self(Ulid::from_parts(u64::try_from(at).unwrap_or(0), low))
        };
        (0..count).map(id).collect()
    }
}

fn random() -> u64 {
    getrandom::u64().expect("the operating system has random bytes")
}

fn new_ulid(at: i64) -> Ulid {
    let mut random = [0; 16];
    getrandom::fill(&mut random).expect("the operating system has random bytes");
    Ulid::from_parts(u64::try_from(at).unwrap_or(0), u128::from_le_bytes(random))
}

/// The owner of sessions and keys: an external id (the frontend's organization) of 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrganizationId(std::sync::Arc<str>);

impl OrganizationId {
    /// The trash: a pseudo-organization whose id no client can have. It owns the rows that are still to be removed.
    #[must_use]
    pub fn trash() -> Self {
        Self("".into())
    }

    /// The id as text.
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
        if fits { Ok(Self(text.into())) } else { Err(InvalidId("1 to 128 visible ASCII characters")) }
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
    fn an_id_of_another_type_or_spelling_is_rejected() {
        let id = SessionId::new(1_700_000_000_000);
        assert_eq!(id.to_string().parse::<ChatId>(), Err(ChatId::INVALID));
        assert_eq!(id.to_string().to_lowercase().parse::<SessionId>(), Err(SessionId::INVALID));
        assert_eq!("ses_".parse::<SessionId>(), Err(SessionId::INVALID));
    }

    #[test]
    fn messages_of_one_second_are_ordered_by_their_sequence() {
        let ids = [(1_000, 0), (1_000, 1), (1_000, MAX_SEQUENCE), (2_000, 0)]
            .map(|(at, sequence)| MessageId::of(at, sequence));
        assert!(ids.is_sorted());
        assert_ne!(MessageId::of(1_000, 1), MessageId::of(1_000, 1));
    }

    #[test]
    fn ids_between_two_others_are_in_order() {
        let [one, other] = [7, 8].map(|sequence| MessageId::of(1_000, sequence));
        for (after, before) in [(Some(one), Some(other)), (Some(one), None), (None, Some(other)), (None, None)] {
            for count in [0, 1, 2, 500] {
                let ids: Vec<_> =
                    after.into_iter().chain(MessageId::between(1_000, after, before, count)).chain(before).collect();
                assert!(ids.is_sorted_by(|one, other| one < other), "{count} between {after:?} and {before:?}");
                assert!(ids.iter().all(|id| id.0.timestamp_ms() == 1_000));
            }
        }
        assert_ne!(MessageId::between(1_000, Some(one), None, 1), MessageId::between(1_000, Some(one), None, 1));
    }

    #[test]
    fn an_organization_id_is_bounded_and_visible() {
        assert!("org_1".parse::<OrganizationId>().is_ok());
        assert!("".parse::<OrganizationId>().is_err());
        assert!("a b".parse::<OrganizationId>().is_err());
        assert!("x".repeat(129).parse::<OrganizationId>().is_err());
    }
}
