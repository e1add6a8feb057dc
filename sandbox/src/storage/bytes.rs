//! Serialisation of keys, protobufs and stanzas in JSON, as base64 of their wire format.
//!
//! For fields, `#[serde(with = "bytes")]`; for maps of them, `#[serde(with = "bytes::map")]`.

pub(crate) mod map;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use whatsapp_rust::{
    wacore::libsignal::protocol::{
        GenericSignedPreKey as _, IdentityKey, IdentityKeyPair, PublicKey, SenderKeyRecord, SessionRecord,
        SignedPreKeyRecord,
    },
    wacore_binary::{marshal, util},
    waproto::{codec, whatsapp as wa},
};

use crate::wire::node::Node;

/// A type with a binary form.
pub(crate) trait Packed: Sized {
    /// Returns the bytes; `None` if it cannot be serialised.
    fn pack(&self) -> Option<Vec<u8>>;
    /// Parses the bytes; `None` if they are invalid.
    fn unpack(bytes: Vec<u8>) -> Option<Self>;
}

/// Serialises a field.
pub(crate) fn serialize<T: Packed, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let bytes = value.pack().ok_or_else(|| ser::Error::custom("a value has no bytes"))?;
    serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
}

/// Deserialises a field.
pub(crate) fn deserialize<'de, T: Packed, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let bytes = BASE64_STANDARD.decode(String::deserialize(deserializer)?).ok();
    bytes.and_then(T::unpack).ok_or_else(|| de::Error::custom("the bytes are invalid"))
}

/// A packed value to serialise within another one.
pub(crate) struct Text<'a, T>(pub(crate) &'a T);

impl<T: Packed> Serialize for Text<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self.0, serializer)
    }
}

/// A packed value deserialised within another one.
pub(crate) struct FromText<T>(pub(crate) T);

impl<'de, T: Packed> Deserialize<'de> for FromText<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer).map(Self)
    }
}

impl Packed for Vec<u8> {
    fn pack(&self) -> Option<Vec<u8>> {
        Some(self.clone())
    }

    fn unpack(bytes: Vec<u8>) -> Option<Self> {
        Some(bytes)
    }
}

impl<const N: usize> Packed for [u8; N] {
    fn pack(&self) -> Option<Vec<u8>> {
        Some(self.to_vec())
    }

    fn unpack(bytes: Vec<u8>) -> Option<Self> {
        bytes.try_into().ok()
    }
}

impl Packed for PublicKey {
    fn pack(&self) -> Option<Vec<u8>> {
        Some(self.serialize().to_vec())
    }

    fn unpack(bytes: Vec<u8>) -> Option<Self> {
        Self::deserialize(&bytes).ok()
    }
}

impl Packed for IdentityKey {
    fn pack(&self) -> Option<Vec<u8>> {
        Some(self.serialize().to_vec())
    }

    fn unpack(bytes: Vec<u8>) -> Option<Self> {
        Self::decode(&bytes).ok()
    }
}

impl Packed for IdentityKeyPair {
    fn pack(&self) -> Option<Vec<u8>> {
        Some(self.serialize().into_vec())
    }

    fn unpack(bytes: Vec<u8>) -> Option<Self> {
        bytes.as_slice().try_into().ok()
    }
}

impl Packed for SessionRecord {
    fn pack(&self) -> Option<Vec<u8>> {
        self.serialize().ok()
    }

    fn unpack(bytes: Vec<u8>) -> Option<Self> {
        let mut session = Self::deserialize(&bytes).ok()?;
        session.waive_counter_lease();
        Some(session)
    }
}

impl Packed for SenderKeyRecord {
    fn pack(&self) -> Option<Vec<u8>> {
        self.serialize().ok()
    }

    fn unpack(bytes: Vec<u8>) -> Option<Self> {
        let mut key = Self::deserialize(&bytes).ok()?;
        key.waive_counter_lease().ok()?;
        Some(key)
    }
}

impl Packed for SignedPreKeyRecord {
    fn pack(&self) -> Option<Vec<u8>> {
        self.serialize().ok()
    }

    fn unpack(bytes: Vec<u8>) -> Option<Self> {
        Self::deserialize(&bytes).ok()
    }
}

impl Packed for wa::Message {
    fn pack(&self) -> Option<Vec<u8>> {
        Some(codec::message_to_vec(self))
    }

    fn unpack(bytes: Vec<u8>) -> Option<Self> {
        codec::message_decode(&bytes).ok()
    }
}

impl Packed for Node {
    fn pack(&self) -> Option<Vec<u8>> {
        marshal::marshal(self).ok()
    }

    fn unpack(bytes: Vec<u8>) -> Option<Self> {
        let plain = util::unpack(&bytes).ok()?;
        marshal::unmarshal_ref(&plain).ok().map(|node| node.to_owned())
    }
}
