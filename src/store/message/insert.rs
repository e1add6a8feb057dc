//! Storing new messages.

use chatgraph_entity::message;
use sea_orm::{EntityTrait as _, sea_query::OnConflict};

use super::{AMONG_SEVERAL, BY_LID, known::KnownMessage};
use crate::{
    domain::{
        id::{ChatId, MessageId, OrganizationId, PeerId, SessionId},
        jid::{Jid, JidKind},
        message::IncomingMessage,
        peer::{AddressOwner, Peer, Period, last_owner, owner_at},
    },
    store::{chunk::chunks, enum_code::DbEnum as _, error::StoreError, sanitize, unit_of_work::UnitOfWork},
};

impl UnitOfWork<'_> {
    /// Stores new messages, identified by chat, sender and WhatsApp id; returns the number of new ones. `arrival` is
    /// the number of the first one, and the others follow. 0 means a history, which has the newest message first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_messages(
        &mut self,
        session: SessionId,
        chat: ChatId,
        messages: &[IncomingMessage],
        arrival: i64,
    ) -> Result<u64, StoreError> {
        let peer = self.peer_of_chat(chat).await?;
        self.insert_messages_with(session, chat, peer.as_ref(), messages, arrival).await
    }

    /// Like [`UnitOfWork::insert_messages`], for a chat whose peer is known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_messages_with(
        &mut self,
        session: SessionId,
        chat: ChatId,
        peer: Option<&Peer>,
        messages: &[IncomingMessage],
        arrival: i64,
    ) -> Result<u64, StoreError> {
        let rows = self.message_rows(session, chat, peer, messages, arrival).await?;
        self.insert_message_rows(chat, rows).await
    }

    /// Stores one live message, of a chat whose peer is known; returns its id, or `None` if it was stored before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_message(
        &mut self,
        session: SessionId,
        chat: ChatId,
        peer: &Peer,
        message: &IncomingMessage,
        arrival: i64,
    ) -> Result<Option<MessageId>, StoreError> {
        let messages = std::slice::from_ref(message);
        let rows = self.message_rows(session, chat, Some(peer), messages, arrival).await?;
        let corrupt = |_| StoreError::Corrupt { table: "message", column: "id" };
        let id = rows.first().map(|row| MessageId::from_bytes(&row.id).map_err(corrupt)).transpose()?;
        let inserted = self.insert_message_rows(chat, rows).await?;
        Ok(id.filter(|_| inserted > 0))
    }

    async fn message_rows(
        &mut self,
        session: SessionId,
        chat: ChatId,
        peer: Option<&Peer>,
        messages: &[IncomingMessage],
        arrival: i64,
    ) -> Result<Vec<message::Model>, StoreError> {
        let direct = peer.filter(|peer| peer.is_person());
        let mut rows = Vec::with_capacity(messages.len());
        let historic = arrival == 0 && direct.is_none();
        let known = if historic {
            let wa_ids: Vec<_> = messages.iter().map(|message| message.wa_id.clone()).collect();
            self.known_messages(chat, &wa_ids).await?
        } else {
            Vec::new()
        };
        let in_history = if arrival == 0 { self.history_ids(chat, messages).await? } else { Vec::new() };
        for (place, message) in messages.iter().enumerate() {
            let sender = match direct {
                _ if message.from_me => self.account(session, &message.sender).await?,
                Some(peer) => peer.id,
                None if historic => self.writer_in_history(session, message, &known).await?,
                None => self.writer(session, &message.sender, message.at).await?,
            };
            let (arrival, id) = match in_history.get(place) {
                Some(id) => (0, *id),
                None => arrived(message.at, arrival, place),
            };
            let named_by = named_by(if direct.is_some() { &message.chat } else { &message.sender }, direct.is_none());
            let row = to_row(self.organization, session, chat, id, message);
            rows.push(message::Model { arrival, sender_id: sender.to_bytes(), named_by, ..row });
        }
        Ok(rows)
    }

    async fn insert_message_rows(&mut self, chat: ChatId, rows: Vec<message::Model>) -> Result<u64, StoreError> {
        if let Some(added) = self.cached(|cache| cache.add_messages(chat, &rows)).await? {
            return Ok(added);
        }
        let known = [message::Column::ChatId, message::Column::WaId, message::Column::SenderId];
        let mut inserted = 0;
        for part in chunks::<message::Entity, _>(rows.into_iter().map(message::ActiveModel::from).collect()) {
            inserted += message::Entity::insert_many(part)
                .on_conflict(OnConflict::columns(known).do_nothing().to_owned())
                .exec_without_returning(self.tx)
                .await?;
        }
        Ok(inserted)
    }

    /// Returns the account's peer as a sender; creates it with the first known address.
    async fn account(&mut self, session: SessionId, jid: &Jid) -> Result<PeerId, StoreError> {
        let account = PeerId::account(session);
        // The cache is loaded after the account's peer was created.
        if self.cache.is_none() {
            self.make_account(session, jid).await?;
        }
        Ok(account)
    }

    /// Returns the sender of a message in a history, which names people by their present addresses. This is the former
    /// or present owner of the address who is known to have sent the message, or else the present owner.
    async fn writer_in_history(
        &mut self,
        session: SessionId,
        message: &IncomingMessage,
        known: &[KnownMessage],
    ) -> Result<PeerId, StoreError> {
        let periods = self.periods(session, &message.sender).await?;
        let wrote = |period: &&Period| {
            let it = |known: &&KnownMessage| known.wa_id == message.wa_id && known.sender_id == period.peer;
            known.iter().any(|known| it(&known))
        };
        if let Some(period) = periods.iter().rev().find(wrote) {
            return Ok(period.peer);
        }
        match last_owner(&periods) {
            Some(AddressOwner { peer, former: false }) => Ok(peer),
            _ => self.writer(session, &message.sender, message.at).await,
        }
    }

    /// Returns the owner of an address at a time, or a new peer if it has none.
    async fn writer(&mut self, session: SessionId, jid: &Jid, at: i64) -> Result<PeerId, StoreError> {
        let periods = self.periods(session, jid).await?;
        match owner_at(&periods, at) {
            Some(AddressOwner { peer, former: false }) => Ok(peer),
            _ => Ok(self.new_peer(session, jid, at).await?.id),
        }
    }
}

