//! Moving messages between peers. Of several copies of one message the one that arrived first stays, with the latest
//! edit or revocation. Of copies from histories, which have no arrival number, the one that need not move stays.

use chatgraph_entity::message::{self, Column};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, Condition, EntityTrait as _, ExprTrait as _, QueryFilter as _,
    QuerySelect as _, sea_query::Expr,
};

use super::{
    error::StoreError,
    message::{AMONG_SEVERAL, of_chat},
    unit_of_work::UnitOfWork,
};
use crate::domain::{
    id::{ChatId, PeerId},
    peer::MovedPeriod,
};

/// Rows per statement.
const BATCH_ROWS: usize = 500;

/// Messages of a direct chat that move to another one.
#[derive(Debug, Clone, Copy)]
pub enum MovedMessages<'m> {
    /// All of them.
    All,
    /// Those from or to the moved number, in its period.
    Moved(&'m MovedPeriod),
}

impl UnitOfWork<'_> {
    /// Moves messages of one direct chat to another one, with `writer` as the sender of incoming ones. Returns the
    /// number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn move_messages(
        &mut self,
        from: ChatId,
        to: ChatId,
        writer: PeerId,
        which: MovedMessages<'_>,
    ) -> Result<u64, StoreError> {
        let organization = self.organization;
        self.flush().await?;
        let moving = of_chat(organization, from).add(matching(which));
        let moved_ids = message::Entity::find()
            .select_only()
            .columns([Column::WaId, Column::FromMe])
            .filter(moving.clone())
            .into_tuple::<(String, bool)>()
            .all(self.tx)
            .await?;
        for part in moved_ids.chunks(BATCH_ROWS) {
            let named = Column::WaId.is_in(part.iter().map(|(wa_id, _)| wa_id.as_str()));
            let either = Condition::any().add(of_chat(organization, to)).add(moving.clone());
            let copies = message::Entity::find().filter(either).filter(named).all(self.tx).await?;
            let moves = |row: &message::Model| row.chat_id == from.to_bytes();
            self.merge(copies, moves, |row| (row.wa_id.clone(), vec![u8::from(row.from_me)])).await?;
        }
        message::Entity::update_many()
            .col_expr(Column::SenderId, Expr::value(writer.to_bytes()))
            .filter(moving.clone())
            .filter(Column::FromMe.eq(false))
            .exec(self.tx)
            .await?;
        let moved = message::Entity::update_many()
            .col_expr(Column::ChatId, Expr::value(to.to_bytes()))
            .filter(moving)
            .exec(self.tx)
            .await?;
        Ok(moved.rows_affected)
    }

    /// Replaces the sender `from` by `into` in group chats. Returns the chats in which copies were merged.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rename_sender(&mut self, from: PeerId, into: PeerId) -> Result<Vec<ChatId>, StoreError> {
        self.rename(from, into, Condition::all()).await
    }

    /// Replaces the sender of messages from a moved number in group chats, in its period. Returns the chats in which
    /// copies were merged.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rename_moved_sender(&mut self, moved: &MovedPeriod, into: PeerId) -> Result<Vec<ChatId>, StoreError> {
        self.rename(moved.peer, into, matching(MovedMessages::Moved(moved))).await
    }

    /// Returns the chats in which copies were merged.
    async fn rename(&mut self, from: PeerId, into: PeerId, which: Condition) -> Result<Vec<ChatId>, StoreError> {
        self.flush().await?;
        let organization = self.organization;
        let by = |peer: PeerId| {
            Condition::all()
                .add(Column::Organization.eq(organization.as_str()))
                .add(Column::SenderId.eq(peer.to_bytes()))
                .add(among_several())
        };
        let moving = by(from).add(which);
        let written = message::Entity::find()
            .select_only()
            .columns([Column::ChatId, Column::WaId])
            .filter(moving.clone())
            .into_tuple::<(Vec<u8>, String)>()
            .all(self.tx)
            .await?;
        let mut merged = Vec::new();
        for part in written.chunks(BATCH_ROWS) {
            let copies = Condition::any().add(by(into)).add(moving.clone());
            let copies = message::Entity::find()
                .filter(copies)
                .filter(Column::ChatId.is_in(part.iter().map(|(chat, _)| chat.clone())))
                .filter(Column::WaId.is_in(part.iter().map(|(_, wa_id)| wa_id.as_str())));
            let copies = copies.all(self.tx).await?;
            let moves = |row: &message::Model| row.sender_id == from.to_bytes();
            merged.extend(self.merge(copies, moves, |row| (row.wa_id.clone(), row.chat_id.clone())).await?);
        }
        message::Entity::update_many()
            .col_expr(Column::SenderId, Expr::value(into.to_bytes()))
            .filter(moving)
            .exec(self.tx)
            .await?;
        merged.sort();
        merged.dedup();
        let corrupt = |_| StoreError::Corrupt { table: "message", column: "chat_id" };
        merged.iter().map(|chat| ChatId::from_bytes(chat).map_err(corrupt)).collect()
    }

    /// Merges rows with the same `key`. Returns the chats of the removed copies.
    async fn merge(
        &mut self,
        mut rows: Vec<message::Model>,
        moves: impl Fn(&message::Model) -> bool,
        key: impl Fn(&message::Model) -> (String, Vec<u8>),
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let organization = self.organization;
        rows.sort_by_cached_key(|row| (key(row), row.arrival, moves(row), row.id.clone()));
        let mut chats = Vec::new();
        for copies in rows.chunk_by(|one, other| key(one) == key(other)) {
            let [first, others @ ..] = copies else { continue };
            let Some(newest) = copies.iter().rev().max_by_key(|row| (row.revoked, row.edited_as_of, row.edited)) else {
                continue;
            };
            if others.is_empty() {
                continue;
            }
            chats.extend(others.iter().map(|row| row.chat_id.clone()));
            message::Entity::delete_many()
                .filter(Column::Organization.eq(organization.as_str()))
                .filter(Column::Id.is_in(others.iter().map(|row| row.id.clone())))
                .exec(self.tx)
                .await?;
            if newest.id != first.id {
                let row = message::ActiveModel {
                    text: Set(newest.text.clone()),
                    edited: Set(newest.edited),
                    edited_as_of: Set(newest.edited_as_of),
                    revoked: Set(newest.revoked),
                    ..message::ActiveModel::default()
                };
                message::Entity::update_many()
                    .set(row)
                    .filter(Column::Organization.eq(organization.as_str()))
                    .filter(Column::Id.eq(first.id.clone()))
                    .exec(self.tx)
                    .await?;
            }
        }
        Ok(chats)
    }

    /// Returns whether a message from or to a peer before a time is stored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_messages_before(
        &mut self,
        peer: PeerId,
        chat: Option<ChatId>,
        at: i64,
    ) -> Result<bool, StoreError> {
        let organization = self.organization;
        self.flush().await?;
        if let Some(chat) = chat {
            let before = of_chat(organization, chat).add(Column::At.lt(at));
            if message::Entity::find().filter(before).one(self.tx).await?.is_some() {
                return Ok(true);
            }
        }
        let before = message::Entity::find()
            .filter(Column::Organization.eq(organization.as_str()))
            .filter(Column::SenderId.eq(peer.to_bytes()))
            .filter(among_several())
            .filter(Column::At.lt(at));
        Ok(before.one(self.tx).await?.is_some())
    }

    /// Sets the sender of incoming messages in a direct chat.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_writer(&mut self, chat: ChatId, writer: PeerId) -> Result<(), StoreError> {
        message::Entity::update_many()
            .col_expr(Column::SenderId, Expr::value(writer.to_bytes()))
            .filter(of_chat(self.organization, chat))
            .filter(Column::FromMe.eq(false))
            .exec(self.tx)
            .await?;
        Ok(())
    }

    /// Returns whether a direct chat has messages from or to a moved number in its period.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_moved(&mut self, chat: ChatId, moved: &MovedPeriod) -> Result<bool, StoreError> {
        let moving = of_chat(self.organization, chat).add(matching(MovedMessages::Moved(moved)));
        Ok(message::Entity::find().filter(moving).one(self.tx).await?.is_some())
    }

    /// Returns whether there are messages from a moved number in its period, in the chat or in group chats.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn wrote_in(&mut self, chat: Option<ChatId>, moved: &MovedPeriod) -> Result<bool, StoreError> {
        self.flush().await?;
        let among = Condition::all().add(Column::SenderId.eq(moved.peer.to_bytes())).add(among_several());
        let direct = chat.map(|chat| Column::ChatId.eq(chat.to_bytes()));
        let found = message::Entity::find()
            .filter(Column::Organization.eq(self.organization.as_str()))
            .filter(Condition::any().add(among).add_option(direct))
            .filter(matching(MovedMessages::Moved(moved)));
        Ok(found.one(self.tx).await?.is_some())
    }
}

/// Written as in the migration, without a parameter, to use its partial index.
fn among_several() -> Expr {
    Column::NamedBy.into_expr().gte(Expr::Constant(AMONG_SEVERAL.into()))
}

fn matching(which: MovedMessages<'_>) -> Condition {
    match which {
        MovedMessages::All => Condition::all(),
        MovedMessages::Moved(MovedPeriod { from, until, .. }) => Condition::all()
            .add(Column::At.gte(*from))
            .add_option(until.map(|until| Column::At.lt(until)))
            .add(Column::NamedBy.is_in([0, AMONG_SEVERAL])),
    }
}
