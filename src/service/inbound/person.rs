//! Identity map of addresses: a number and a LID turn out to belong to one person, a person changes the number, a
//! number moves to another person. Stored data follows in the same unit. The result does not depend on when the mapping
//! is learned.
//!
//! A LID belongs to one person permanently, a number for a period. A mapping with a time is valid from that time. A
//! pair without a time is treated as new, unless it is known to be over.

use super::{context::InboundContext, merge, message_move};
use crate::{
    domain::{
        id::PeerId,
        jid::{Jid, JidKind},
        peer::{AddressOwner, Period, assign, end, last_owner, owner_at, present},
        person::Person,
    },
    store::error::StoreError,
};

/// Returns the time from which a mapping is valid: WhatsApp's time of it, or now if that is unknown (0). Both are in
/// milliseconds.
fn time_of(cx: &InboundContext<'_, '_>, reported_at: i64) -> i64 {
    if reported_at > 0 { reported_at } else { cx.now() }
}

/// Records which addresses belong together, as of WhatsApp's time `reported_at`; 0 if that is unknown. Mappings that
/// are already known are skipped.
pub(super) async fn same_person(
    cx: &mut InboundContext<'_, '_>,
    people: &[Person],
    reported_at: i64,
) -> Result<(), StoreError> {
    let new = cx.unit.new_people(cx.session, people).await?;
    // Lock order: session, then chats.
    if new.is_empty() || cx.unit.session_for_update(cx.session).await?.is_none() {
        return Ok(());
    }
    for person in &new {
        same(cx, person, reported_at).await?;
    }
    Ok(())
}

