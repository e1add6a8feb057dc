//! Addresses: the chats and people that they find at present.

use std::collections::HashMap;

use chatgraph_entity::{peer, peer_address};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, ExprTrait as _, JoinType, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, QueryTrait as _, Select,
    sea_query::{Expr, SelectStatement},
};

use super::{ADDRESSES, from_address, from_row, is_last, of_session, owned_by, to_peer};
use crate::{
    domain::{
        id::{ChatId, OrganizationId, PeerId, SessionId},
        jid::Jid,
        peer::Period,
        person::Person,
    },
    store::{Store, connect::Transaction, error::StoreError, unit_of_work::UnitOfWork},
};

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
        let reader = self.reader(organization);
        let query = peer_address::Entity::find()
            .select_only()
            .column_as(Expr::col((peer::Entity, peer::Column::ChatId)), "chat_id")
            .column(peer_address::Column::Jid)
            .distinct()
            .join(JoinType::InnerJoin, to_peer())
            .filter(Expr::col((peer::Entity, peer::Column::Organization)).eq(organization.as_str()))
            .filter(Expr::col((peer::Entity, peer::Column::ChatId)).is_in(chats.iter().map(|id| id.to_bytes())))
            .filter(is_last())
            .build(reader.get_database_backend());
        let rows = reader.rows(query, |row| Ok((row.get::<Vec<u8>>(0)?, row.get::<String>(1)?))).await?;
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
pub(in crate::store) fn chat_found_by(organization: &OrganizationId, session: SessionId, jid: &Jid) -> SelectStatement {
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

/// Returns all addresses of the peers that ever had one of these. These are two statements: PostgreSQL joins badly in a
/// new database, of which it has no statistics.
pub(in crate::store) async fn addresses_known_by(
    tx: &Transaction,
    organization: &OrganizationId,
    session: SessionId,
    jids: &[&Jid],
) -> Result<Vec<String>, StoreError> {
    let peers: Vec<Vec<u8>> = of_session(organization, session)
        .select_only()
        .column(peer_address::Column::PeerId)
        .distinct()
        .filter(peer_address::Column::Jid.is_in(jids.iter().map(|jid| jid.as_str())))
        .into_tuple()
        .all(tx)
        .await?;
    if peers.is_empty() {
        return Ok(Vec::new());
    }
    let addresses = peer_address::Entity::find()
        .select_only()
        .column(peer_address::Column::Jid)
        .distinct()
        .filter(peer_address::Column::PeerId.is_in(peers));
    Ok(addresses.into_tuple().all(tx).await?)
}
