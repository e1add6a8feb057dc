//! Messages.

use chatgraph_entity::chat;
use chatgraph_entity::message;
use chatgraph_entity::peer;
use sea_orm::ActiveValue::Set;
use sea_orm::ColumnTrait as _;
use sea_orm::Condition;
use sea_orm::ConnectionTrait as _;
use sea_orm::DbBackend;
use sea_orm::EntityTrait as _;
use sea_orm::ExprTrait as _;
use sea_orm::FromQueryResult as _;
use sea_orm::QueryFilter as _;
use sea_orm::QueryOrder as _;
use sea_orm::QueryResult;
use sea_orm::QuerySelect as _;
use sea_orm::QueryTrait as _;
use sea_orm::Select;
use sea_orm::sea_query::Expr;
use sea_orm::sea_query::OnConflict;
use sea_orm::sea_query::Query;
use sea_orm::sea_query::SelectStatement;

use crate::domain::chat::LastMessage;
use crate::domain::cursor::TimeKey;
use crate::domain::id::ChatId;
use crate::domain::id::MessageId;
use crate::domain::id::OrganizationId;
use crate::domain::id::PeerId;
use crate::domain::id::SessionId;
use crate::domain::jid::Jid;
use crate::domain::jid::JidKind;
use crate::domain::message::IncomingMessage;
use crate::domain::message::Message;
use crate::domain::message::MessageKind;
use crate::domain::message::MessageRange;
use crate::domain::message_marker::MessageMarker;
use crate::domain::page::Page;
use crate::domain::page::PageRequest;
use crate::domain::peer::AddressOwner;
use crate::domain::peer::Peer;
use crate::domain::peer::Period;
use crate::domain::peer::last_owner;
use crate::domain::peer::owner_at;
use crate::domain::peer::present;

use super::Store;
use super::chunk::chunks;
use super::enum_code::DbEnum as _;
use super::error::StoreError;
use super::keyset;
use super::keyset::Keyset;
use super::sanitize;
use super::unit_cache::Messages;
use super::unit_of_work::UnitOfWork;