async fn same(cx: &mut InboundContext<'_, '_>, person: &Person, reported_at: i64) -> Result<(), StoreError> {
    let (session, at) = (cx.session, time_of(cx, reported_at));
    let Person { phone, lid } = person;
    let numbers = cx.unit.periods(session, phone).await?;
    let by_number = owner_at(&numbers, at);
    let by_lid = last_owner(&cx.unit.periods(session, lid).await?).map(|owner| owner.peer);
    match (by_number, by_lid) {
        (None, None) => {
            let peer = cx.unit.new_peer(session, phone, at).await?.id;
            cx.unit.insert_period(session, &since_ever(lid, peer)).await
        }
        (Some(AddressOwner { peer: one, former: false }), Some(other)) if one == other => Ok(()),
        (None, Some(peer)) if !has_number(&cx.unit.periods_of(peer).await?) => {
            cx.unit.insert_period(session, &since_ever(phone, peer)).await?;
            merge::settle_addresses(cx, peer).await
        }
        (Some(AddressOwner { peer, former: false }), None)
            if present(&cx.unit.periods_of(peer).await?, JidKind::Lid).is_none() =>
        {
            cx.unit.insert_period(session, &since_ever(lid, peer)).await?;
            merge::settle_addresses(cx, peer).await
        }
        // The number belonged to another person before.
        (Some(_), None) => {
            let peer = cx.unit.new_peer(session, lid, at).await?.id;
            take_number(cx, peer, phone, reported_at).await
        }
        (Some(AddressOwner { peer: one, former: false }), Some(other)) if are_one(cx, one, other).await? => {
            merge::merge(cx, one, other).await
        }
        (_, Some(peer)) => {
            let over = |period: &Period| period.peer == peer && period.until.is_some();
            if reported_at == 0 && numbers.iter().any(over) {
                return Ok(());
            }
            take_number(cx, peer, phone, reported_at).await
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
async fn are_one(cx: &mut InboundContext<'_, '_>, number: PeerId, lid: PeerId) -> Result<bool, StoreError> {
    if present(&cx.unit.periods_of(number).await?, JidKind::Lid).is_some() {
        return Ok(false);
    }
    let others = cx.unit.periods_of(lid).await?;
    if present(&others, JidKind::PhoneNumber).is_some() {
        return Ok(false);
    }
    let numbers = others.iter().filter(|period| period.jid.kind() == JidKind::PhoneNumber);
    let Some(since) = numbers.filter_map(|period| period.until).max() else { return Ok(true) };
    is_new_since(cx, number, since).await
}

/// Returns whether the peer that takes a number may be the peer that is known to have it. Only one of them may have a
/// LID; if it is the other one, nothing may have been known of it before.
async fn may_be_one(
    cx: &mut InboundContext<'_, '_>,
    peer: PeerId,
    other: PeerId,
    reported_at: i64,
) -> Result<bool, StoreError> {
    if present(&cx.unit.periods_of(other).await?, JidKind::Lid).is_none() {
        return Ok(true);
    }
    let has_lid = present(&cx.unit.periods_of(peer).await?, JidKind::Lid).is_some();
    Ok(!has_lid && (time_of(cx, reported_at)..=cx.now()).contains(&other.created_at()))
}

/// Returns whether no message to or from a peer is known before a time.
async fn is_new_since(cx: &mut InboundContext<'_, '_>, peer: PeerId, at: i64) -> Result<bool, StoreError> {
    let Some(peer) = cx.unit.peer(peer).await? else { return Ok(true) };
    if cx.unit.has_messages_before(peer.id, peer.chat, at).await? {
        return Ok(false);
    }
    let deleted = cx.unit.tombstone_for_update(&peer).await?;
    Ok(deleted.and_then(|deleted| deleted.chat.known_up_to).is_none_or(|known_up_to| known_up_to.at >= at))
}

/// Records that a person changed the number at a time. Later messages from the old number, and earlier ones from the
/// new number, belong to other people.
pub(super) async fn number_changed(
    cx: &mut InboundContext<'_, '_>,
    old: &[Jid],
    new: &Jid,
    reported_at: i64,
) -> Result<(), StoreError> {
    let (session, at) = (cx.session, time_of(cx, reported_at));
    if cx.unit.session_for_update(session).await?.is_none() || old.contains(new) {
        return Ok(());
    }
    let number = old.iter().find(|jid| jid.kind() == JidKind::PhoneNumber);
    let lid = old.iter().find(|jid| jid.kind() == JidKind::Lid);
    if let Some(person) = number.zip(lid).and_then(|(number, lid)| Person::new(number, lid)) {
        same(cx, &person, (at - 1).max(1)).await?;
    }
    let mut peer = None;
    for jid in lid.into_iter().chain(number) {
        if let Some(AddressOwner { peer: owner, former: false }) = cx.unit.peer_at(session, jid, at).await? {
            peer = peer.or(Some(owner));
        }
    }
    let peer = match (peer, lid.or(number)) {
        (Some(peer), _) => peer,
        (None, Some(jid)) => cx.unit.new_peer(session, jid, at).await?.id,
        (None, None) => return Ok(()),
    };
    take_number(cx, peer, new, reported_at).await
}

/// Assigns a number to a peer from a time on, and ends the period of its previous number.
async fn take_number(
    cx: &mut InboundContext<'_, '_>,
    peer: PeerId,
    number: &Jid,
    reported_at: i64,
) -> Result<(), StoreError> {
    let (session, at) = (cx.session, time_of(cx, reported_at));
    let mut periods = cx.unit.periods(session, number).await?;
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
                && may_be_one(cx, peer, other, reported_at).await?
                && is_new_since(cx, other, at).await? =>
        {
            // All known messages of the other peer were sent from the number since.
            give_up_others(cx, peer, number, reported_at).await?;
            return merge::merge(cx, peer, other).await;
        }
        _ => {}
    }
    give_up_others(cx, peer, number, reported_at).await?;
    let moved = assign(&mut periods, number, peer, at);
    // The peer is already known to have taken another number later.
    let own = cx.unit.periods_of(peer).await?;
    let later = own.iter().filter(|it| it.jid.kind() == JidKind::PhoneNumber && it.from > at).map(|it| it.from).min();
    if let (Some(later), Some(period)) = (later, periods.iter_mut().rev().find(|it| it.peer == peer && it.from <= at)) {
        period.until = Some(period.until.map_or(later, |until| until.min(later)));
    }
    cx.unit.replace_periods(session, number, &periods).await?;
    if let Some(moved) = moved {
        message_move::move_messages(cx, &moved, peer).await?;
        merge::settle_addresses(cx, moved.peer).await?;
    }
    merge::settle_addresses(cx, peer).await
}

/// Ends the periods of the peer's other numbers at a time. Later messages from them belong to other people.
async fn give_up_others(
    cx: &mut InboundContext<'_, '_>,
    peer: PeerId,
    number: &Jid,
    reported_at: i64,
) -> Result<(), StoreError> {
    let (session, at) = (cx.session, time_of(cx, reported_at));
    for period in cx.unit.periods_of(peer).await? {
        if period.jid.kind() != JidKind::PhoneNumber || period.jid == *number {
            continue;
        }
        let mut periods = cx.unit.periods(session, &period.jid).await?;
        let Some(moved) = end(&mut periods, peer, at) else { continue };
        cx.unit.replace_periods(session, &period.jid, &periods).await?;
        let before = cx.unit.peer(peer).await?;
        if cx.unit.wrote_in(before.and_then(|peer| peer.chat), &moved).await? {
            let other = cx.unit.new_peer(session, &period.jid, moved.from).await?.id;
            message_move::move_messages(cx, &moved, other).await?;
        }
    }
    Ok(())
}

/// Stores the addresses of the linked account itself.
pub(super) async fn account(
    cx: &mut InboundContext<'_, '_>,
    addresses: &[&Jid],
    reported_at: i64,
) -> Result<(), StoreError> {
    let session = cx.session;
    let Some(first) = addresses.first() else { return Ok(()) };
    let account = cx.unit.make_account(session, first).await?.id;
    for jid in addresses {
        match last_owner(&cx.unit.periods(session, jid).await?) {
            Some(AddressOwner { peer, former: false }) if peer == account => {}
            Some(AddressOwner { peer, former: false }) => {
                merge::merge(cx, account, peer).await?;
            }
            _ if jid.kind() == JidKind::PhoneNumber => take_number(cx, account, jid, reported_at).await?,
            _ => {
                cx.unit.insert_period(session, &since_ever(jid, account)).await?;
                merge::settle_addresses(cx, account).await?;
            }
        }
    }
    Ok(())
}
