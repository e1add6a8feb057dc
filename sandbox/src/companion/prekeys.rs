//! Prekeys that a companion uploads, so that others can start a session with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use whatsapp_rust::wacore::{
    libsignal::protocol::{DeviceId, IdentityKey, PreKeyBundle, PublicKey},
    prekeys::compute_key_bundle_digest,
};

use crate::{
    Error,
    storage::bytes as packed,
    wire::node::{Node, bytes, child_bytes, children, node},
};

/// A companion's remaining prekeys.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Prekeys {
    registration: u32,
    #[serde(with = "packed")]
    identity: PublicKey,
    signed: Signed,
    /// One-time keys by id.
    #[serde(with = "packed::map")]
    once: BTreeMap<u32, PublicKey>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Signed {
    id: u32,
    #[serde(with = "packed")]
    key: PublicKey,
    #[serde(with = "packed")]
    signature: Vec<u8>,
}

impl Prekeys {
    /// Parses an upload; `None` if a part is missing or not a key.
    pub(crate) fn read(request: &Node) -> Option<Self> {
        let mut once = BTreeMap::new();
        for entry in children(request.get_optional_child("list")?) {
            once.insert(big_endian(child_bytes(entry, "id")?), public(child_bytes(entry, "value")?)?);
        }
        Some(Self {
            registration: big_endian(child_bytes(request, "registration")?),
            identity: public(child_bytes(request, "identity")?)?,
            signed: signed(request.get_optional_child("skey")?)?,
            once,
        })
    }

    /// Merges a later upload: keys with the same id are replaced.
    pub(crate) fn merge(&mut self, later: Self) {
        let Self { registration, identity, signed, once } = later;
        self.registration = registration;
        self.identity = identity;
        self.signed = signed;
        self.once.extend(once);
    }

    /// Replaces the signed key; false if it cannot be parsed.
    pub(crate) fn rotate(&mut self, rotate: &Node) -> bool {
        let Some(key) = rotate.get_optional_child("skey").and_then(signed) else { return false };
        self.signed = key;
        true
    }

    /// Returns the number of remaining one-time keys.
    pub(crate) fn left(&self) -> usize {
        self.once.len()
    }

    /// Returns whether the keys belong to this identity.
    pub(crate) fn belongs_to(&self, identity: &[u8; 32]) -> bool {
        self.identity.public_key_bytes() == identity
    }

    /// Returns the keys for other clients to start a session; uses up a one-time key, if one is left.
    pub(crate) fn take_nodes(&mut self) -> Vec<Node> {
        let mut parts = self.lasting();
        if let Some((number, key)) = self.once.pop_first() {
            parts.push(node("key").children([id(number), value(&key)]).build());
        }
        parts
    }

    /// Returns the digest of the remaining keys, for comparison by the client: the ids of the one-time keys, and a hash
    /// over all keys.
    pub(crate) fn digest(&self) -> Node {
        let once: Vec<_> = self.once.values().map(PublicKey::public_key_bytes).collect();
        let Signed { key, signature, .. } = &self.signed;
        let hash =
            compute_key_bundle_digest(self.identity.public_key_bytes(), key.public_key_bytes(), signature, &once);
        let mut parts = self.lasting();
        parts.push(node("list").children(self.once.keys().map(|number| id(*number))).build());
        parts.push(node("hash").bytes(hash).build());
        node("digest").children(parts).build()
    }

    /// Returns all keys except the one-time keys.
    fn lasting(&self) -> Vec<Node> {
        let Signed { id: number, key, signature } = &self.signed;
        let signature = node("signature").bytes(signature.clone()).build();
        vec![
            node("registration").bytes(self.registration.to_be_bytes().to_vec()).build(),
            node("type").bytes(vec![5]).build(),
            node("identity").bytes(self.identity.public_key_bytes().to_vec()).build(),
            node("skey").children([id(*number), value(key), signature]).build(),
        ]
    }

    /// Returns the key bundle for a session; uses up a one-time key, if one is left.
    pub(crate) fn bundle(&mut self, device: u16) -> Result<PreKeyBundle, Error> {
        let once = self.once.pop_first().map(|(id, key)| (id.into(), key));
        PreKeyBundle::new(
            self.registration,
            DeviceId::new(device.into()),
            once,
            self.signed.id.into(),
            self.signed.key,
            self.signed.signature.clone(),
            IdentityKey::new(self.identity),
        )
        .map_err(|error| Error::protocol("no key bundle can be created from the companion's keys", error))
    }
}

fn signed(node: &Node) -> Option<Signed> {
    let signature = bytes(node.get_optional_child("signature")?)?.to_vec();
    let (id, key) = (big_endian(child_bytes(node, "id")?), public(child_bytes(node, "value")?)?);
    Some(Signed { id, key, signature })
}

fn id(number: u32) -> Node {
    node("id").bytes(number.to_be_bytes()[1..].to_vec()).build()
}

fn value(key: &PublicKey) -> Node {
    node("value").bytes(key.public_key_bytes().to_vec()).build()
}

fn public(bytes: &[u8]) -> Option<PublicKey> {
    PublicKey::from_djb_public_key_bytes(bytes).ok()
}

fn big_endian(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::wacore::libsignal::protocol::KeyPair;

    use super::*;
    use crate::crypto;

    fn upload(once: &[(u32, PublicKey)]) -> Node {
        let key = KeyPair::generate(&mut crypto::rng()).public_key;
        let once = once.iter().map(|(number, key)| node("key").children([id(*number), value(key)]).build());
        node("iq")
            .children([
                node("registration").bytes(vec![0, 0, 0, 7]).build(),
                node("identity").bytes(key.public_key_bytes().to_vec()).build(),
                node("list").children(once).build(),
                node("skey").children([id(3), value(&key), node("signature").bytes(vec![9; 64]).build()]).build(),
            ])
            .build()
    }

    #[test]
    fn one_time_keys_are_used_once_and_the_digest_covers_the_rest() {
        let once = [1, 2].map(|number| (number, KeyPair::generate(&mut crypto::rng()).public_key));
        let mut keys = Prekeys::read(&upload(&once)).unwrap();
        let before = keys.digest();
        let taken: Vec<_> = (0..3).map(|_| node("user").children(keys.take_nodes()).build()).collect();
        let taken = taken.iter().map(|user| Some(big_endian(child_bytes(user.get_optional_child("key")?, "id")?)));
        assert_eq!(taken.collect::<Vec<_>>(), [Some(1), Some(2), None]);
        let after = keys.digest();
        let listed = |digest: &Node| children(digest.get_optional_child("list").unwrap()).len();
        assert_eq!((listed(&before), listed(&after)), (2, 0));
        assert_eq!(child_bytes(&before, "hash").unwrap().len(), 20);
        assert_ne!(child_bytes(&before, "hash"), child_bytes(&after, "hash"));
        // A response has the format of an upload, so it can be parsed as one.
        assert_eq!(Prekeys::read(&after).unwrap().registration, 7);
    }
}
