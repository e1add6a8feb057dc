//! Messages.

use chatgraph_entity::chat;
use chatgraph_entity::message;
use sea_orm::ActiveValue::Set;
use sea_orm::ColumnTrait as _;
use sea_orm::Condition;
use sea_orm::ConnectionTrait as _;
use sea_orm::DbBackend;
use sea_orm::EntityTrait as _;
use sea_orm::ExprTrait as _;
use sea_orm::PaginatorTrait as _;
use sea_orm::QueryFilter as _;
use sea_orm::QueryOrder as _;
use sea_orm::QuerySelect as _;
use sea_orm::QueryTrait as _;
use sea_orm::sea_query::Expr;
use sea_orm::sea_query::OnConflict;

use crate::domain::chat::LastMessage;
use crate::domain::cursor::TimeKey;
use crate::domain::horizon::Horizon;
use crate::domain::id::ChatId;
use crate::domain::id::MessageId;
use crate::domain::id::OrganizationId;
use crate::domain::id::SessionId;
use crate::domain::message::IncomingMessage;
use crate::domain::message::Message;
use crate::domain::message::MessageKind;
use crate::domain::message::MessageRange;
use crate::domain::page::Page;
use crate::domain::page::PageRequest;

use super::Store;
use super::code::Code as _;
use super::error::StoreError;
use super::keyset;
use super::keyset::Keyset;
use super::parts::parts;
use super::shelf::Messages;
use super::text;
use super::unit::Unit;

impl Store {
    /// A page of each chat's messages, newest first, in the order in which they are asked for.
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
        keyset::read(&self.readers, &lists, from_row, |_, message| message.key()).await
    }

    /// Messages by their ids; those that are gone are missing, and so are those of a chat that is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn messages_by_ids(
        &self,
        organization: &OrganizationId,
        ids: &[MessageId],
    ) -> Result<Vec<Message>, StoreError> {
        let chat = chat::Entity::find()
            .select_only()
            .column(chat::Column::Id)
            .filter(chat::Column::Organization.eq(organization.as_str()))
            .filter(Expr::col((chat::Entity, chat::Column::Id)).equals((message::Entity, message::Column::ChatId)))
            .into_query();
        let rows = message::Entity::find()
            .filter(message::Column::Organization.eq(organization.as_str()))
            .filter(message::Column::Id.is_in(ids.iter().map(|id| id.to_bytes())))
            .filter(Expr::exists(chat))
            .all(&self.readers)
            .await?;
        rows.into_iter().map(from_row).collect()
    }
}

impl Unit<'_> {
    /// Stores the messages that are new, recognised by chat, sender and WhatsApp's id; tells how many that were.
    /// `arrival` numbers the first of them, the others follow; with 0 they are a history's, which tells the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_messages(
        &mut self,
        organization: &OrganizationId,
        session: SessionId,
        chat: ChatId,
        messages: &[IncomingMessage],
        arrival: i64,
    ) -> Result<u64, StoreError> {
        if let Some(added) = self.on_shelf(|shelf| shelf.add_messages(organization, chat, messages, arrival)).await? {
            return Ok(added);
        }
        let known = [message::Column::ChatId, message::Column::WaId, message::Column::Sender];
        let mut inserted = 0;
        let rows = to_rows(organization, session, chat, messages, arrival).map(message::ActiveModel::from);
        for part in parts(rows.collect()) {
            inserted += message::Entity::insert_many(part)
                .on_conflict(OnConflict::columns(known).do_nothing().to_owned())
                .exec_without_returning(self.tx)
                .await?;
        }
        Ok(inserted)
    }

    /// The chat's latest stored message, as a chat refers to it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_message(
        &mut self,
        organization: &OrganizationId,
        chat: ChatId,
    ) -> Result<Option<LastMessage>, StoreError> {
        if let Some(last) = self.on_shelf(|shelf| shelf.messages(chat, Messages::last)).await? {
            return last;
        }
        self.latest_of(of_chat(organization, chat)).await
    }

    /// The same without those that `place` covers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_message_beyond(
        &mut self,
        organization: &OrganizationId,
        chat: ChatId,
        place: &Horizon,
    ) -> Result<Option<LastMessage>, StoreError> {
        self.put_away().await?;
        self.latest_of(of_chat(organization, chat).add(covered(place).not())).await
    }

    /// How many messages others wrote that were not taken back.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn messages_of_others(&mut self, organization: &OrganizationId, chat: ChatId) -> Result<u32, StoreError> {
        self.put_away().await?;
        let others = message::Entity::find()
            .filter(of_chat(organization, chat))
            .filter(message::Column::FromMe.eq(false))
            .filter(message::Column::Revoked.eq(false));
        Ok(u32::try_from(others.count(self.tx).await?).unwrap_or(u32::MAX))
    }

    /// The chat's stored messages with this id of WhatsApp's: at most one a sender.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn messages_named(
        &mut self,
        organization: &OrganizationId,
        chat: ChatId,
        wa_id: &str,
    ) -> Result<Vec<Message>, StoreError> {
        self.put_away().await?;
        let named = message::Entity::find()
            .filter(of_chat(organization, chat))
            .filter(message::Column::WaId.eq(text::storable(wa_id)));
        named.all(self.tx).await?.into_iter().map(from_row).collect()
    }

    /// Stores what a message says since, and whether it was edited or taken back.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rewrite_message(
        &mut self,
        organization: &OrganizationId,
        message: &Message,
    ) -> Result<(), StoreError> {
        self.put_away().await?;
        message::Entity::update_many()
            .set(message::ActiveModel {
                text: Set(text::storable_if_any(message.text.as_ref())),
                edited: Set(message.edited),
                edited_as_of: Set(message.edited_as_of),
                revoked: Set(message.revoked),
                ..message::ActiveModel::default()
            })
            .filter(of_chat(organization, message.chat))
            .filter(message::Column::Id.eq(message.id.to_bytes()))
            .exec(self.tx)
            .await?;
        Ok(())
    }

    /// Removes the chat's messages that `place` covers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_messages_up_to(
        &mut self,
        organization: &OrganizationId,
        chat: ChatId,
        place: &Horizon,
    ) -> Result<(), StoreError> {
        self.put_away().await?;
        let gone = message::Entity::delete_many().filter(of_chat(organization, chat)).filter(covered(place));
        gone.exec(self.tx).await?;
        Ok(())
    }

    async fn latest_of(&mut self, condition: Condition) -> Result<Option<LastMessage>, StoreError> {
        let message = self.latest(condition).await?.map(from_row).transpose()?;
        Ok(message.map(|message| LastMessage { id: Some(message.id), at: message.at }))
    }

    /// The chat's latest stored message, as WhatsApp wants it named with a setting.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn message_range(
        &mut self,
        organization: &OrganizationId,
        chat: ChatId,
    ) -> Result<Option<MessageRange>, StoreError> {
        self.put_away().await?;
        self.range_of(of_chat(organization, chat)).await
    }

    /// The same among those that `place` covers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn message_range_up_to(
        &mut self,
        organization: &OrganizationId,
        chat: ChatId,
        place: &Horizon,
    ) -> Result<Option<MessageRange>, StoreError> {
        self.put_away().await?;
        self.range_of(of_chat(organization, chat).add(covered(place))).await
    }

    async fn range_of(&mut self, condition: Condition) -> Result<Option<MessageRange>, StoreError> {
        let message = self.latest(condition).await?.map(from_row).transpose()?;
        Ok(message.map(|Message { wa_id, from_me, sender, at, .. }| MessageRange { wa_id, from_me, sender, at }))
    }

    /// WhatsApp's ids of the chat's stored messages of this time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn wa_ids_at(
        &mut self,
        organization: &OrganizationId,
        chat: ChatId,
        at: i64,
    ) -> Result<Vec<String>, StoreError> {
        self.put_away().await?;
        let ids = message::Entity::find()
            .select_only()
            .column(message::Column::WaId)
            .filter(of_chat(organization, chat))
            .filter(message::Column::At.eq(at));
        Ok(ids.into_tuple().all(self.tx).await?)
    }

    async fn latest(&mut self, condition: Condition) -> Result<Option<message::Model>, StoreError> {
        Ok(message::Entity::find()
            .filter(condition)
            .order_by_desc(message::Column::At)
            .order_by_desc(message::Column::Id)
            .one(self.tx)
            .await?)
    }
}

