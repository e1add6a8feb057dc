//! The signed prekey with which a companion starts a session. There are no one-time keys; the protocol works without
//! them.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use whatsapp_rust::wacore::libsignal::protocol::{
    GenericSignedPreKey as _, IdentityKeyPair, KeyPair, PreKeyId, PreKeyRecord, PreKeyStore, SignalProtocolError,
    SignedPreKeyId, SignedPreKeyRecord, SignedPreKeyStore, Timestamp,
};

use crate::{
    Error, clock, crypto,
    storage::bytes,
    wire::node::{Node, node},
};

type Result<T> = std::result::Result<T, SignalProtocolError>;

/// Id of the only key of every sender.
const NUMBER: u32 = 1;

/// A sender's signed prekey.
#[derive(Serialize, Deserialize)]
pub(crate) struct SignedKey(#[serde(with = "bytes")] SignedPreKeyRecord);

impl SignedKey {
    /// Creates a key signed by `identity`.
    pub(crate) fn new(identity: &IdentityKeyPair) -> std::result::Result<Self, Error> {
        let pair = KeyPair::generate(&mut crypto::rng());
        let signature = identity.private_key().calculate_signature(&pair.public_key.serialize(), &mut crypto::rng());
        let signature = signature.map_err(|error| Error::protocol("a key cannot be signed", error))?;
        let made_at = Timestamp::from_epoch_millis(u64::try_from(clock::now_ms()).unwrap_or_default());
        Ok(Self(SignedPreKeyRecord::new(SignedPreKeyId::from(NUMBER), made_at, &pair, &signature)))
    }

    /// Returns the key as in a bundle.
    pub(crate) fn node(&self) -> std::result::Result<Node, Error> {
        let failed = |error| Error::protocol("a signed key cannot be read", error);
        let parts = [
            node("id").bytes(NUMBER.to_be_bytes()[1..].to_vec()).build(),
            node("value").bytes(self.0.public_key().map_err(failed)?.public_key_bytes().to_vec()).build(),
            node("signature").bytes(self.0.signature().map_err(failed)?).build(),
        ];
        Ok(node("skey").children(parts).build())
    }
}

#[async_trait]
impl SignedPreKeyStore for SignedKey {
    async fn get_signed_pre_key(&self, id: SignedPreKeyId) -> Result<SignedPreKeyRecord> {
        if u32::from(id) == NUMBER { Ok(self.0.clone()) } else { Err(SignalProtocolError::InvalidSignedPreKeyId) }
    }

    async fn save_signed_pre_key(&mut self, _: SignedPreKeyId, _: &SignedPreKeyRecord) -> Result<()> {
        Ok(())
    }
}

/// There are no one-time keys.
pub(crate) struct NoOneTimeKeys;

#[async_trait]
impl PreKeyStore for NoOneTimeKeys {
    async fn get_pre_key(&self, _: PreKeyId) -> Result<PreKeyRecord> {
        Err(SignalProtocolError::InvalidPreKeyId)
    }

    async fn save_pre_key(&mut self, _: PreKeyId, _: &PreKeyRecord) -> Result<()> {
        Ok(())
    }

    async fn remove_pre_key(&mut self, _: PreKeyId) -> Result<()> {
        Ok(())
    }
}