impl Store {
    /// Returns a page of each chat's messages, newest first, in the given order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn messages(
        &self,
        organization: &OrganizationId,
        pages: &[(ChatId, PageRequest<TimeKey>)],
    ) -> Result<Vec<Page<Message>>, StoreError> {
        let backend = self.readers.get_database_backend();
        let lists: Vec<_> = pages.iter().map(|(chat, page)| (listed(backend, organization, *chat), *page)).collect();
        keyset::read(&self.reader(organization), &lists, read_row, |_, message| message.key()).await
    }

    /// Returns messages by id; deleted ones, and those of deleted chats, are missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn messages_by_ids(
        &self,
        organization: &OrganizationId,
        ids: &[MessageId],
    ) -> Result<Vec<Message>, StoreError> {
        let query = with_sender(message::Entity::find())
            .filter(message::Column::Organization.eq(organization.as_str()))
            .filter(message::Column::Id.is_in(ids.iter().map(|id| id.to_bytes())))
            .filter(Expr::exists(of_stored_chat(organization)))
            .into_query();
        self.reader(organization).query_all(&query).await?.iter().map(read_row).collect()
    }
}

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
        let direct = peer.filter(|peer| peer.is_person());
        let mut rows = Vec::with_capacity(messages.len());
        let is_history = arrival == 0 && direct.is_none();
        let known = if is_history {
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
                None if is_history => self.writer_in_history(session, message, &known).await?,
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
        if let Some(added) = self.cached(|cache| cache.add_messages(chat, &rows)).await? {
            return Ok(added);
        }
        let known = [message::Column::ChatId, message::Column::WaId, message::Column::SenderId];
        let mut inserted = 0;
        for part in chunks(rows.into_iter().map(message::ActiveModel::from).collect()) {
            inserted += message::Entity::insert_many(part)
                .on_conflict(OnConflict::columns(known).do_nothing().to_owned())
                .exec_without_returning(self.tx)
                .await?;
        }
        Ok(inserted)
    }

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

    /// Returns the chat's latest stored message, in the form in which a chat refers to it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_message(&mut self, chat: ChatId) -> Result<Option<LastMessage>, StoreError> {
        if let Some(last) = self.cached(|cache| cache.messages(chat, Messages::last)).await? {
            return last;
        }
        self.latest_of(of_chat(self.organization, chat)).await
    }

    /// Like [`UnitOfWork::last_message`], without the messages that `place` covers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_message_beyond(
        &mut self,
        chat: ChatId,
        place: &MessageMarker,
    ) -> Result<Option<LastMessage>, StoreError> {
        self.flush().await?;
        self.latest_of(of_chat(self.organization, chat).add(up_to_marker(place).not())).await
    }

    /// Returns whether a message of the chat was sent before a time, in milliseconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_messages_of_before(&mut self, chat: ChatId, at: i64) -> Result<bool, StoreError> {
        self.flush().await?;
        let before = of_chat(self.organization, chat).add(message::Column::At.lt(at));
        Ok(message::Entity::find().filter(before).one(self.tx).await?.is_some())
    }

    /// Returns the chat's stored messages with this WhatsApp id: at most one per sender.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn messages_by_key(&mut self, chat: ChatId, wa_id: &str) -> Result<Vec<Message>, StoreError> {
        self.flush().await?;
        let named = with_sender(message::Entity::find())
            .filter(of_chat(self.organization, chat))
            .filter(message::Column::WaId.eq(sanitize::strip_nul(wa_id)))
            .into_query();
        self.tx.query_all(&named).await?.iter().map(read_row).collect()
    }

    /// Stores the text of an edited message, and whether it was edited or revoked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rewrite_message(&mut self, message: &Message) -> Result<(), StoreError> {
        self.flush().await?;
        message::Entity::update_many()
            .set(message::ActiveModel {
                text: Set(sanitize::strip_nul_if_any(message.text.as_ref())),
                edited: Set(message.edited),
                edited_as_of: Set(message.edited_as_of),
                revoked: Set(message.revoked),
                ..message::ActiveModel::default()
            })
            .filter(of_chat(self.organization, message.chat))
            .filter(message::Column::Id.eq(message.id.to_bytes()))
            .exec(self.tx)
            .await?;
        Ok(())
    }

    /// Removes the chat's messages that `place` covers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_messages_up_to(&mut self, chat: ChatId, place: &MessageMarker) -> Result<(), StoreError> {
        self.flush().await?;
        let gone = message::Entity::delete_many().filter(of_chat(self.organization, chat)).filter(up_to_marker(place));
        gone.exec(self.tx).await?;
        Ok(())
    }

    async fn latest_of(&mut self, condition: Condition) -> Result<Option<LastMessage>, StoreError> {
        let message = self.latest(condition).await?;
        Ok(message.map(|(message, _)| LastMessage { id: Some(message.id), at: message.at }))
    }

    /// Returns the chat's latest stored message, in the form in which WhatsApp expects it with a setting.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn message_range(&mut self, chat: ChatId) -> Result<Option<MessageRange>, StoreError> {
        self.flush().await?;
        self.range_of(of_chat(self.organization, chat)).await
    }

    /// Like [`UnitOfWork::message_range`], among the messages that `place` covers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn message_range_up_to(
        &mut self,
        chat: ChatId,
        place: &MessageMarker,
    ) -> Result<Option<MessageRange>, StoreError> {
        self.flush().await?;
        self.range_of(of_chat(self.organization, chat).add(up_to_marker(place))).await
    }

    async fn range_of(&mut self, condition: Condition) -> Result<Option<MessageRange>, StoreError> {
        let Some((message, by_lid)) = self.latest(condition).await? else { return Ok(None) };
        let Message { wa_id, from_me, sender_id, at, .. } = message;
        let mut sender = message.sender;
        // WhatsApp knows the message by the address that it was sent with.
        if by_lid {
            let periods = self.periods_of(sender_id).await?;
            sender = present(&periods, JidKind::Lid).cloned().unwrap_or(sender);
        }
        Ok(Some(MessageRange { wa_id, from_me, sender, at }))
    }

    /// Returns the WhatsApp ids of the chat's stored messages of this time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn wa_ids_at(&mut self, chat: ChatId, at: i64) -> Result<Vec<String>, StoreError> {
        self.flush().await?;
        let ids = message::Entity::find()
            .select_only()
            .column(message::Column::WaId)
            .filter(of_chat(self.organization, chat))
            .filter(message::Column::At.eq(at));
        Ok(ids.into_tuple().all(self.tx).await?)
    }

    /// Returns the latest message, and whether its sender was named by LID.
    async fn latest(&mut self, condition: Condition) -> Result<Option<(Message, bool)>, StoreError> {
        let query = with_sender(message::Entity::find())
            .filter(condition)
            .order_by_desc(message::Column::At)
            .order_by_desc(message::Column::Id)
            .limit(1)
            .into_query();
        let Some(row) = self.tx.query_one(&query).await? else { return Ok(None) };
        let named_by: i16 = row.try_get("", "named_by")?;
        Ok(Some((read_row(&row)?, named_by & BY_LID != 0)))
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

/// Query for a chat's messages; `store::tests::plans` checks its plan.
pub(super) fn listed(
    backend: DbBackend,
    organization: &OrganizationId,
    chat: ChatId,
) -> Keyset<message::Entity, TimeKey> {
    let rows = with_sender(message::Entity::find()).filter(of_chat(organization, chat));
    Keyset { rows, key: vec![message::Column::At, message::Column::Id], above: None, below: None, backend }
}

/// Query for the chat of a message, if it is not deleted.
pub(super) fn of_stored_chat(organization: &OrganizationId) -> SelectStatement {
    chat::Entity::find()
        .select_only()
        .column(chat::Column::Id)
        .filter(chat::Column::Organization.eq(organization.as_str()))
        .filter(Expr::col((chat::Entity, chat::Column::Id)).equals((message::Entity, message::Column::ChatId)))
        .into_query()
}

/// Messages per statement.
const NAMED: usize = 500;

pub(super) fn of_chat(organization: &OrganizationId, chat: ChatId) -> Condition {
    Condition::all()
        .add(message::Column::Organization.eq(organization.as_str()))
        .add(message::Column::ChatId.eq(chat.to_bytes()))
}

/// As [`MessageMarker::covers`].
fn up_to_marker(place: &MessageMarker) -> Condition {
    use message::Column;
    let at_that_time = Condition::all().add(Column::At.eq(place.at));
    let listed = place.wa_ids.iter().map(|id| sanitize::strip_nul(id));
    let at_that_time =
        if place.wa_ids.is_empty() { at_that_time } else { at_that_time.add(Column::WaId.is_in(listed)) };
    Condition::any().add(Column::At.lt(place.at)).add(at_that_time)
}

/// Returns the arrival number and the id of the `place`-th of some live messages. Within a second they follow those of a
/// history.
fn arrived(at: i64, first: i64, place: usize) -> (i64, MessageId) {
    let arrival = first.saturating_add(i64::try_from(place).unwrap_or(i64::MAX));
    let sequence = u64::try_from(arrival).map_or(0, |number| number.saturating_add(u16::MAX.into()));
    (arrival, MessageId::of(at, sequence))
}

/// Flags of a message: whether WhatsApp named the sender by LID, and whether it is in a group chat.
pub(super) const BY_LID: i16 = 1;
pub(super) const AMONG_SEVERAL: i16 = 2;

fn named_by(jid: &Jid, among_several: bool) -> i16 {
    let by_lid = if jid.kind() == JidKind::Lid { BY_LID } else { 0 };
    by_lid | if among_several { AMONG_SEVERAL } else { 0 }
}

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
    pub fn says(&self, message: &IncomingMessage) -> bool {
        self.text == sanitize::strip_nul_if_any(message.text.as_ref())
    }
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

/// Adds the addresses of their senders to a query for messages.
pub(super) fn with_sender(messages: Select<message::Entity>) -> Select<message::Entity> {
    let sender = Query::select()
        .column((peer::Entity, peer::Column::Jid))
        .from(peer::Entity)
        .and_where(Expr::col((peer::Entity, peer::Column::Id)).equals((message::Entity, message::Column::SenderId)))
        .take();
    messages.expr_as(Expr::SubQuery(None, Box::new(sender.into())), "sender")
}

/// Parses a row of [`with_sender`].
pub(super) fn read_row(row: &QueryResult) -> Result<Message, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "message", column };
    let sender: Option<String> = row.try_get("", "sender")?;
    let sender = sender.and_then(|jid| jid.parse().ok()).ok_or(corrupt("sender_id"))?;
    let row = message::Model::from_query_result(row, "")?;
    Ok(Message {
        id: MessageId::from_bytes(&row.id).map_err(|_| corrupt("id"))?,
        chat: ChatId::from_bytes(&row.chat_id).map_err(|_| corrupt("chat_id"))?,
        session: SessionId::from_bytes(&row.session_id).map_err(|_| corrupt("session_id"))?,
        wa_id: row.wa_id,
        sender,
        sender_id: PeerId::from_bytes(&row.sender_id).map_err(|_| corrupt("sender_id"))?,
        sender_name: row.sender_name,
        from_me: row.from_me,
        kind: MessageKind::from_code(row.kind, "message", "kind")?,
        text: row.text,
        at: row.at,
        edited: row.edited,
        edited_as_of: row.edited_as_of,
        revoked: row.revoked,
    })
}
