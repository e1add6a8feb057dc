//! Signal senders to a companion, each with its own keys and sessions.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use whatsapp_rust::wacore::libsignal::protocol::{
    CiphertextMessage, DeviceId, Direction, IdentityChange, IdentityKey, IdentityKeyPair, IdentityKeyStore,
    PreKeyBundle, ProtocolAddress, SessionRecord, SessionStore, SignalProtocolError, UsePQRatchet, message_decrypt,
    message_encrypt, process_prekey_bundle,
};

use super::{
    sender_keys::SenderKeys,
    signed_key::{NoOneTimeKeys, SignedKey},
};
use crate::{
    Error, crypto,
    storage::bytes,
    wire::node::{Node, node},
};

type Result<T> = std::result::Result<T, SignalProtocolError>;

/// One sender: the owner's phone, or a contact's.
#[derive(Serialize, Deserialize)]
pub(crate) struct SignalPeer {
    identity: Identity,
    sessions: Sessions,
    #[serde(default)]
    pub(crate) groups: SenderKeys,
    /// Created on demand.
    #[serde(default)]
    signed: Option<SignedKey>,
}

/// The registration id of every sender; it is not used.
const REGISTRATION: u32 = 1;

/// A ciphertext as in an `<enc>` element.
#[derive(Debug, Clone)]
pub(crate) struct Ciphertext {
    /// `pkmsg` or `msg`.
    pub(crate) kind: &'static str,
    pub(crate) bytes: Vec<u8>,
}

impl SignalPeer {
    /// Creates a sender with this identity, without sessions.
    pub(crate) fn new(pair: IdentityKeyPair) -> Self {
        Self {
            identity: Identity { pair, known: BTreeMap::new() },
            sessions: Sessions::default(),
            groups: SenderKeys::default(),
            signed: None,
        }
    }

    /// Returns whether there is a session with the companion `device`.
    pub(crate) fn has_session(&self, device: u16) -> bool {
        self.sessions.0.contains_key(address(device).as_str())
    }

    /// Starts a session with the companion `device` from its uploaded keys, replacing any earlier one.
    pub(crate) async fn start_session(&mut self, device: u16, bundle: &PreKeyBundle) -> std::result::Result<(), Error> {
        let address = address(device);
        self.sessions.0.remove(address.as_str());
        let Self { identity, sessions, .. } = self;
        process_prekey_bundle(&address, sessions, identity, bundle, &mut crypto::rng(), UsePQRatchet::No)
            .await
            .map_err(|error| Error::protocol("no session can be created from the companion's keys", error))?;
        Ok(())
    }

    /// Encrypts a padded plaintext for the companion `device`.
    ///
    /// Every call advances the ratchet: the result must be stored and sent, never encrypted again.
    pub(crate) async fn encrypt(&mut self, device: u16, plaintext: &[u8]) -> std::result::Result<Ciphertext, Error> {
        let Self { identity, sessions, .. } = self;
        let ciphertext = message_encrypt(plaintext, &address(device), sessions, identity)
            .await
            .map_err(|error| Error::protocol("a message cannot be encrypted", error))?;
        match ciphertext {
            CiphertextMessage::PreKeySignalMessage(message) => {
                Ok(Ciphertext { kind: "pkmsg", bytes: message.serialized().to_vec() })
            }
            CiphertextMessage::SignalMessage(message) => {
                Ok(Ciphertext { kind: "msg", bytes: message.serialized().to_vec() })
            }
            _ => Err(Error::Unsupported("a ciphertext of another kind")),
        }
    }

    /// Decrypts a ciphertext of the companion `device`; the result is still padded.
    pub(crate) async fn decrypt(
        &mut self,
        device: u16,
        kind: &str,
        ciphertext: &[u8],
    ) -> std::result::Result<Vec<u8>, Error> {
        let failed = |error| Error::protocol("a companion's message cannot be decrypted", error);
        let ciphertext = match kind {
            "pkmsg" => CiphertextMessage::PreKeySignalMessage(ciphertext.try_into().map_err(failed)?),
            "msg" => CiphertextMessage::SignalMessage(ciphertext.try_into().map_err(failed)?),
            _ => return Err(Error::Unsupported("a ciphertext of another kind")),
        };
        let signed = match self.signed.take() {
            Some(signed) => signed,
            None => SignedKey::new(&self.identity.pair)?,
        };
        let Self { identity, sessions, .. } = self;
        let opened = message_decrypt(
            &ciphertext,
            &address(device),
            sessions,
            identity,
            &mut NoOneTimeKeys,
            &signed,
            &mut crypto::rng(),
            UsePQRatchet::No,
        )
        .await;
        self.signed = Some(signed);
        Ok(opened.map_err(failed)?.plaintext)
    }

    /// Returns the sender's keys, as the parts of a bundle.
    pub(crate) fn keys(&mut self) -> std::result::Result<Vec<Node>, Error> {
        let signed = self.signed()?.node()?;
        let identity = crypto::public(self.identity.pair.identity_key());
        Ok(vec![
            node("registration").bytes(REGISTRATION.to_be_bytes().to_vec()).build(),
            node("type").bytes(vec![5]).build(),
            node("identity").bytes(identity.to_vec()).build(),
            signed,
        ])
    }

    fn signed(&mut self) -> std::result::Result<&SignedKey, Error> {
        if self.signed.is_none() {
            self.signed = Some(SignedKey::new(&self.identity.pair)?);
        }
        self.signed.as_ref().ok_or(Error::Unsupported("a peer without keys"))
    }
}

/// Address of the companion in a sender's own store; the name is arbitrary.
fn address(device: u16) -> ProtocolAddress {
    ProtocolAddress::new("companion", DeviceId::new(device.into()))
}

#[derive(Default, Serialize, Deserialize)]
struct Sessions(#[serde(with = "bytes::map")] BTreeMap<String, SessionRecord>);

#[async_trait]
impl SessionStore for Sessions {
    async fn load_session(&self, address: &ProtocolAddress) -> Result<Option<SessionRecord>> {
        Ok(self.0.get(address.as_str()).cloned())
    }

    async fn has_session(&self, address: &ProtocolAddress) -> Result<bool> {
        Ok(self.0.contains_key(address.as_str()))
    }

    async fn store_session(&mut self, address: &ProtocolAddress, mut record: SessionRecord) -> Result<()> {
        // Every message is stored before it is sent, so no counters need to be reserved.
        record.waive_counter_lease();
        self.0.insert(address.as_str().to_owned(), record);
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
struct Identity {
    #[serde(with = "bytes")]
    pair: IdentityKeyPair,
    #[serde(with = "bytes::map")]
    known: BTreeMap<String, IdentityKey>,
}

#[async_trait]
impl IdentityKeyStore for Identity {
    async fn get_identity_key_pair(&self) -> Result<IdentityKeyPair> {
        Ok(self.pair.clone())
    }

    async fn get_local_registration_id(&self) -> Result<u32> {
        Ok(REGISTRATION)
    }

    async fn save_identity(&mut self, address: &ProtocolAddress, identity: &IdentityKey) -> Result<IdentityChange> {
        let before = self.known.insert(address.as_str().to_owned(), *identity);
        Ok(IdentityChange::from_changed(before.is_some_and(|before| before != *identity)))
    }

    async fn is_trusted_identity(&self, _: &ProtocolAddress, _: &IdentityKey, _: Direction) -> Result<bool> {
        Ok(true)
    }

    async fn get_identity(&self, address: &ProtocolAddress) -> Result<Option<IdentityKey>> {
        Ok(self.known.get(address.as_str()).copied())
    }
}
