//! Peers of a session, and the periods in which addresses belong to them.
//!
//! A user keeps their LID, and phone numbers change hands. So an address belongs to a peer for a period, and
//! [`owner_at`] returns its owner at a given time. All times are milliseconds by WhatsApp's clock.

use super::{
    id::{ChatId, PeerId},
    jid::{Jid, JidKind},
};

/// The partner of a chat, or a sender in one: a user, a group, or the account itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The id.
    pub id: PeerId,
    /// The displayed address; see [`canonical`].
    pub jid: Jid,
    /// The only chat with the peer, stored or deleted; `None` if there never was one.
    pub chat: Option<ChatId>,
}

impl Peer {
    /// Returns whether a chat with this peer has no other senders than the peer and the account.
    #[must_use]
    pub fn is_person(&self) -> bool {
        is_person(&self.jid)
    }
}

/// Returns whether the address is a user's.
#[must_use]
pub fn is_person(jid: &Jid) -> bool {
    !matches!(jid.kind(), JidKind::Group | JidKind::Newsletter | JidKind::Broadcast | JidKind::Status)
}

/// A period in which an address belongs to a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// The address.
    pub jid: Jid,
    /// The peer.
    pub peer: PeerId,
    /// The first millisecond; 0 for the first known owner.
    pub from: i64,
    /// The first millisecond after the period; `None` while it lasts.
    pub until: Option<i64>,
}

impl Period {
    /// Returns whether the period ended before a time.
    #[must_use]
    pub fn is_over(&self, at: i64) -> bool {
        self.until.is_some_and(|until| until <= at)
    }
}

/// The owner of an address at a given time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressOwner {
    /// The peer.
    pub peer: PeerId,
    /// True if the period had ended by then, and no later owner is known.
    pub former: bool,
}

/// A part of a period that moved to another peer, together with the messages sent from the address in that time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedPeriod {
    /// The previous peer.
    pub peer: PeerId,
    /// The first millisecond.
    pub from: i64,
    /// The first millisecond after it; `None` if it has no end.
    pub until: Option<i64>,
}

/// Returns the owner of an address at a time, given its periods in ascending order. Between two periods, and before the
/// first one, it is the next known owner, since the exact start of a period is unknown.
#[must_use]
pub fn owner_at(periods: &[Period], at: i64) -> Option<AddressOwner> {
    if let Some(period) = periods.iter().find(|period| !period.is_over(at)) {
        return Some(AddressOwner { peer: period.peer, former: false });
    }
    periods.last().map(|period| AddressOwner { peer: period.peer, former: true })
}

/// Returns the current or last owner of the address with these periods.
#[must_use]
pub fn last_owner(periods: &[Period]) -> Option<AddressOwner> {
    periods.last().map(|period| AddressOwner { peer: period.peer, former: period.until.is_some() })
}

/// Assigns the address to `peer` from `at` until the next known period. Returns the part that another peer loses.
pub fn assign(periods: &mut Vec<Period>, jid: &Jid, peer: PeerId, at: i64) -> Option<MovedPeriod> {
    let next = |periods: &[Period], place: usize| periods.get(place).map(|period| period.from);
    let Some(place) = periods.iter().rposition(|period| period.from <= at) else {
        let moved = until_next(periods, 0, peer, at);
        let until = next(periods, 0);
        let from = if until.is_some() { at } else { 0 };
        periods.insert(0, Period { jid: jid.clone(), peer, from, until });
        return moved;
    };
    let before = periods[place].clone();
    if before.peer == peer && !before.is_over(at) {
        return None;
    }
    let (until, moved) = if before.is_over(at) {
        (next(periods, place + 1), until_next(periods, place + 1, peer, at))
    } else {
        let moved = MovedPeriod { peer: before.peer, from: at, until: before.until };
        if before.from == at {
            periods.remove(place);
        } else {
            periods[place].until = Some(at);
        }
        (before.until, Some(moved))
    };
    let after = periods.iter().position(|period| period.from > at).unwrap_or(periods.len());
    periods.insert(after, Period { jid: jid.clone(), peer, from: at, until });
    moved
}

/// The time from `at` to this period, which belonged to the owner of the period so far.
fn until_next(periods: &[Period], place: usize, peer: PeerId, at: i64) -> Option<MovedPeriod> {
    let next = periods.get(place).filter(|next| next.peer != peer)?;
    Some(MovedPeriod { peer: next.peer, from: at, until: Some(next.from) })
}

/// Ends the period of `peer` after `at`. Returns the part that has no owner any more.
pub fn end(periods: &mut [Period], peer: PeerId, at: i64) -> Option<MovedPeriod> {
    let period = periods.iter_mut().rev().find(|period| period.from <= at)?;
    if period.peer != peer || period.is_over(at + 1) {
        return None;
    }
    let moved = MovedPeriod { peer, from: at + 1, until: period.until };
    period.until = Some(at + 1);
    Some(moved)
}

/// The displayed address of a peer with these periods: the current number, else the current LID or other address, else
/// the last address.
#[must_use]
pub fn canonical(periods: &[Period]) -> Option<&Jid> {
    let rank = |period: &&Period| (period.until.is_none(), period.until, rank_of(&period.jid), period.from);
    periods.iter().max_by_key(rank).map(|period| &period.jid)
}

fn rank_of(jid: &Jid) -> u8 {
    match jid.kind() {
        JidKind::PhoneNumber => 2,
        JidKind::Lid => 0,
        _ => 1,
    }
}

/// The current address of this kind of a peer with these periods.
#[must_use]
pub fn present(periods: &[Period], kind: JidKind) -> Option<&Jid> {
    periods.iter().find(|period| period.until.is_none() && period.jid.kind() == kind).map(|period| &period.jid)
}

#[cfg(test)]
mod tests;
