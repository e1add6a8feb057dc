//! Stored messages that a history contains, too.

use chatgraph_entity::message;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _};

use super::of_chat;
use crate::{
    domain::{
        id::{ChatId, PeerId},
        message::IncomingMessage,
    },
    store::{error::StoreError, sanitize, unit_of_work::UnitOfWork},
};

impl UnitOfWork<'_> {
    /// Returns the known fields of the chat's stored messages with these WhatsApp ids.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn known_messages(&mut self, chat: ChatId, wa_ids: &[String]) -> Result<Vec<KnownMessage>, StoreError> {
        use message::Column;
        if let Some(known) = self.cached(|cache| cache.messages(chat, |all| all.known(wa_ids))).await? {
            return known;
        }
        let mut known = Vec::new();
        for part in wa_ids.chunks(NAMED) {
            let rows = message::Entity::find()
                .select_only()
                .columns([
                    Column::WaId,
                    Column::SenderId,
                    Column::FromMe,
                    Column::Revoked,
                    Column::Edited,
                    Column::Text,
                ])
                .filter(of_chat(self.organization, chat))
                .filter(Column::WaId.is_in(part.iter().map(|id| sanitize::strip_nul(id))))
                .into_tuple::<(String, Vec<u8>, bool, bool, bool, Option<String>)>()
                .all(self.tx)
                .await?;
            for (wa_id, sender, from_me, revoked, edited, text) in rows {
                let corrupt = |_| StoreError::Corrupt { table: "message", column: "sender_id" };
                let sender_id = PeerId::from_bytes(&sender).map_err(corrupt)?;
                known.push(KnownMessage { wa_id, sender_id, from_me, settled: revoked || edited, text });
            }
        }
        Ok(known)
    }
}

/// Messages per statement.
const NAMED: usize = 500;

/// The fields of a stored message that show whether a history has something new about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownMessage {
    /// WhatsApp id.
    pub wa_id: String,
    /// The sender.
    pub sender_id: PeerId,
    /// True if the account sent it.
    pub from_me: bool,
    /// True if it is known to be edited or revoked.
    pub settled: bool,
    /// Its text.
    pub text: Option<String>,
}

impl KnownMessage {
    /// Returns whether an arriving message has the same text.
    #[must_use]
    pub fn has_text_of(&self, message: &IncomingMessage) -> bool {
        self.text == sanitize::strip_nul_if_any(message.text.as_ref())
    }
}
