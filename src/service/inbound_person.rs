//! One person behind two addresses: the chat is found by both from then on, and two chats become one, in the unit in which
//! one learns of it.

use crate::domain::change::Change;
use crate::domain::change::Origin;
use crate::domain::chat::Chat;
use crate::domain::chat::Dated;
use crate::domain::jid::Jid;
use crate::domain::join::Open;
use crate::domain::person::Person;
use crate::domain::tombstone::Tombstone;
use crate::session::SessionKey;
use crate::store::Unit;
use crate::store::error::StoreError;

/// Notes whose addresses belong together. What was known before is not looked at again.
pub(super) async fn same_person(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    people: &[Person],
    now: i64,
    origin: Origin,
) -> Result<(), StoreError> {
    let new = unit.new_people(&key.organization, key.session, people).await?;
    // Its lock before those of the chats: that is the order of locks.
    if new.is_empty() || unit.session_for_update(&key.organization, key.session).await?.is_none() {
        return Ok(());
    }
    for person in &new {
        unit.insert_person(&key.organization, key.session, person).await?;
        join(unit, key, person, now, origin).await?;
    }
    Ok(())
}

async fn join(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    person: &Person,
    now: i64,
    origin: Origin,
) -> Result<(), StoreError> {
    let addresses = [person.phone.clone(), person.lid.clone()];
    let mut chats = unit.chats_for_update(&key.organization, key.session, &addresses).await?;
    // The one under the number stays.
    chats.sort_by_key(|chat| chat.jid != person.phone);
    let mut chats = chats.into_iter();
    let mut deleted = Vec::new();
    for jid in &addresses {
        deleted.extend(unit.tombstone_for_update(&key.organization, key.session, jid).await?);
    }
    let Some(mut chat) = chats.next() else {
        return join_deleted(unit, key, person, deleted).await;
    };
    let before = chat.clone();
    let joined = chats.next();
    if let Some(other) = &joined {
        take_over(unit, key, &mut chat, other).await?;
    }
    keep_under(&mut chat, &person.phone);
    unit.name_senders(&key.organization, &chat).await?;
    let mut addresses = addresses.to_vec();
    for tombstone in deleted {
        unit.remove_tombstone(&key.organization, tombstone.chat.id).await?;
        let _nothing_waits = chat.join(&open(unit, key, &chat).await?, &tombstone.chat, &Open::default());
        chat.unread_count = chat.unread_count.saturating_add(tombstone.chat.unread_count);
        addresses.extend(tombstone.addresses);
    }
    unit.insert_addresses(&key.organization, &chat, &addresses).await?;
    let last = unit.last_message(&key.organization, chat.id).await?;
    chat.last_message =
        last.filter(|stored| chat.last_message.is_none_or(|known| known.at <= stored.at)).or(chat.last_message);
    unit.save_chat(&key.organization, &chat).await?;
    if let Some(other) = joined {
        unit.record(&key.organization, Change { merged_into: Some(chat.id), ..other.deleted(now, origin) });
    }
    unit.record(&key.organization, chat.joined(&before, now, origin));
    Ok(())
}

/// Makes one chat of two: messages, settings, what waits and what was refused.
async fn take_over(unit: &mut Unit<'_>, key: &SessionKey, chat: &mut Chat, other: &Chat) -> Result<(), StoreError> {
    let organization = &key.organization;
    let (mine, theirs) = (open(unit, key, chat).await?, open(unit, key, other).await?);
    let furthest = match (chat.read_to.clone(), other.read_to.clone()) {
        (Some(one), theirs) => Some(one.or_further(theirs)),
        (None, theirs) => theirs,
    };
    let both = [chat.id, other.id];
    let place = match furthest {
        Some(place) => Some(unit.complete(organization, &both, place).await?),
        None => None,
    };
    // What each counts beyond its stored messages stays counted, unless reading the other has read it.
    let (mut counted, mut beyond) = (0_u32, 0_u32);
    for one in [&*chat, other] {
        let before = unit.count_behind(organization, &[one.id], one.read_to.as_ref()).await?;
        let after = unit.count_behind(organization, &[one.id], place.as_ref()).await?;
        let further = place != one.read_to && after == 0;
        let all =
            further && one.last_message.is_none_or(|last| place.as_ref().is_some_and(|place| last.at <= place.at));
        let unread = one.unread_after(before, after, all);
        counted = counted.saturating_add(unread);
        beyond = beyond.saturating_add(unread.saturating_sub(after));
    }
    unit.hand_over(organization, other, chat).await?;
    let behind = unit.count_behind(organization, &[chat.id], place.as_ref()).await?;
    let open = chat.join(&mine, other, &theirs);
    chat.read_to = place;
    chat.unread_count = counted.min(behind.saturating_add(beyond));
    for action in &mine.waiting {
        unit.remove_pending_action(organization, key.session, chat.id, action.desired, action.version).await?;
    }
    for refusal in &mine.refused {
        unit.remove_refusal(organization, chat.id, refusal.setting).await?;
    }
    unit.abandon_chat(organization, other).await?;
    for action in &open.waiting {
        unit.put_pending_action(action).await?;
    }
    for refusal in &open.refused {
        unit.put_refusal(organization, chat.id, refusal).await?;
    }
    Ok(())
}

async fn open(unit: &mut Unit<'_>, key: &SessionKey, chat: &Chat) -> Result<Open, StoreError> {
    let waiting = unit.pending_actions_of(&key.organization, chat).await?;
    let refused = unit.refusals_of(&key.organization, chat.id).await?;
    Ok(Open { waiting, refused })
}

/// A chat that was kept under another address is known by it still: WhatsApp has used no other.
fn keep_under(chat: &mut Chat, jid: &Jid) {
    if chat.jid != *jid {
        let before = std::mem::replace(&mut chat.jid, jid.clone());
        if chat.address.is_none() {
            chat.address = Some(Box::new(Dated { value: before, as_of: 0 }));
        }
    }
}

/// What stays of deleted chats with one person is found by both addresses; two become one, of which nobody is told.
async fn join_deleted(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    person: &Person,
    deleted: Vec<Tombstone>,
) -> Result<(), StoreError> {
    let mut deleted = deleted.into_iter();
    let Some(mut one) = deleted.next() else { return Ok(()) };
    for other in deleted {
        unit.remove_tombstone(&key.organization, other.chat.id).await?;
        let _nothing_waits = one.chat.join(&Open::default(), &other.chat, &Open::default());
        one.chat.unread_count = one.chat.unread_count.saturating_add(other.chat.unread_count);
        one.addresses.extend(other.addresses);
    }
    keep_under(&mut one.chat, &person.phone);
    one.addresses.extend([person.phone.clone(), person.lid.clone()]);
    one.addresses.sort();
    one.addresses.dedup();
    unit.save_tombstone(&key.organization, &one).await?;
    unit.insert_tombstone_addresses(&key.organization, &one).await
}
