//! Sender keys: what a person seals messages to a group with, once for all who have been given the key; and what companions
//! seal theirs with.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use whatsapp_rust::wacore::libsignal::protocol::{
    SenderKeyDistributionMessage, SenderKeyName, SenderKeyRecord, SenderKeyStore, SignalProtocolError,
    create_sender_key_distribution_message, group_decrypt, group_encrypt, process_sender_key_distribution_message,
};

use crate::{Error, keep::bytes, key};

type Result<T> = std::result::Result<T, SignalProtocolError>;

/// The sender keys of one person, and those that companions have given them. Each companion is given one of its own: it
/// cannot tell.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct SenderKeys(#[serde(with = "bytes::map")] BTreeMap<String, SenderKeyRecord>);

impl SenderKeys {
    /// The key for messages of the group to the companion `device`, to be sent ahead of the first of them; `None` if
    /// the companion has it. `afresh` makes another one.
    pub(crate) async fn hand_out(
        &mut self,
        group: &str,
        device: u16,
        afresh: bool,
    ) -> std::result::Result<Option<Vec<u8>>, Error> {
        let name = name(group, device);
        if afresh {
            self.0.remove(name.cache_key());
        }
        if self.0.contains_key(name.cache_key()) {
            return Ok(None);
        }
        let key = create_sender_key_distribution_message(&name, self, &mut key::rng()).await;
        let key = key.map_err(|error| Error::protocol("no sender key can be created", error))?;
        Ok(Some(key.serialized().to_vec()))
    }

    /// Seals a padded plaintext for the group, as the companion `device` gets it.
    pub(crate) async fn seal(
        &mut self,
        group: &str,
        device: u16,
        plaintext: &[u8],
    ) -> std::result::Result<Vec<u8>, Error> {
        let sealed = group_encrypt(self, &name(group, device), plaintext, &mut key::rng()).await;
        let sealed = sealed.map_err(|error| Error::protocol("a group message cannot be encrypted", error))?;
        Ok(sealed.serialized().to_vec())
    }

    /// Takes the key for messages of the companion `device` to the group.
    pub(crate) async fn learn(&mut self, group: &str, device: u16, key: &[u8]) -> std::result::Result<(), Error> {
        let failed = |error| Error::protocol("a companion's sender key cannot be read", error);
        let key = SenderKeyDistributionMessage::try_from(key).map_err(failed)?;
        process_sender_key_distribution_message(&author(group, device), &key, self).await.map_err(failed)
    }

    /// Opens what the companion `device` has sealed for the group; it is padded still.
    pub(crate) async fn open(
        &mut self,
        group: &str,
        device: u16,
        sealed: &[u8],
    ) -> std::result::Result<Vec<u8>, Error> {
        let opened = group_decrypt(sealed, self, &author(group, device)).await;
        opened.map_err(|error| Error::protocol("a companion's group message cannot be decrypted", error))
    }
}

fn author(group: &str, device: u16) -> SenderKeyName {
    SenderKeyName::from_parts(group, &format!("author.{device}"))
}

fn name(group: &str, device: u16) -> SenderKeyName {
    SenderKeyName::from_parts(group, &format!("companion.{device}"))
}

#[async_trait]
impl SenderKeyStore for SenderKeys {
    async fn store_sender_key(&mut self, name: &SenderKeyName, mut record: SenderKeyRecord) -> Result<()> {
        // Every message is kept before it is sent, so no iterations need to be reserved ahead of that.
        record.waive_counter_lease()?;
        self.0.insert(name.cache_key().to_owned(), record);
        Ok(())
    }

    async fn load_sender_key(&self, name: &SenderKeyName) -> Result<Option<SenderKeyRecord>> {
        Ok(self.0.get(name.cache_key()).cloned())
    }
}
