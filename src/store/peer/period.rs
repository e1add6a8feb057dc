//! Periods: the owners of an address over time.

use chatgraph_entity::{peer, peer_address};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};

use super::{ADDRESSES, address::addresses_known_by, from_address, from_row, of_session, owned_by, to_address};
use crate::{
    domain::{
        id::{OrganizationId, PeerId, SessionId},
        jid::Jid,
        peer::{Peer, Period, owner_at},
    },
    store::{connect::Transaction, error::StoreError, unit_of_work::UnitOfWork},
};

impl UnitOfWork<'_> {
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
}

/// Returns all periods of all addresses of the peers that ever had one of these.
pub(in crate::store) async fn known_by(
    tx: &Transaction,
    organization: &OrganizationId,
    session: SessionId,
    jids: &[Jid],
) -> Result<Vec<Period>, StoreError> {
    let mut known = Vec::new();
    for part in jids.chunks(ADDRESSES) {
        let part: Vec<_> = part.iter().collect();
        let addresses = addresses_known_by(tx, organization, session, &part).await?;
        if !addresses.is_empty() {
            let all = of_session(organization, session).filter(peer_address::Column::Jid.is_in(addresses));
            known.extend(all.all(tx).await?);
        }
    }
    let mut periods = known.iter().map(from_address).collect::<Result<Vec<_>, _>>()?;
    periods.sort_by(|one, other| (&one.jid, one.from).cmp(&(&other.jid, other.from)));
    periods.dedup();
    Ok(periods)
}
