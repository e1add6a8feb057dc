//! Sender keys: a person encrypts a group message once for all recipients with the key; the companions' own keys are
//! here, too.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use whatsapp_rust::wacore::libsignal::protocol::{
    SenderKeyDistributionMessage, SenderKeyName, SenderKeyRecord, SenderKeyStore, SignalProtocolError,
    create_sender_key_distribution_message, group_decrypt, group_encrypt, process_sender_key_distribution_message,
};

use crate::{Error, crypto, storage::bytes};

type Result<T> = std::result::Result<T, SignalProtocolError>;

/// The sender keys of one person, and those received from companions. Each companion gets its own key, which it cannot
/// detect.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct SenderKeys(#[serde(with = "bytes::map")] BTreeMap<String, SenderKeyRecord>);

impl SenderKeys {
    /// Returns the key for group messages to the companion `device`, to be sent before the first of them; `None` if the
    /// companion has it. `renew` creates another one.
    pub(crate) async fn distribution_for(
        &mut self,
        group: &str,
        device: u16,
        renew: bool,
    ) -> std::result::Result<Option<Vec<u8>>, Error> {
        let name = name(group, device);
        if renew {
            self.0.remove(name.cache_key());
        }
        if self.0.contains_key(name.cache_key()) {
            return Ok(None);
        }
        let key = create_sender_key_distribution_message(&name, self, &mut crypto::rng()).await;
        let key = key.map_err(|error| Error::protocol("no sender key can be created", error))?;
        Ok(Some(key.serialized().to_vec()))
    }

    /// Encrypts a padded plaintext for the group, for the companion `device`.
    pub(crate) async fn encrypt(
        &mut self,
        group: &str,
        device: u16,
        plaintext: &[u8],
    ) -> std::result::Result<Vec<u8>, Error> {
        let ciphertext = group_encrypt(self, &name(group, device), plaintext, &mut crypto::rng()).await;
        let ciphertext = ciphertext.map_err(|error| Error::protocol("a group message cannot be encrypted", error))?;
        Ok(ciphertext.serialized().to_vec())
    }

    /// Stores the key for group messages of the companion `device`.
    pub(crate) async fn process_distribution(
        &mut self,
        group: &str,
        device: u16,
        key: &[u8],
    ) -> std::result::Result<(), Error> {
        let failed = |error| Error::protocol("a companion's sender key cannot be read", error);
        let key = SenderKeyDistributionMessage::try_from(key).map_err(failed)?;
        process_sender_key_distribution_message(&author(group, device), &key, self).await.map_err(failed)
    }

    /// Decrypts a group message of the companion `device`; the result is still padded.
    pub(crate) async fn decrypt(
        &mut self,
        group: &str,
        device: u16,
        ciphertext: &[u8],
    ) -> std::result::Result<Vec<u8>, Error> {
        let opened = group_decrypt(ciphertext, self, &author(group, device)).await;
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
        // Every message is stored before it is sent, so no iterations need to be reserved.
        record.waive_counter_lease()?;
        self.0.insert(name.cache_key().to_owned(), record);
        Ok(())
    }

    async fn load_sender_key(&self, name: &SenderKeyName) -> Result<Option<SenderKeyRecord>> {
        Ok(self.0.get(name.cache_key()).cloned())
    }
}
