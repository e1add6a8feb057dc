//! Identity map of addresses: a number and a LID turn out to belong to one person, a person changes the number, a
//! number moves to another person. Stored data follows in the same unit. The result does not depend on when the mapping
//! is learned.
//!
//! A LID belongs to one person permanently, a number for a period. A mapping with a time is valid from that time. A
//! pair without a time is treated as new, unless it is known to be over.

use crate::domain::change::Origin;
use crate::domain::id::PeerId;
use crate::domain::jid::Jid;
use crate::domain::jid::JidKind;
use crate::domain::peer::AddressOwner;
use crate::domain::peer::Period;
use crate::domain::peer::assign;
use crate::domain::peer::end;
use crate::domain::peer::last_owner;
use crate::domain::peer::owner_at;
use crate::domain::peer::present;
use crate::domain::person::Person;
use crate::session::SessionKey;
use crate::store::UnitOfWork;
use crate::store::error::StoreError;

use super::merge;

/// Source of a mapping.
#[derive(Debug, Clone, Copy)]
pub(super) struct Provenance {
    /// WhatsApp's time of it, in milliseconds; 0 if unknown.
    pub(super) at: i64,
    /// Now, in milliseconds.
    pub(super) now: i64,
    /// Origin of the resulting changes.
    pub(super) origin: Origin,
}

impl Provenance {
    fn time(self) -> i64 {
        if self.at > 0 { self.at } else { self.now }
    }
}

/// Records which addresses belong together. Mappings that are already known are skipped.
pub(super) async fn same_person(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    people: &[Person],
    told: Provenance,
) -> Result<(), StoreError> {
    let new = unit.new_people(&key.organization, key.session, people).await?;
    // Lock order: session, then chats.
    if new.is_empty() || unit.session_for_update(&key.organization, key.session).await?.is_none() {
        return Ok(());
    }
    for person in &new {
        same(unit, key, person, told).await?;
    }
    Ok(())
}

async fn same(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    person: &Person,
    told: Provenance,
) -> Result<(), StoreError> {
    let (whose, session, at) = (&key.organization, key.session, told.time());
    let Person { phone, lid } = person;
    let numbers = unit.periods(whose, session, phone).await?;
    let by_number = owner_at(&numbers, at);
    let by_lid = last_owner(&unit.periods(whose, session, lid).await?).map(|owner| owner.peer);
    match (by_number, by_lid) {
        (None, None) => {
            let peer = unit.new_peer(whose, session, phone, at).await?.id;
            unit.insert_period(whose, session, &since_ever(lid, peer)).await
        }
        (Some(AddressOwner { peer: one, former: false }), Some(other)) if one == other => Ok(()),
        (None, Some(peer)) if !has_number(&unit.periods_of(whose, peer).await?) => {
            unit.insert_period(whose, session, &since_ever(phone, peer)).await?;
            merge::settle_addresses(unit, key, peer, told.now, told.origin).await
        }
        (Some(AddressOwner { peer, former: false }), None)
            if present(&unit.periods_of(whose, peer).await?, JidKind::Lid).is_none() =>
        {
            unit.insert_period(whose, session, &since_ever(lid, peer)).await?;
            merge::settle_addresses(unit, key, peer, told.now, told.origin).await
        }
        // The number belonged to another person before.
        (Some(_), None) => {
            let peer = unit.new_peer(whose, session, lid, at).await?.id;
            take_number(unit, key, peer, phone, told).await
        }
        (Some(AddressOwner { peer: one, former: false }), Some(other)) if are_one(unit, key, one, other).await? => {
            merge::merge(unit, key, (one, other), told.now, told.origin).await
        }
        (_, Some(peer)) => {
            let over = |period: &Period| period.peer == peer && period.until.is_some();
            if told.at == 0 && numbers.iter().any(over) {
                return Ok(());
            }
            take_number(unit, key, peer, phone, told).await
        }
    }
}

