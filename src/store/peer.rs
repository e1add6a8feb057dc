//! Peers of a session, and the owners of addresses over time.

mod address;
mod period;

use chatgraph_entity::{peer, peer_address};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, Condition, EntityTrait as _, ExprTrait as _, QueryFilter as _, RelationDef, RelationTrait as _,
    Select,
    sea_query::{Alias, Expr, Query},
};

use super::{connect::Transaction, error::StoreError, unit_of_work::UnitOfWork};
use crate::domain::{
    id::{ChatId, OrganizationId, PeerId, SessionId},
    jid::Jid,
    peer::{AddressOwner, Peer, Period, last_owner, owner_at},
};

pub(super) use address::{addresses_known_by, chat_found_by};
pub(super) use period::known_by;

/// Addresses per statement.
const ADDRESSES: usize = 500;

impl UnitOfWork<'_> {
    /// Returns the owner of an address at a time, in milliseconds by WhatsApp's clock.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn peer_at(
        &mut self,
        session: SessionId,
        jid: &Jid,
        at: i64,
    ) -> Result<Option<AddressOwner>, StoreError> {
        Ok(owner_at(&self.periods(session, jid).await?, at))
    }

    /// Returns the peer with this id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn peer(&mut self, id: PeerId) -> Result<Option<Peer>, StoreError> {
        if let Some(known) = self.cached(|cache| cache.peer(id)).await? {
            return Ok(known);
        }
        let query =
            peer::Entity::find_by_id(id.to_bytes()).filter(peer::Column::Organization.eq(self.organization.as_str()));
        query.one(self.tx).await?.as_ref().map(from_row).transpose()
    }

    /// Returns the peer of this chat, stored or deleted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn peer_of_chat(&mut self, chat: ChatId) -> Result<Option<Peer>, StoreError> {
        if let Some(known) = self.cached(|cache| cache.peer_of_chat(chat)).await? {
            return Ok(Some(known));
        }
        let query = peer::Entity::find()
            .filter(peer::Column::Organization.eq(self.organization.as_str()))
            .filter(peer::Column::ChatId.eq(chat.to_bytes()));
        query.one(self.tx).await?.as_ref().map(from_row).transpose()
    }

    /// Stores a new peer with its address from a moment on, or from the beginning if the address had no owner before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_peer(&mut self, session: SessionId, id: PeerId, period: &Period) -> Result<Peer, StoreError> {
        let organization = self.organization;
        let peer = Peer { id, jid: period.jid.clone(), chat: None };
        if self.cached(|cache| cache.add_peer(session, &peer, period)).await?.is_some() {
            return Ok(peer);
        }
        peer::Entity::insert(to_row(organization, session, &peer)).exec_without_returning(self.tx).await?;
        let row = to_address(organization, session, period);
        peer_address::Entity::insert(row).exec_without_returning(self.tx).await?;
        Ok(peer)
    }

    /// Stores a new peer with an address that has no owner at a time, in milliseconds. The period starts when the
    /// previous owner gave the address up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn new_peer(&mut self, session: SessionId, jid: &Jid, at: i64) -> Result<Peer, StoreError> {
        let periods = self.periods(session, jid).await?;
        let before = periods.iter().rposition(|period| period.from <= at);
        let from = before.map_or(0, |place| periods[place].until.unwrap_or(at));
        let until = periods.get(before.map_or(0, |place| place + 1)).map(|next| next.from);
        let id = PeerId::new(at);
        let period = Period { jid: jid.clone(), peer: id, from, until };
        self.insert_peer(session, id, &period).await
    }

    /// Creates the account's own peer unless it exists. The current owner of the address becomes the account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn make_account(&mut self, session: SessionId, jid: &Jid) -> Result<Peer, StoreError> {
        let account = PeerId::account(session);
        if let Some(peer) = self.peer(account).await? {
            return Ok(peer);
        }
        let owner = last_owner(&self.periods(session, jid).await?);
        let Some(owner) = owner else {
            let period = Period { jid: jid.clone(), peer: account, from: 0, until: None };
            return self.insert_peer(session, account, &period).await;
        };
        self.flush().await?;
        let Some(other) = self.peer(owner.peer).await? else {
            return Err(StoreError::Corrupt { table: "peer_address", column: "peer_id" });
        };
        self.save_peer(&Peer { chat: None, ..other.clone() }).await?;
        let peer = Peer { id: account, ..other.clone() };
        peer::Entity::insert(to_row(self.organization, session, &peer)).exec_without_returning(self.tx).await?;
        self.rename_sender(other.id, account).await?;
        self.join_peers(other.id, account).await?;
        Ok(peer)
    }

    /// Saves a peer's canonical address and its chat.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn save_peer(&mut self, peer: &Peer) -> Result<(), StoreError> {
        if self.cached(|cache| cache.save_peer(peer)).await?.is_some() {
            return Ok(());
        }
        peer::Entity::update_many()
            .set(peer::ActiveModel {
                jid: Set(peer.jid.to_string()),
                chat_id: Set(peer.chat.map(ChatId::to_bytes)),
                ..peer::ActiveModel::default()
            })
            .filter(peer::Column::Organization.eq(self.organization.as_str()))
            .filter(peer::Column::Id.eq(peer.id.to_bytes()))
            .exec(self.tx)
            .await?;
        Ok(())
    }

    /// Moves all addresses of `from` to `into`, and deletes `from`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn join_peers(&mut self, from: PeerId, into: PeerId) -> Result<(), StoreError> {
        let organization = self.organization;
        self.flush().await?;
        peer_address::Entity::update_many()
            .col_expr(peer_address::Column::PeerId, Expr::value(into.to_bytes()))
            .filter(owned_by(organization))
            .filter(peer_address::Column::PeerId.eq(from.to_bytes()))
            .exec(self.tx)
            .await?;
        peer::Entity::delete_many()
            .filter(peer::Column::Organization.eq(organization.as_str()))
            .filter(peer::Column::Id.eq(from.to_bytes()))
            .exec(self.tx)
            .await?;
        Ok(())
    }
}