/// A chat's messages; `store::tests::plans` looks at how they are found.
pub(super) fn listed(
    backend: DbBackend,
    organization: &OrganizationId,
    chat: ChatId,
) -> Keyset<message::Entity, TimeKey> {
    let rows = message::Entity::find().filter(of_chat(organization, chat));
    Keyset { rows, key: vec![message::Column::At, message::Column::Id], above: None, below: None, backend }
}

fn of_chat(organization: &OrganizationId, chat: ChatId) -> Condition {
    Condition::all()
        .add(message::Column::Organization.eq(organization.as_str()))
        .add(message::Column::ChatId.eq(chat.to_bytes()))
}

/// As [`Horizon::covers`].
fn covered(place: &Horizon) -> Condition {
    use message::Column;
    let at_that_time = Condition::all().add(Column::At.eq(place.at));
    let listed = place.wa_ids.iter().map(|id| text::storable(id));
    let at_that_time =
        if place.wa_ids.is_empty() { at_that_time } else { at_that_time.add(Column::WaId.is_in(listed)) };
    Condition::any().add(Column::At.lt(place.at)).add(at_that_time)
}

/// The number and the place in its second of the `place`-th of some messages. A history's come before what arrives later.
fn sequence(arrival: i64, place: usize) -> (i64, u64) {
    let place = u16::try_from(place).unwrap_or(u16::MAX);
    if arrival == 0 {
        return (0, (u16::MAX - place).into());
    }
    let arrival = arrival.saturating_add(place.into());
    (arrival, u64::try_from(arrival).map_or(0, |number| number.saturating_add(u16::MAX.into())))
}

/// The rows of messages that come now; see [`Unit::insert_messages`].
pub(super) fn to_rows(
    organization: &OrganizationId,
    session: SessionId,
    chat: ChatId,
    messages: &[IncomingMessage],
    arrival: i64,
) -> impl Iterator<Item = message::Model> {
    messages.iter().enumerate().map(move |(place, message)| {
        let (arrival, sequence) = sequence(arrival, place);
        let id = MessageId::of(message.at, sequence);
        message::Model { arrival, ..to_row(organization, session, chat, id, message) }
    })
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
        wa_id: text::storable(&message.wa_id),
        sender: message.sender.to_string(),
        sender_name: text::storable_if_any(message.sender_name.as_ref()),
        from_me: message.from_me,
        kind: message.kind.code(),
        text: text::storable_if_any(message.text.as_ref()),
        at: message.at,
        edited: false,
        edited_as_of: 0,
        revoked: false,
        arrival: 0,
    }
}

fn from_row(row: message::Model) -> Result<Message, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "message", column };
    Ok(Message {
        id: MessageId::from_bytes(&row.id).map_err(|_| corrupt("id"))?,
        chat: ChatId::from_bytes(&row.chat_id).map_err(|_| corrupt("chat_id"))?,
        session: SessionId::from_bytes(&row.session_id).map_err(|_| corrupt("session_id"))?,
        wa_id: row.wa_id,
        sender: row.sender.parse().map_err(|_| corrupt("sender"))?,
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
