//! Positions of a history's messages within their second. WhatsApp's times are whole seconds, and only a history shows
//! the order of messages that were not delivered live.

use std::collections::{BTreeMap, HashSet};

use chatgraph_entity::message::{self, Column};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _};

use super::{error::StoreError, message::of_chat, sanitize, unit_of_work::UnitOfWork};
use crate::domain::{
    id::{ChatId, MessageId},
    message::IncomingMessage,
};

/// Seconds per statement.
const SECONDS: usize = 500;

/// A stored message among those of its second.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StoredPosition {
    pub(super) at: i64,
    pub(super) id: MessageId,
    pub(super) wa_id: String,
    pub(super) from_me: bool,
}

impl StoredPosition {
    pub(super) fn new(at: i64, id: &[u8], wa_id: String, from_me: bool) -> Result<Self, StoreError> {
        let id = MessageId::from_bytes(id).map_err(|_| StoreError::Corrupt { table: "message", column: "id" })?;
        Ok(Self { at, id, wa_id, from_me })
    }

    fn is(&self, message: &IncomingMessage) -> bool {
        self.from_me == message.from_me && self.wa_id == sanitize::strip_nul(&message.wa_id)
    }
}

impl UnitOfWork<'_> {
    /// Returns an id for each message of a chat's history, which has the newest one first. A new message follows the
    /// stored one that precedes it in the history, if both are of one second. Without such a predecessor, it precedes
    /// all stored messages of its second.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn history_ids(
        &mut self,
        chat: ChatId,
        messages: &[IncomingMessage],
    ) -> Result<Vec<MessageId>, StoreError> {
        let seconds: HashSet<_> = messages.iter().map(|message| message.at).collect();
        let stored = self.stored_positions(chat, seconds).await?;
        Ok(positions(messages, stored))
    }

    async fn stored_positions(
        &mut self,
        chat: ChatId,
        seconds: HashSet<i64>,
    ) -> Result<Vec<StoredPosition>, StoreError> {
        if let Some(stored) = self.cached(|cache| cache.messages(chat, |all| all.of_seconds(&seconds))).await? {
            return stored;
        }
        let mut stored = Vec::new();
        let seconds: Vec<_> = seconds.into_iter().collect();
        for part in seconds.chunks(SECONDS) {
            let rows = message::Entity::find()
                .select_only()
                .columns([Column::At, Column::Id, Column::WaId, Column::FromMe])
                .filter(of_chat(self.organization, chat))
                .filter(Column::At.is_in(part.iter().copied()))
                .into_tuple::<(i64, Vec<u8>, String, bool)>()
                .all(self.tx)
                .await?;
            for (at, id, wa_id, from_me) in rows {
                stored.push(StoredPosition::new(at, &id, wa_id, from_me)?);
            }
        }
        Ok(stored)
    }
}

/// Returns the ids for messages of a history. Those of stored messages are not used.
fn positions(messages: &[IncomingMessage], mut stored: Vec<StoredPosition>) -> Vec<MessageId> {
    let mut ids: Vec<_> =
        messages.iter().enumerate().map(|(place, message)| MessageId::of(message.at, sequence(place))).collect();
    stored.sort();
    let mut seconds: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    // From the oldest to the newest.
    for (place, message) in messages.iter().enumerate().rev() {
        seconds.entry(message.at).or_default().push(place);
    }
    for second in stored.chunk_by(|one, other| one.at == other.at) {
        let places = seconds.get(&second[0].at).map(Vec::as_slice).unwrap_or_default();
        let (mut after, mut new) = (None, Vec::new());
        for place in places {
            match second.iter().find(|stored| stored.is(&messages[*place])) {
                Some(known) => {
                    settle(&mut ids, &std::mem::take(&mut new), after, second);
                    after = Some(known.id);
                }
                None => new.push(*place),
            }
        }
        settle(&mut ids, &new, after, second);
    }
    ids
}

/// Moves the ids of consecutive new messages directly after the id `after`, or before the whole second, unless they are
/// there already.
fn settle(ids: &mut [MessageId], new: &[usize], after: Option<MessageId>, second: &[StoredPosition]) {
    let (Some(first), Some(last)) = (new.first(), new.last()) else { return };
    let before = second.iter().map(|stored| stored.id).find(|id| after.is_none_or(|after| *id > after));
    let fits = after.is_none_or(|after| after < ids[*first]) && before.is_none_or(|before| ids[*last] < before);
    if !fits {
        let moved = MessageId::between(second[0].at, after, before, new.len());
        for (place, id) in new.iter().zip(moved) {
            ids[*place] = id;
        }
    }
}

/// Returns the number of the `place`-th message of a history within its second, which is lower than that of any live
/// message.
fn sequence(place: usize) -> u64 {
    u64::from(u16::MAX - u16::try_from(place).unwrap_or(u16::MAX))
}
