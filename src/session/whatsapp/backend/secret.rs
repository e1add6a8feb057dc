//! Message secrets.

use async_trait::async_trait;
use whatsapp_rust::store::{
    error::Result,
    traits::{MsgSecretEntry, MsgSecretStore},
};

use super::{SessionBackend, compound, failed};
use crate::store::whatsapp_device::Secret;

#[async_trait]
impl MsgSecretStore for SessionBackend {
    async fn put_msg_secrets(&self, entries: Vec<MsgSecretEntry>) -> Result<usize> {
        let secrets: Vec<_> = entries.iter().map(to_secret).collect();
        self.state.put_secrets(secrets).await.map_err(failed)?;
        Ok(entries.len())
    }

    async fn get_msg_secret(&self, chat: &str, sender: &str, msg_id: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.get_msg_secret_with_ts(chat, sender, msg_id).await?.map(|(secret, _)| secret))
    }

    async fn get_msg_secret_with_ts(&self, chat: &str, sender: &str, msg_id: &str) -> Result<Option<(Vec<u8>, i64)>> {
        let found = self.state.secret(&compound(&[chat, sender], msg_id.as_bytes())).await;
        Ok(self.guard_secret(found).await?.map(|found| (found.secret, found.message_at)))
    }

    async fn delete_expired_msg_secrets(&self, cutoff_timestamp: i64) -> Result<u32> {
        self.state.remove_secrets_until(cutoff_timestamp).await.map_err(failed)
    }
}

fn to_secret(entry: &MsgSecretEntry) -> Secret {
    Secret {
        key: compound(&[&entry.chat, &entry.sender], entry.msg_id.as_bytes()),
        secret: entry.secret.to_vec(),
        expires_at: entry.expires_at,
        message_at: entry.message_ts,
    }
}