fn since_ever(jid: &Jid, peer: PeerId) -> Period {
    Period { jid: jid.clone(), peer, from: 0, until: None }
}

fn has_number(periods: &[Period]) -> bool {
    periods.iter().any(|period| period.jid.kind() == JidKind::PhoneNumber)
}

/// Returns whether the peer with a number and the peer with a LID may be the same. Neither may have another address of
/// that kind, and the number may not have sent anything while the LID's peer had another number.
async fn are_one(unit: &mut UnitOfWork<'_>, key: &SessionKey, number: PeerId, lid: PeerId) -> Result<bool, StoreError> {
    let whose = &key.organization;
    if present(&unit.periods_of(whose, number).await?, JidKind::Lid).is_some() {
        return Ok(false);
    }
    let others = unit.periods_of(whose, lid).await?;
    if present(&others, JidKind::PhoneNumber).is_some() {
        return Ok(false);
    }
    let numbers = others.iter().filter(|period| period.jid.kind() == JidKind::PhoneNumber);
    let Some(since) = numbers.filter_map(|period| period.until).max() else { return Ok(true) };
    is_new_since(unit, key, number, since).await
}

/// Returns whether the peer that takes a number may be the peer that is known to have it. Only one of them may have a
/// LID; if it is the other one, nothing may have been known of it before.
async fn may_be_one(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    peer: PeerId,
    other: PeerId,
    told: Provenance,
) -> Result<bool, StoreError> {
    let whose = &key.organization;
    if present(&unit.periods_of(whose, other).await?, JidKind::Lid).is_none() {
        return Ok(true);
    }
    let has_lid = present(&unit.periods_of(whose, peer).await?, JidKind::Lid).is_some();
    Ok(!has_lid && (told.time()..=told.now).contains(&other.created_at()))
}

/// Returns whether no message to or from a peer is known before a time.
async fn is_new_since(unit: &mut UnitOfWork<'_>, key: &SessionKey, peer: PeerId, at: i64) -> Result<bool, StoreError> {
    let whose = &key.organization;
    let Some(peer) = unit.peer(whose, peer).await? else { return Ok(true) };
    if unit.has_messages_before(whose, peer.id, peer.chat, at).await? {
        return Ok(false);
    }
    let deleted = unit.tombstone_for_update(whose, &peer).await?;
    Ok(deleted.and_then(|deleted| deleted.chat.horizon).is_none_or(|horizon| horizon.at >= at))
}

/// Records that a person changed the number at a time. Later messages from the old number, and earlier ones from the
/// new number, belong to other people.
pub(super) async fn number_changed(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    old: &[Jid],
    new: &Jid,
    told: Provenance,
) -> Result<(), StoreError> {
    let (whose, session, at) = (&key.organization, key.session, told.time());
    if unit.session_for_update(whose, session).await?.is_none() || old.contains(new) {
        return Ok(());
    }
    let number = old.iter().find(|jid| jid.kind() == JidKind::PhoneNumber);
    let lid = old.iter().find(|jid| jid.kind() == JidKind::Lid);
    if let Some(person) = number.zip(lid).and_then(|(number, lid)| Person::new(number, lid)) {
        same(unit, key, &person, Provenance { at: (at - 1).max(1), ..told }).await?;
    }
    let mut peer = None;
    for jid in lid.into_iter().chain(number) {
        if let Some(AddressOwner { peer: owner, former: false }) = unit.peer_at(whose, session, jid, at).await? {
            peer = peer.or(Some(owner));
        }
    }
    let peer = match (peer, lid.or(number)) {
        (Some(peer), _) => peer,
        (None, Some(jid)) => unit.new_peer(whose, session, jid, at).await?.id,
        (None, None) => return Ok(()),
    };
    take_number(unit, key, peer, new, told).await
}

