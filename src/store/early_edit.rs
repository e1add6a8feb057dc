//! Edits, revocations and deletions that arrived before their message.

use chatgraph_entity::early_rewrite::{self, Column};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, Condition, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    sea_query::OnConflict,
};

use super::{error::StoreError, peer, sanitize, unit_of_work::UnitOfWork};
use crate::domain::{
    id::{OrganizationId, SessionId},
    jid::Jid,
    message::MessageUpdate,
};

/// Maximum number per session; further ones are dropped until old ones expire.
const MAX_PER_SESSION: u64 = 10_000;

/// `edited_as_of` in the row of a deletion for the owner, in which `revoked` is set as well.
const DELETED_FOR_ME: i64 = -1;

/// An edit, a revocation or a deletion that waits for its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlyEdit {
    /// Address of the chat, as received.
    pub chat: Jid,
    /// WhatsApp's id of the message.
    pub wa_id: String,
    /// Address of the sender, as received.
    pub sender: Jid,
    /// True if the account sent the message.
    pub from_me: bool,
    /// The edit or revocation.
    pub rewrite: MessageUpdate,
}

impl UnitOfWork<'_> {
    /// Stores an edit, a revocation or a deletion until its message arrives, as received now; removes those received
    /// before `oldest`. For one message a deletion wins, or else a revocation, or else the latest edit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_early_edit(
        &mut self,
        session: SessionId,
        early: &EarlyEdit,
        oldest: i64,
    ) -> Result<(), StoreError> {
        let organization = self.organization;
        early_rewrite::Entity::delete_many()
            .filter(of_session(organization, session))
            .filter(Column::At.lt(oldest))
            .exec(self.tx)
            .await?;
        let before = early_rewrite::Entity::find()
            .filter(of_session(organization, session))
            .filter(Column::WaId.eq(sanitize::strip_nul(&early.wa_id)))
            .filter(Column::Chat.eq(early.chat.as_str()))
            .filter(Column::Sender.eq(early.sender.as_str()))
            .filter(Column::FromMe.eq(early.from_me))
            .one(self.tx)
            .await?;
        let (revoked, text, edited_as_of) = match &early.rewrite {
            MessageUpdate::Revocation => (true, None, 0),
            MessageUpdate::DeletionForMe { .. } => (true, None, DELETED_FOR_ME),
            MessageUpdate::Edit { text, as_of } => (false, text.clone(), *as_of),
        };
        match before {
            Some(before) if before.revoked && edited_as_of != DELETED_FOR_ME => return Ok(()),
            Some(before) if !revoked && before.edited_as_of > edited_as_of => return Ok(()),
            None if early_rewrite::Entity::find().filter(of_session(organization, session)).count(self.tx).await?
                >= MAX_PER_SESSION =>
            {
                return Ok(());
            }
            _ => {}
        }
        let row = early_rewrite::ActiveModel {
            session_id: Set(session.to_bytes()),
            wa_id: Set(sanitize::strip_nul(&early.wa_id)),
            chat: Set(early.chat.to_string()),
            sender: Set(early.sender.to_string()),
            from_me: Set(early.from_me),
            organization: Set(organization.to_string()),
            revoked: Set(revoked),
            text: Set(sanitize::strip_nul_if_any(text.as_ref())),
            edited_as_of: Set(edited_as_of),
            at: Set(self.now),
        };
        let key = [Column::SessionId, Column::WaId, Column::Chat, Column::Sender, Column::FromMe];
        let replaced = [Column::Revoked, Column::Text, Column::EditedAsOf];
        early_rewrite::Entity::insert(row)
            .on_conflict(OnConflict::columns(key).update_columns(replaced).to_owned())
            .exec_without_returning(self.tx)
            .await?;
        Ok(())
    }

    /// Returns the rewrites of messages with these WhatsApp ids.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn early_edits(&mut self, session: SessionId, wa_ids: &[String]) -> Result<Vec<EarlyEdit>, StoreError> {
        let mut early = Vec::new();
        for part in wa_ids.chunks(500) {
            let rows = early_rewrite::Entity::find()
                .filter(of_session(self.organization, session))
                .filter(Column::WaId.is_in(part.iter().map(|id| sanitize::strip_nul(id))));
            for row in rows.all(self.tx).await? {
                early.push(from_row(row)?);
            }
        }
        Ok(early)
    }

    /// Returns the rewrites of messages in the chat or by the sender with one of these addresses, or with any other
    /// address of the same peer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn early_edits_under(
        &mut self,
        session: SessionId,
        addresses: &[&Jid],
    ) -> Result<Vec<EarlyEdit>, StoreError> {
        let organization = self.organization;
        let mut early = Vec::new();
        self.flush().await?;
        for part in addresses.chunks(500) {
            let known = peer::addresses_known_by(self.tx, organization, session, part).await?;
            let either = Condition::any().add(Column::Chat.is_in(&known)).add(Column::Sender.is_in(&known));
            let rows = early_rewrite::Entity::find().filter(of_session(organization, session)).filter(either);
            for row in rows.all(self.tx).await? {
                early.push(from_row(row)?);
            }
        }
        Ok(early)
    }

    /// Returns whether a rewrite waits in the session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_early_edits(&mut self, session: SessionId) -> Result<bool, StoreError> {
        let any = early_rewrite::Entity::find().filter(of_session(self.organization, session));
        Ok(any.one(self.tx).await?.is_some())
    }

    /// Removes a rewrite.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_early_edit(&mut self, session: SessionId, early: &EarlyEdit) -> Result<(), StoreError> {
        early_rewrite::Entity::delete_many()
            .filter(of_session(self.organization, session))
            .filter(Column::WaId.eq(sanitize::strip_nul(&early.wa_id)))
            .filter(Column::Chat.eq(early.chat.as_str()))
            .filter(Column::Sender.eq(early.sender.as_str()))
            .filter(Column::FromMe.eq(early.from_me))
            .exec(self.tx)
            .await?;
        Ok(())
    }
}

fn of_session(organization: &OrganizationId, session: SessionId) -> Condition {
    Condition::all().add(Column::Organization.eq(organization.as_str())).add(Column::SessionId.eq(session.to_bytes()))
}

fn from_row(row: early_rewrite::Model) -> Result<EarlyEdit, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "early_rewrite", column };
    Ok(EarlyEdit {
        chat: row.chat.parse().map_err(|_| corrupt("chat"))?,
        wa_id: row.wa_id,
        sender: row.sender.parse().map_err(|_| corrupt("sender"))?,
        from_me: row.from_me,
        rewrite: match row.edited_as_of {
            DELETED_FOR_ME if row.revoked => MessageUpdate::DeletionForMe { sent_at: row.at },
            _ if row.revoked => MessageUpdate::Revocation,
            as_of => MessageUpdate::Edit { text: row.text, as_of },
        },
    })
}
