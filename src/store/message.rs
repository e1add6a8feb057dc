//! Messages.

mod insert;
mod known;
mod latest;

use chatgraph_entity::{chat, message, peer};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, Condition, ConnectionTrait as _, DbBackend, EntityTrait as _, ExprTrait as _,
    FromQueryResult as _, QueryFilter as _, QueryResult, QuerySelect as _, QueryTrait as _, Select,
    sea_query::{Expr, Query},
};

use super::{
    Store,
    connect::{Row, model},
    enum_code::DbEnum as _,
    error::StoreError,
    keyset::{self, Keyset},
    sanitize,
    unit_of_work::UnitOfWork,
};
use crate::domain::{
    cursor::TimeKey,
    id::{ChatId, MessageId, OrganizationId, PeerId, SessionId},
    message::{Message, MessageKind},
    message_marker::MessageMarker,
    page::{Page, PageRequest},
};

pub use known::KnownMessage;

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
        keyset::read(&self.reader(organization), &lists, hot_row, Message::key).await
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
        let reader = self.reader(organization);
        reader.rows(with_ids(organization, ids).build(reader.get_database_backend()), hot_row).await
    }
}

impl UnitOfWork<'_> {
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

/// Query for messages by id, without those of deleted chats.
pub(super) fn with_ids(organization: &OrganizationId, ids: &[MessageId]) -> Select<message::Entity> {
    with_sender(message::Entity::find())
        .filter(message::Column::Organization.eq(organization.as_str()))
        .filter(message::Column::Id.is_in(ids.iter().map(|id| id.to_bytes())))
        .filter(has_stored_chat(organization))
}

/// Condition for a message whose chat is not deleted. It is no `EXISTS`: PostgreSQL would turn that into a join, and
/// without statistics read the messages of all chats for it.
pub(super) fn has_stored_chat(organization: &OrganizationId) -> Expr {
    let chat = chat::Entity::find()
        .select_only()
        .column(chat::Column::Organization)
        .filter(Expr::col((chat::Entity, chat::Column::Id)).equals((message::Entity, message::Column::ChatId)))
        .into_query();
    Expr::SubQuery(None, Box::new(chat.into())).eq(organization.as_str())
}

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

/// Flags of a message: whether WhatsApp named the sender by LID, and whether it is in a group chat.
pub(super) const BY_LID: i16 = 1;

pub(super) const AMONG_SEVERAL: i16 = 2;

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
    from_row(row.try_get("", "sender")?, message::Model::from_query_result(row, "")?)
}

/// Parses a row of [`with_sender`] in a hot read.
fn hot_row(row: &Row<'_>) -> Result<Message, StoreError> {
    let message = model!(row, message, id organization session_id chat_id wa_id sender_id named_by sender_name
        from_me kind text at edited edited_as_of revoked arrival);
    from_row(row.get("sender")?, message)
}

fn from_row(sender: Option<String>, row: message::Model) -> Result<Message, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "message", column };
    let sender = sender.and_then(|jid| jid.parse().ok()).ok_or(corrupt("sender_id"))?;
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
