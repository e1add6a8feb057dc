//! Peers of a session, and the owners of addresses over time.

use std::collections::HashMap;

use chatgraph_entity::peer;
use chatgraph_entity::peer_address;
use sea_orm::ActiveValue::Set;
use sea_orm::ColumnTrait as _;
use sea_orm::Condition;
use sea_orm::EntityTrait as _;
use sea_orm::ExprTrait as _;
use sea_orm::JoinType;
use sea_orm::QueryFilter as _;
use sea_orm::QueryOrder as _;
use sea_orm::QuerySelect as _;
use sea_orm::QueryTrait as _;
use sea_orm::RelationDef;
use sea_orm::RelationTrait as _;
use sea_orm::Select;
use sea_orm::sea_query::Alias;
use sea_orm::sea_query::Expr;
use sea_orm::sea_query::Query;
use sea_orm::sea_query::SelectStatement;

use crate::domain::id::ChatId;
use crate::domain::id::OrganizationId;
use crate::domain::id::PeerId;
use crate::domain::id::SessionId;
use crate::domain::jid::Jid;
use crate::domain::peer::AddressOwner;
use crate::domain::peer::Peer;
use crate::domain::peer::Period;
use crate::domain::peer::last_owner;
use crate::domain::peer::owner_at;
use crate::domain::person::Person;

use super::Store;
use super::connect::Transaction;
use super::error::StoreError;
use super::unit_of_work::UnitOfWork;

/// Addresses per statement.
const ADDRESSES: usize = 500;