/// Returns the arrival number and the id of the `place`-th of some live messages. Within a second they follow those of
/// a history.
fn arrived(at: i64, first: i64, place: usize) -> (i64, MessageId) {
    let arrival = first.saturating_add(i64::try_from(place).unwrap_or(i64::MAX));
    let sequence = u64::try_from(arrival).map_or(0, |number| number.saturating_add(u16::MAX.into()));
    (arrival, MessageId::of(at, sequence))
}

fn named_by(jid: &Jid, among_several: bool) -> i16 {
    let by_lid = if jid.kind() == JidKind::Lid { BY_LID } else { 0 };
    by_lid | if among_several { AMONG_SEVERAL } else { 0 }
}

fn to_row(
    organization: &OrganizationId,
    session: SessionId,
    chat: ChatId,
    id: MessageId,
    message: &IncomingMessage,
) -> message::Model {
    message::Model {
        id: id.to_bytes(),
        organization: organization.to_string(),
        session_id: session.to_bytes(),
        chat_id: chat.to_bytes(),
        wa_id: sanitize::strip_nul(&message.wa_id),
        sender_id: Vec::new(),
        named_by: 0,
        sender_name: sanitize::strip_nul_if_any(message.sender_name.as_ref()),
        from_me: message.from_me,
        kind: message.kind.code(),
        text: sanitize::strip_nul_if_any(message.text.as_ref()),
        at: message.at,
        edited: false,
        edited_as_of: 0,
        revoked: false,
        arrival: 0,
    }
}