fn of_session(organization: &OrganizationId, session: SessionId) -> Select<peer_address::Entity> {
    peer_address::Entity::find()
        .filter(owned_by(organization))
        .filter(peer_address::Column::SessionId.eq(session.to_bytes()))
}

/// Returns the peers with these ids.
pub(super) async fn with_ids(
    tx: &Transaction,
    organization: &OrganizationId,
    ids: &[PeerId],
) -> Result<Vec<Peer>, StoreError> {
    let mut peers = Vec::new();
    for part in ids.chunks(ADDRESSES) {
        let query = peer::Entity::find()
            .filter(peer::Column::Organization.eq(organization.as_str()))
            .filter(peer::Column::Id.is_in(part.iter().map(|id| id.to_bytes())));
        peers.extend(query.all(tx).await?);
    }
    peers.iter().map(from_row).collect()
}

/// Condition that no other peer had the address later.
fn is_last() -> Expr {
    let later = Alias::new("later");
    let column = |column| Expr::col((later.clone(), column));
    let own = |column| (peer_address::Entity, column);
    let found = Query::select()
        .expr(Expr::val(1))
        .from_as(peer_address::Entity, later.clone())
        .and_where(column(peer_address::Column::SessionId).equals(own(peer_address::Column::SessionId)))
        .and_where(column(peer_address::Column::Jid).equals(own(peer_address::Column::Jid)))
        .and_where(column(peer_address::Column::FromAt).gt(Expr::col(own(peer_address::Column::FromAt))))
        .take();
    Expr::exists(found).not()
}

fn owned_by(organization: &OrganizationId) -> Condition {
    Condition::all().add(peer_address::Column::Organization.eq(organization.as_str()))
}

fn to_peer() -> RelationDef {
    peer_address::Relation::Peer.def()
}

pub(super) fn to_row(organization: &OrganizationId, session: SessionId, peer: &Peer) -> peer::ActiveModel {
    peer::ActiveModel {
        id: Set(peer.id.to_bytes()),
        organization: Set(organization.to_string()),
        session_id: Set(session.to_bytes()),
        jid: Set(peer.jid.to_string()),
        chat_id: Set(peer.chat.map(ChatId::to_bytes)),
    }
}

fn from_row(row: &peer::Model) -> Result<Peer, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "peer", column };
    Ok(Peer {
        id: PeerId::from_bytes(&row.id).map_err(|_| corrupt("id"))?,
        jid: row.jid.parse().map_err(|_| corrupt("jid"))?,
        chat: row.chat_id.as_deref().map(ChatId::from_bytes).transpose().map_err(|_| corrupt("chat_id"))?,
    })
}

pub(super) fn to_address(
    organization: &OrganizationId,
    session: SessionId,
    period: &Period,
) -> peer_address::ActiveModel {
    peer_address::ActiveModel {
        session_id: Set(session.to_bytes()),
        jid: Set(period.jid.to_string()),
        from_at: Set(period.from),
        until_at: Set(period.until),
        organization: Set(organization.to_string()),
        peer_id: Set(period.peer.to_bytes()),
    }
}

fn from_address(row: &peer_address::Model) -> Result<Period, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "peer_address", column };
    Ok(Period {
        jid: row.jid.parse().map_err(|_| corrupt("jid"))?,
        peer: PeerId::from_bytes(&row.peer_id).map_err(|_| corrupt("peer_id"))?,
        from: row.from_at,
        until: row.until_at,
    })
}
