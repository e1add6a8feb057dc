//! Peers of a session, and the periods in which addresses belong to them.
//!
//! A person keeps their LID, and numbers change hands. So an address belongs to a peer from one moment to another, and
//! [`owner_at`] tells whose it is at a time. All times are milliseconds by WhatsApp's clock.

use super::id::ChatId;
use super::id::PeerId;
use super::jid::Jid;
use super::jid::JidKind;

/// Whom a chat is with, or who writes in one: a person, a group, the account itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its id.
    pub id: PeerId,
    /// The address that is shown; see [`canonical`].
    pub jid: Jid,
    /// The one chat with it, stored or deleted; none if there never was one.
    pub chat: Option<ChatId>,
}

impl Peer {
    /// Whether a chat with this peer has no other writers than the peer and the account.
    #[must_use]
    pub fn is_person(&self) -> bool {
        is_person(&self.jid)
    }
}

/// Whether the address is one person's.
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
    /// The first moment; 0 for the first known owner.
    pub from: i64,
    /// The first moment after it; none while it lasts.
    pub until: Option<i64>,
}

impl Period {
    /// Whether its last moment was before a time.
    #[must_use]
    pub fn is_over(&self, at: i64) -> bool {
        self.until.is_some_and(|until| until <= at)
    }
}

/// Whose an address is at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The peer.
    pub peer: PeerId,
    /// Whether its period was over by then, and nobody is known to have the address since.
    pub former: bool,
}

/// A part of a period that went over to another peer, and with it what was written from the address in that time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The peer before.
    pub peer: PeerId,
    /// The first moment.
    pub from: i64,
    /// The first moment after it; none if it has no end.
    pub until: Option<i64>,
}

/// Tells whose the address with these periods, the earliest first, is at a time. Between two periods, and before the first one,
/// it is the next known owner's: from when they have it is not known exactly.
#[must_use]
pub fn owner_at(periods: &[Period], at: i64) -> Option<Owner> {
    if let Some(period) = periods.iter().find(|period| !period.is_over(at)) {
        return Some(Owner { peer: period.peer, former: false });
    }
    periods.last().map(|period| Owner { peer: period.peer, former: true })
}

/// Tells whose the address with these periods is now, or was last.
#[must_use]
pub fn last_owner(periods: &[Period]) -> Option<Owner> {
    periods.last().map(|period| Owner { peer: period.peer, former: period.until.is_some() })
}

/// Gives the address to `peer` from `at` on, up to the next known period; tells what that takes from another peer.
pub fn give(periods: &mut Vec<Period>, jid: &Jid, peer: PeerId, at: i64) -> Option<Moved> {
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
        let moved = Moved { peer: before.peer, from: at, until: before.until };
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

/// The time from `at` to the period in this place, which was its owner's so far.
fn until_next(periods: &[Period], place: usize, peer: PeerId, at: i64) -> Option<Moved> {
    let next = periods.get(place).filter(|next| next.peer != peer)?;
    Some(Moved { peer: next.peer, from: at, until: Some(next.from) })
}

/// Ends the period of `peer` at `at`, the last moment of it; tells what is nobody's since.
pub fn end(periods: &mut [Period], peer: PeerId, at: i64) -> Option<Moved> {
    let period = periods.iter_mut().rev().find(|period| period.from <= at)?;
    if period.peer != peer || period.is_over(at + 1) {
        return None;
    }
    let moved = Moved { peer, from: at + 1, until: period.until };
    period.until = Some(at + 1);
    Some(moved)
}

/// The address that a peer with these periods is shown by: the present number, else the present LID or other address, else
/// the one that it had last.
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

/// The address of this kind that a peer with these periods has now.
#[must_use]
pub fn present(periods: &[Period], kind: JidKind) -> Option<&Jid> {
    periods.iter().find(|period| period.until.is_none() && period.jid.kind() == kind).map(|period| &period.jid)
}

#[cfg(test)]
mod tests;