impl Store {
    /// Returns the chats of an address, in one session or in all, and all addresses of their peers. The other addresses
    /// of a person without a chat are included.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn resolve_address(
        &self,
        organization: &OrganizationId,
        session: Option<SessionId>,
        jid: &Jid,
    ) -> Result<(Vec<ChatId>, Vec<Jid>), StoreError> {
        let found = peer_address::Entity::find()
            .filter(owned_by(organization))
            .filter(peer_address::Column::Jid.eq(jid.as_str()))
            .filter(is_last())
            .apply_if(session, |query, session| query.filter(peer_address::Column::SessionId.eq(session.to_bytes())))
            .all(&self.reader(organization))
            .await?;
        let ids: Vec<_> = found.into_iter().map(|row| row.peer_id).collect();
        let (mut chats, mut addresses) = (Vec::new(), vec![jid.clone()]);
        if !ids.is_empty() {
            let peers = peer::Entity::find()
                .filter(peer::Column::Organization.eq(organization.as_str()))
                .filter(peer::Column::Id.is_in(ids.iter().cloned()))
                .all(&self.reader(organization))
                .await?;
            for row in peers {
                chats.extend(from_row(&row)?.chat);
            }
            let others = peer_address::Entity::find()
                .filter(owned_by(organization))
                .filter(peer_address::Column::PeerId.is_in(ids))
                .filter(is_last());
            for row in others.all(&self.reader(organization)).await? {
                addresses.push(from_address(&row)?.jid);
            }
        }
        addresses.sort();
        addresses.dedup();
        Ok((chats, addresses))
    }

    /// Returns all addresses of the chats, including the canonical ones, in a stable order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn addresses(
        &self,
        organization: &OrganizationId,
        chats: &[ChatId],
    ) -> Result<HashMap<ChatId, Vec<Jid>>, StoreError> {
        let corrupt = |column| StoreError::Corrupt { table: "peer_address", column };
        let rows = peer_address::Entity::find()
            .select_only()
            .column_as(Expr::col((peer::Entity, peer::Column::ChatId)), "chat_id")
            .column(peer_address::Column::Jid)
            .distinct()
            .join(JoinType::InnerJoin, to_peer())
            .filter(Expr::col((peer::Entity, peer::Column::Organization)).eq(organization.as_str()))
            .filter(Expr::col((peer::Entity, peer::Column::ChatId)).is_in(chats.iter().map(|id| id.to_bytes())))
            .filter(is_last())
            .into_tuple::<(Vec<u8>, String)>()
            .all(&self.reader(organization))
            .await?;
        let mut addresses: HashMap<_, Vec<_>> = HashMap::new();
        for (chat, jid) in rows {
            let chat = ChatId::from_bytes(&chat).map_err(|_| corrupt("chat_id"))?;
            addresses.entry(chat).or_default().push(jid.parse().map_err(|_| corrupt("jid"))?);
        }
        // Sort by bytes: PostgreSQL sorts text by its locale.
        for jids in addresses.values_mut() {
            jids.sort_by(|a: &Jid, b| a.as_str().cmp(b.as_str()));
        }
        Ok(addresses)
    }

    /// Returns the people whose two addresses are not known to belong together in the session at present.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unknown_people(
        &self,
        organization: &OrganizationId,
        session: SessionId,
        people: &[Person],
    ) -> Result<Vec<Person>, StoreError> {
        let mut owners = HashMap::new();
        let jids: Vec<_> = people.iter().flat_map(|it| [&it.lid, &it.phone]).collect();
        for part in jids.chunks(ADDRESSES) {
            for row in current(organization, session, part).all(&self.reader(organization)).await? {
                let Period { jid, peer, .. } = from_address(&row)?;
                owners.insert(jid, peer);
            }
        }
        Ok(unknown(people, &owners))
    }
}

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

    /// Returns the peer that owns an address at a time, and whether it is a former owner.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn owner(&mut self, session: SessionId, jid: &Jid, at: i64) -> Result<Option<(Peer, bool)>, StoreError> {
        if self.cache.is_some() {
            let Some(owner) = self.peer_at(session, jid, at).await? else { return Ok(None) };
            return Ok(self.peer(owner.peer).await?.map(|peer| (peer, owner.former)));
        }
        let rows = peer_address::Entity::find()
            .find_also_related(peer::Entity)
            .filter(owned_by(self.organization))
            .filter(peer_address::Column::SessionId.eq(session.to_bytes()))
            .filter(peer_address::Column::Jid.eq(jid.as_str()))
            .order_by_asc(peer_address::Column::FromAt);
        let (mut periods, mut peers) = (Vec::new(), Vec::new());
        for (address, peer) in rows.all(self.tx).await? {
            periods.push(from_address(&address)?);
            peers.extend(peer.as_ref().map(from_row).transpose()?);
        }
        let Some(owner) = owner_at(&periods, at) else { return Ok(None) };
        Ok(peers.into_iter().find(|peer| peer.id == owner.peer).map(|peer| (peer, owner.former)))
    }

    /// Returns all periods of an address, the earliest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn periods(&mut self, session: SessionId, jid: &Jid) -> Result<Vec<Period>, StoreError> {
        if let Some(known) = self.cached(|cache| cache.periods(session, jid)).await? {
            return Ok(known);
        }
        let rows = peer_address::Entity::find()
            .filter(owned_by(self.organization))
            .filter(peer_address::Column::SessionId.eq(session.to_bytes()))
            .filter(peer_address::Column::Jid.eq(jid.as_str()))
            .order_by_asc(peer_address::Column::FromAt);
        rows.all(self.tx).await?.iter().map(from_address).collect()
    }

    /// Returns all periods of a peer's addresses.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn periods_of(&mut self, peer: PeerId) -> Result<Vec<Period>, StoreError> {
        if let Some(known) = self.cached(|cache| cache.periods_of(peer)).await? {
            return Ok(known);
        }
        let rows = peer_address::Entity::find()
            .filter(owned_by(self.organization))
            .filter(peer_address::Column::PeerId.eq(peer.to_bytes()))
            .order_by_asc(peer_address::Column::FromAt);
        rows.all(self.tx).await?.iter().map(from_address).collect()
    }

    /// Returns the people whose addresses are not known to belong to the same peer at present.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn new_people(&mut self, session: SessionId, people: &[Person]) -> Result<Vec<Person>, StoreError> {
        if let Some(new) = self.cached(|cache| cache.new_people(session, people)).await? {
            return Ok(new);
        }
        let mut owners = HashMap::new();
        let jids: Vec<_> = people.iter().flat_map(|it| [&it.lid, &it.phone]).collect();
        for part in jids.chunks(ADDRESSES) {
            for row in current(self.organization, session, part).all(self.tx).await? {
                let Period { jid, peer, .. } = from_address(&row)?;
                owners.insert(jid, peer);
            }
        }
        Ok(unknown(people, &owners))
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

    /// Assigns an address without an owner to a peer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_period(&mut self, session: SessionId, period: &Period) -> Result<(), StoreError> {
        if self.cached(|cache| cache.add_period(session, period)).await?.is_some() {
            return Ok(());
        }
        let row = to_address(self.organization, session, period);
        peer_address::Entity::insert(row).exec_without_returning(self.tx).await?;
        Ok(())
    }

    /// Replaces all periods of an address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replace_periods(
        &mut self,
        session: SessionId,
        jid: &Jid,
        periods: &[Period],
    ) -> Result<(), StoreError> {
        let organization = self.organization;
        self.flush().await?;
        peer_address::Entity::delete_many()
            .filter(owned_by(organization))
            .filter(peer_address::Column::SessionId.eq(session.to_bytes()))
            .filter(peer_address::Column::Jid.eq(jid.as_str()))
            .exec(self.tx)
            .await?;
        let rows: Vec<_> = periods.iter().map(|period| to_address(organization, session, period)).collect();
        if !rows.is_empty() {
            peer_address::Entity::insert_many(rows).exec_without_returning(self.tx).await?;
        }
        Ok(())
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

/// Query for the present owners of addresses.
fn current(organization: &OrganizationId, session: SessionId, jids: &[&Jid]) -> Select<peer_address::Entity> {
    peer_address::Entity::find()
        .filter(owned_by(organization))
        .filter(peer_address::Column::SessionId.eq(session.to_bytes()))
        .filter(peer_address::Column::Jid.is_in(jids.iter().map(|jid| jid.as_str())))
        .filter(peer_address::Column::UntilAt.is_null())
}

fn unknown(people: &[Person], owners: &HashMap<Jid, PeerId>) -> Vec<Person> {
    let known = |person: &&Person| {
        let owner = owners.get(&person.lid);
        owner.is_some() && owner == owners.get(&person.phone)
    };
    people.iter().filter(|person| !known(person)).cloned().collect()
}

/// Query for the chat of the current or last owner of an address.
pub(super) fn chat_found_by(organization: &OrganizationId, session: SessionId, jid: &Jid) -> SelectStatement {
    peer_address::Entity::find()
        .select_only()
        .column_as(Expr::col((peer::Entity, peer::Column::ChatId)), "chat_id")
        .join(JoinType::InnerJoin, to_peer())
        .filter(owned_by(organization))
        .filter(peer_address::Column::SessionId.eq(session.to_bytes()))
        .filter(peer_address::Column::Jid.eq(jid.as_str()))
        .order_by_desc(peer_address::Column::FromAt)
        .limit(1)
        .into_query()
}

/// Returns all periods of all addresses of the peers that ever had one of these.
pub(super) async fn known_by(
    tx: &Transaction,
    organization: &OrganizationId,
    session: SessionId,
    jids: &[Jid],
) -> Result<Vec<Period>, StoreError> {
    let mut known = Vec::new();
    for part in jids.chunks(ADDRESSES) {
        let part: Vec<_> = part.iter().collect();
        let addresses = addresses_known_by(organization, session, &part);
        let all = of_session(organization, session).filter(peer_address::Column::Jid.in_subquery(addresses));
        known.extend(all.all(tx).await?);
    }
    let mut periods = known.iter().map(from_address).collect::<Result<Vec<_>, _>>()?;
    periods.sort_by(|one, other| (&one.jid, one.from).cmp(&(&other.jid, other.from)));
    periods.dedup();
    Ok(periods)
}

/// Query for all addresses of the peers that ever had one of these.
pub(super) fn addresses_known_by(organization: &OrganizationId, session: SessionId, jids: &[&Jid]) -> SelectStatement {
    let peers = of_session(organization, session)
        .select_only()
        .column(peer_address::Column::PeerId)
        .filter(peer_address::Column::Jid.is_in(jids.iter().map(|jid| jid.as_str())))
        .into_query();
    peer_address::Entity::find()
        .select_only()
        .column(peer_address::Column::Jid)
        .filter(peer_address::Column::PeerId.in_subquery(peers))
        .into_query()
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

fn from_row(row: &peer::Model) -> Result<Peer, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "peer", column };
    Ok(Peer {
        id: PeerId::from_bytes(&row.id).map_err(|_| corrupt("id"))?,
        jid: row.jid.parse().map_err(|_| corrupt("jid"))?,
        chat: row.chat_id.as_deref().map(ChatId::from_bytes).transpose().map_err(|_| corrupt("chat_id"))?,
    })
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