/// Assigns a number to a peer from a time on, and ends the period of its previous number.
async fn take_number(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    peer: PeerId,
    number: &Jid,
    told: Provenance,
) -> Result<(), StoreError> {
    let (whose, session, at) = (&key.organization, key.session, told.time());
    let mut periods = unit.periods(whose, session, number).await?;
    match owner_at(&periods, at) {
        // The owner may be known already, but not the time since when.
        Some(AddressOwner { peer: same, former: false })
            if same == peer
                && periods.iter().any(|period| period.peer == peer && period.from <= at && !period.is_over(at)) =>
        {
            return Ok(());
        }
        Some(AddressOwner { peer: other, former: false })
            if other != peer
                && may_be_one(unit, key, peer, other, told).await?
                && is_new_since(unit, key, other, at).await? =>
        {
            // All known messages of the other peer were sent from the number since.
            give_up_others(unit, key, peer, number, told).await?;
            return merge::merge(unit, key, (peer, other), told.now, told.origin).await;
        }
        _ => {}
    }
    give_up_others(unit, key, peer, number, told).await?;
    let moved = assign(&mut periods, number, peer, at);
    // The peer is already known to have taken another number later.
    let own = unit.periods_of(whose, peer).await?;
    let later = own.iter().filter(|it| it.jid.kind() == JidKind::PhoneNumber && it.from > at).map(|it| it.from).min();
    if let (Some(later), Some(period)) = (later, periods.iter_mut().rev().find(|it| it.peer == peer && it.from <= at)) {
        period.until = Some(period.until.map_or(later, |until| until.min(later)));
    }
    unit.replace_periods(whose, session, number, &periods).await?;
    if let Some(moved) = moved {
        merge::move_messages(unit, key, &moved, peer, told.now, told.origin).await?;
        merge::settle_addresses(unit, key, moved.peer, told.now, told.origin).await?;
    }
    merge::settle_addresses(unit, key, peer, told.now, told.origin).await
}

/// Ends the periods of the peer's other numbers at a time. Later messages from them belong to other people.
async fn give_up_others(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    peer: PeerId,
    number: &Jid,
    told: Provenance,
) -> Result<(), StoreError> {
    let (whose, session, at) = (&key.organization, key.session, told.time());
    for period in unit.periods_of(whose, peer).await? {
        if period.jid.kind() != JidKind::PhoneNumber || period.jid == *number {
            continue;
        }
        let mut periods = unit.periods(whose, session, &period.jid).await?;
        let Some(moved) = end(&mut periods, peer, at) else { continue };
        unit.replace_periods(whose, session, &period.jid, &periods).await?;
        let before = unit.peer(whose, peer).await?;
        if unit.wrote_in(whose, before.and_then(|peer| peer.chat), &moved).await? {
            let other = unit.new_peer(whose, session, &period.jid, moved.from).await?.id;
            merge::move_messages(unit, key, &moved, other, told.now, told.origin).await?;
        }
    }
    Ok(())
}

/// Stores the addresses of the linked account itself.
pub(super) async fn account(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    addresses: &[&Jid],
    told: Provenance,
) -> Result<(), StoreError> {
    let (whose, session) = (&key.organization, key.session);
    let Some(first) = addresses.first() else { return Ok(()) };
    let account = unit.make_account(whose, session, first).await?.id;
    for jid in addresses {
        match last_owner(&unit.periods(whose, session, jid).await?) {
            Some(AddressOwner { peer, former: false }) if peer == account => {}
            Some(AddressOwner { peer, former: false }) => {
                merge::merge(unit, key, (account, peer), told.now, told.origin).await?;
            }
            _ if jid.kind() == JidKind::PhoneNumber => take_number(unit, key, account, jid, told).await?,
            _ => {
                unit.insert_period(whose, session, &since_ever(jid, account)).await?;
                merge::settle_addresses(unit, key, account, told.now, told.origin).await?;
            }
        }
    }
    Ok(())
}
