//! Cached messages of a chat: the fields needed to find the last one, and those that are read.

use std::collections::HashSet;

use chatgraph_entity::message;

use crate::{
    domain::{
        chat::LastMessage,
        id::{MessageId, PeerId},
        message_marker::MessageMarker,
    },
    store::{error::StoreError, history_position::StoredPosition, message::KnownMessage, sanitize},
};

/// A chat's messages, stored or waiting to be stored. Its queries mirror those of `store::message` and
/// `store::unread`.
#[derive(Default)]
pub(in crate::store) struct Messages {
    all: Vec<CachedMessages>,
    /// Identities of the messages.
    keys: HashSet<(String, Vec<u8>)>,
}

/// The cached fields of a message.
pub(super) struct CachedMessages {
    pub(super) at: i64,
    pub(super) id: Vec<u8>,
    pub(super) wa_id: String,
    pub(super) sender: Vec<u8>,
    pub(super) from_me: bool,
    pub(super) revoked: bool,
    pub(super) edited: bool,
    pub(super) text: Option<String>,
}

impl Messages {
    pub(super) fn add(&mut self, message: CachedMessages) -> bool {
        let is_new = self.keys.insert((message.wa_id.clone(), message.sender.clone()));
        if is_new {
            self.all.push(message);
        }
        is_new
    }

    /// Adds a message to be stored; returns whether it is new.
    pub(super) fn take(&mut self, row: &message::Model) -> bool {
        let message::Model { at, id, wa_id, sender_id, from_me, revoked, edited, text, .. } = row;
        self.add(CachedMessages {
            at: *at,
            id: id.clone(),
            wa_id: wa_id.clone(),
            sender: sender_id.clone(),
            from_me: *from_me,
            revoked: *revoked,
            edited: *edited,
            text: text.clone(),
        })
    }

    /// As `UnitOfWork::known_messages`.
    pub(in crate::store) fn known(&self, wa_ids: &[String]) -> Result<Vec<KnownMessage>, StoreError> {
        let wa_ids: HashSet<_> = wa_ids.iter().collect();
        let known = self.all.iter().filter(|message| wa_ids.contains(&message.wa_id));
        let known = known.map(|it| {
            let corrupt = |_| StoreError::Corrupt { table: "message", column: "sender_id" };
            Ok(KnownMessage {
                wa_id: it.wa_id.clone(),
                sender_id: PeerId::from_bytes(&it.sender).map_err(corrupt)?,
                from_me: it.from_me,
                settled: it.revoked || it.edited,
                text: it.text.clone(),
            })
        });
        known.collect()
    }

    /// As `UnitOfWork::last_message`.
    pub(in crate::store) fn last(&self) -> Result<Option<LastMessage>, StoreError> {
        let Some(last) = self.all.iter().max_by_key(|message| message.order()) else { return Ok(None) };
        let corrupt = |_| StoreError::Corrupt { table: "message", column: "id" };
        let id = MessageId::from_bytes(&last.id).map_err(corrupt)?;
        Ok(Some(LastMessage { id: Some(id), at: last.at }))
    }

    /// As `UnitOfWork::last_but`.
    pub(in crate::store) fn last_but(
        &self,
        unread: u32,
        revoked: &[&str],
        until: &MessageMarker,
    ) -> Option<MessageMarker> {
        let named: Vec<_> = until.wa_ids.iter().map(|id| sanitize::strip_nul(id)).collect();
        let revoked: Vec<_> = revoked.iter().map(|id| sanitize::strip_nul(id)).collect();
        let mut read: Vec<_> = self.all.iter().filter(|message| !message.from_me && !message.revoked).collect();
        read.retain(|message| !revoked.contains(&message.wa_id));
        read.retain(|message| message.at < until.at || message.at == until.at && named.contains(&message.wa_id));
        read.sort_by_key(|message| std::cmp::Reverse(message.order()));
        let read = read.get(usize::try_from(unread).unwrap_or(usize::MAX))?;
        Some(MessageMarker { at: read.at, wa_ids: vec![read.wa_id.clone()] })
    }

    /// Returns the messages of one instant, by id and WhatsApp id, as `UnitOfWork::expand_marker` needs them.
    pub(in crate::store) fn of_second(&self, at: i64) -> Vec<(Vec<u8>, String)> {
        let second = self.all.iter().filter(|message| message.at == at);
        second.map(|message| (message.id.clone(), message.wa_id.clone())).collect()
    }

    /// Returns the positions of the messages of these seconds, as `UnitOfWork::history_ids` needs them.
    pub(in crate::store) fn of_seconds(&self, seconds: &HashSet<i64>) -> Result<Vec<StoredPosition>, StoreError> {
        let stored = self.all.iter().filter(|message| seconds.contains(&message.at));
        stored.map(|it| StoredPosition::new(it.at, &it.id, it.wa_id.clone(), it.from_me)).collect()
    }

    /// As `UnitOfWork::count_after`.
    pub(in crate::store) fn count_behind(&self, place: Option<&MessageMarker>) -> u32 {
        let named: Vec<_> = place.iter().flat_map(|place| &place.wa_ids).map(|id| sanitize::strip_nul(id)).collect();
        let behind = |message: &&CachedMessages| match place {
            _ if message.from_me || message.revoked => false,
            Some(place) if message.at == place.at => !named.is_empty() && !named.contains(&message.wa_id),
            Some(place) => message.at > place.at,
            None => true,
        };
        u32::try_from(self.all.iter().filter(behind).count()).unwrap_or(u32::MAX)
    }
}

impl CachedMessages {
    fn order(&self) -> (i64, &[u8]) {
        (self.at, &self.id)
    }
}
