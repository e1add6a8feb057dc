//! The keys a companion uploads so that others can start a session with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use whatsapp_rust::wacore::libsignal::protocol::{DeviceId, IdentityKey, PreKeyBundle, PublicKey};

use crate::{
    Error,
    keep::bytes as packed,
    wire::node::{Node, bytes, child_bytes, children},
};

/// A companion's keys, as far as they are left.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Prekeys {
    registration: u32,
    #[serde(with = "packed")]
    identity: PublicKey,
    signed: Signed,
    /// By id; each is handed out once.
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
    /// Reads an upload; `None` if a part is missing or no key.
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

    /// Takes over a later upload: keys with the same id are replaced.
    pub(crate) fn merge(&mut self, later: Self) {
        let Self { registration, identity, signed, once } = later;
        self.registration = registration;
        self.identity = identity;
        self.signed = signed;
        self.once.extend(once);
    }

    /// Takes over a rotated signed key; false if it cannot be read.
    pub(crate) fn rotate(&mut self, rotate: &Node) -> bool {
        let Some(key) = rotate.get_optional_child("skey").and_then(signed) else { return false };
        self.signed = key;
        true
    }

    /// How many one-time keys are left.
    pub(crate) fn left(&self) -> usize {
        self.once.len()
    }

    /// Whether this is the identity behind the keys.
    pub(crate) fn belongs_to(&self, identity: &[u8; 32]) -> bool {
        self.identity.public_key_bytes() == identity
    }

    /// What is needed to start a session; takes a one-time key, if one is left.
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
        .map_err(|error| Error::protocol("the companion's keys give no bundle", error))
    }
}

fn signed(node: &Node) -> Option<Signed> {
    let signature = bytes(node.get_optional_child("signature")?)?.to_vec();
    let (id, key) = (big_endian(child_bytes(node, "id")?), public(child_bytes(node, "value")?)?);
    Some(Signed { id, key, signature })
}

fn public(bytes: &[u8]) -> Option<PublicKey> {
    PublicKey::from_djb_public_key_bytes(bytes).ok()
}

fn big_endian(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
