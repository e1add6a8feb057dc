//! What happens to one chat on WhatsApp: settings, messages, names, and the word that an action of ours has arrived.

use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;

use crate::domain::action::Desired;
use crate::domain::action::PendingAction;
use crate::domain::action::Setting;
use crate::domain::change::ChatFields;
use crate::domain::change::Origin;
use crate::domain::chat::Chat;
use crate::domain::chat::ChatPatch;
use crate::domain::chat::Dated;
use crate::domain::chat::Names;
use crate::domain::horizon::Horizon;
use crate::domain::id::ChatId;
use crate::domain::jid::Jid;
use crate::domain::jid::JidKind;
use crate::domain::message::IncomingMessage;
use crate::domain::message::MessageKind;
use crate::domain::message::MessageRange;
use crate::domain::peer::Peer;
use crate::domain::peer::last_owner;
use crate::domain::tombstone::Tombstone;
use crate::session::SessionKey;
use crate::store::Unit;
use crate::store::error::StoreError;

use super::inbound_rewriting;
use super::reading;

/// A setting that was made on the phone or another device.
pub(super) struct Made<'a> {
    /// The setting and its value.
    pub(super) value: Desired,
    /// WhatsApp's time of it, in milliseconds.
    pub(super) as_of: i64,
    /// Up to which message it reaches.
    pub(super) up_to: Option<&'a Horizon>,
    /// Whether it may be older than what was told before.
    pub(super) replayed: bool,
    /// The address under which WhatsApp told it; none where it told something else, from which this follows.
    pub(super) address: Option<&'a Jid>,
}

/// A setting was made on the phone or another device, or our own action came back.
///
/// While an action of ours waits for the same setting, WhatsApp's word counts when it is newer than the request, and
/// drops the action; an older one only corrects what WhatsApp is known to have.
///
/// Otherwise the order counts in which WhatsApp tells, whatever the clocks say. Times decide where there is no order: in a
/// replay, between two addresses of a chat, and between marks and messages, which come on different ways.
pub(super) async fn setting(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    jid: &Jid,
    made: Made<'_>,
    now: i64,
) -> Result<(), StoreError> {
    let value = match made.value {
        // It ended before this was heard.
        Desired::MutedUntil(Some(until)) if until <= now => Desired::MutedUntil(None),
        value => value,
    };
    let made = Made { value, ..made };
    // A chat WhatsApp knows and we do not is stored with what is known of it: its settings are there when it comes alive.
    // A replay tells it under the present address, however old it is.
    let found = if made.replayed {
        find(unit, key, jid, now).await?
    } else {
        find_when(unit, key, jid, made.as_of, now).await?
    };
    let found = match found {
        Found::Chat(chat) => (chat, false),
        Found::New(chat) => (chat, true),
        Found::Deleted(tombstone) => return setting_of_deleted(unit, key, tombstone, &made, now).await,
        Found::Nowhere => return Ok(()),
    };
    setting_of(unit, key, found, made, now).await
}

/// The same for a deleted chat, which comes back with it.
pub(super) async fn setting_of_deleted(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    tombstone: Tombstone,
    made: &Made<'_>,
    now: i64,
) -> Result<(), StoreError> {
    let mut patch = ChatPatch { as_of: made.as_of, ..ChatPatch::default() };
    patch.set(made.value);
    // How far somebody has read does not depend on when: the mark alone has a time.
    if made.value == Desired::Read(true) {
        (patch.read, patch.marked_unread) = (None, Some(false));
        let place = made.up_to.cloned().unwrap_or(Horizon { at: made.as_of, wa_ids: Vec::new() });
        let reading = reading::up_to(unit, key, &tombstone.chat, place).await?;
        (patch.unread_count, patch.read_to) = (Some(reading.unread), Some(reading.place));
    }
    note(unit, key, tombstone, &patch, now, Origin::Device).await
}

/// The same for a chat that is locked, or new and not stored yet.
pub(super) async fn setting_of(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    (mut chat, is_new): (Chat, bool),
    Made { value, as_of, up_to, address, replayed }: Made<'_>,
    now: i64,
) -> Result<(), StoreError> {
    // Phones go by the order in which WhatsApp keeps what it was told under one address.
    let in_order = !replayed && value.setting() != Setting::Read && address == Some(chat.sending_address());
    let address = address.map(|jid| (jid.clone(), as_of));
    let mut patch = ChatPatch { as_of, address, ..ChatPatch::default() };
    patch.set(value);
    // WhatsApp's own clients take a chat that is pinned out of the archive, and tell the pin alone.
    if value == Desired::Pinned(true) && !chat.pending.contains(Setting::Archived.field()) {
        patch.archived = Some(false);
    }
    let setting = value.setting();
    let waiting = if chat.pending.contains(setting.field()) {
        unit.pending_action(&key.organization, key.session, chat.id, &chat.jid, setting).await?
    } else {
        None
    };
    // How far somebody has read does not depend on when: the mark alone has a time.
    let mut unread = None;
    if let Desired::Read(read) = value {
        (patch.read, patch.marked_unread) = (None, Some(!read));
        if !read && was_read_since(unit, key, &chat, as_of, up_to).await? {
            patch.marked_unread = None;
        }
        // Phones mark only chats that are read, and a replay tells the mark without the reading before it. Told one by one,
        // a mark says nothing about that: another companion may mark a chat with unread messages.
        let is_known = !read && (!replayed || is_our_mark(&chat, waiting.as_ref(), as_of));
        let end = read.then(|| Horizon { at: as_of, wa_ids: Vec::new() });
        if let Some(place) = up_to.cloned().or(end).filter(|_| !is_known) {
            let reading = reading::up_to(unit, key, &chat, place).await?;
            patch.unread_count = Some(reading.unread);
            patch.read_to = Some(reading.place);
            unread = Some(reading.left);
        }
    }
    if let Some(mut action) = waiting {
        if let Some(left) = unread {
            action.unread = action.unread.min(left.saturating_sub(chat.unread_count));
            let told = |range: &MessageRange| patch.read_to.as_ref().is_some_and(|place| range.at <= place.at);
            action.read_before = action.read_before.filter(|range| !told(range));
        }
        if as_of <= action.requested_at {
            correct_base(unit, &mut action, value, as_of, in_order).await?;
            let ChatPatch { unread_count, read_to, address, .. } = patch;
            let read = ChatPatch { unread_count, read_to, address, ..ChatPatch::default() };
            return save(unit, key, &mut chat, is_new, &read, now, Origin::Device).await;
        }
        let overtaken = value == Desired::Read(true) && action.desired == Desired::Read(false);
        let range = match &patch.read_to {
            Some(place) if overtaken => unit.message_range_up_to(&key.organization, chat.id, place).await?,
            _ => None,
        };
        if let Some(range) = range {
            unit.put_pending_action(&action.reading_instead(range, as_of)).await?;
        } else {
            unit.remove_pending_action(&key.organization, key.session, chat.id, action.desired, action.version).await?;
            patch.pending = Some(chat.pending.without(setting.field()));
        }
    }
    if in_order {
        patch.as_of = as_of.max(chat.base(setting).1);
    }
    if chat.refused.contains(setting.field()) && patch.as_of >= chat.base(setting).1 && !chat.has(value) {
        unit.remove_refusal(&key.organization, chat.id, setting).await?;
        patch.refused = Some(chat.refused.without(setting.field()));
    }
    save(unit, key, &mut chat, is_new, &patch, now, Origin::Device).await
}

/// Whether a chat was read after a mark of the same second, that is further than the mark's range. Messages have whole
/// seconds, and an own message may arrive before the mark that it undoes.
async fn was_read_since(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    chat: &Chat,
    marked_at: i64,
    up_to: Option<&Horizon>,
) -> Result<bool, StoreError> {
    let read = chat.marked_unread;
    let is_of_one_second = !read.value && read.as_of.div_euclid(1_000) == marked_at.div_euclid(1_000);
    let (Some(up_to), Some(read_to), true) = (up_to, &chat.read_to, is_of_one_second) else { return Ok(false) };
    let up_to = unit.complete(&key.organization, &[chat.id], up_to.clone()).await?;
    Ok(read_to.is_beyond(&up_to))
}

/// Whether the news that a chat was marked as unread are about the mark that it has, or a request for one that waits: they
/// tell nothing about what was read then.
fn is_our_mark(chat: &Chat, waiting: Option<&PendingAction>, as_of: i64) -> bool {
    let asked = waiting.filter(|action| action.desired == Desired::Read(false));
    chat.marked_unread == Dated { value: true, as_of } || asked.is_some_and(|action| action.requested_at == as_of)
}

/// Notes what WhatsApp has of a setting while a request of ours for it waits.
async fn correct_base(
    unit: &mut Unit<'_>,
    action: &mut PendingAction,
    value: Desired,
    as_of: i64,
    in_order: bool,
) -> Result<(), StoreError> {
    if in_order || as_of >= action.base_as_of {
        (action.base, action.base_as_of) = (value, as_of.max(action.base_as_of));
    }
    unit.put_pending_action(action).await
}

/// WhatsApp took an action of ours. A request that came meanwhile has a higher version and stays.
pub(super) async fn action_sent(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    id: ChatId,
    (desired, version): (Desired, i64),
    now: i64,
) -> Result<(), StoreError> {
    // The chat's lock guards its pending actions, so it is taken first, as by the one who notes them.
    let Some(mut chat) = unit.chat_by_id_for_update(&key.organization, id).await? else { return Ok(()) };
    let setting = desired.setting();
    if !unit.remove_pending_action(&key.organization, key.session, id, desired, version).await? {
        // That it was read is told; that it is marked as unread comes next.
        let waiting = unit.pending_action(&key.organization, key.session, id, &chat.jid, setting).await?;
        let Some(action) = waiting.filter(|action| action.version == version) else { return Ok(()) };
        return unit.put_pending_action(&PendingAction { read_before: None, ..action }).await;
    }
    let patch = ChatPatch { pending: Some(chat.pending.without(setting.field())), ..ChatPatch::default() };
    save(unit, key, &mut chat, false, &patch, now, Origin::Api).await
}

/// A message came, or the account wrote one on another device. `order` is its place in WhatsApp's order, if that is known.
pub(super) async fn message(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    message: &IncomingMessage,
    order: Option<i64>,
    now: i64,
) -> Result<(), StoreError> {
    // Reactions and the like tell something about a message; they do not make or advance a chat.
    if message.kind == MessageKind::Reaction {
        return Ok(());
    }
    let Some((mut peer, found)) = find_at(unit, key, &message.chat, message.at, now).await? else { return Ok(()) };
    let (mut chat, is_new) = match found {
        // What was deleted does not come back.
        Found::Chat(chat) | Found::Deleted(Tombstone { chat, .. }) if chat.knows(message) => return Ok(()),
        Found::Chat(chat) => (chat, false),
        Found::New(chat) => {
            unit.insert_chat_with(&key.organization, &chat, &mut peer).await?;
            (chat, true)
        }
        Found::Deleted(tombstone) => (revive(unit, key, tombstone, &mut peer, now).await?, true),
        Found::Nowhere => return Ok(()),
    };
    let (whose, arrival) = (&key.organization, order.unwrap_or_else(|| arrival(now).max(chat.arrivals + 1)));
    let place = (key.session, chat.id);
    let stored = unit.insert_messages_with(whose, place, Some(&peer), std::slice::from_ref(message), arrival).await?;
    let address = Some((message.chat.clone(), message.at));
    // A redelivery: all that it says is known, but for the address by which it comes.
    if stored == 0 {
        let patch = ChatPatch { address, ..ChatPatch::default() };
        return save(unit, key, &mut chat, false, &patch, now, Origin::Message).await;
    }
    chat.arrivals = chat.arrivals.max(arrival);
    let mut patch = ChatPatch { address, ..ChatPatch::default() };
    if let Some(name) = &message.sender_name
        && !message.from_me
        && (peer.is_person() || chat.jid == message.sender)
    {
        patch.names = Names { push: Some(name.clone()), ..Names::default() };
    }
    let read = message.from_me
        || chat.read_to.as_ref().is_some_and(|place| place.names(message))
        || !chat.has_read(message) && unit.take_early_receipt(whose, key.session, &message.wa_id).await?;
    if read {
        // Who writes into a chat has read it, on whatever device.
        let reading = reading::up_to(unit, key, &chat, Horizon::at_message(message)).await?;
        (patch.unread_count, patch.read_to) = (Some(reading.unread), Some(reading.place));
    } else if !chat.has_read(message) {
        match read_before(unit, key, &chat, message).await? {
            Some(place) => patch.read_to = Some(place),
            None => patch.unread_count = Some(chat.unread_count.saturating_add(1)),
        }
    }
    patch.last_message = unit.last_message(&key.organization, chat.id).await?;
    if message.from_me {
        patch.marked_unread = Some(false);
        patch.as_of = written_at(message, chat.marked_unread.as_of);
        let IncomingMessage { wa_id, from_me, sender, at, .. } = message.clone();
        let range = MessageRange { wa_id, from_me, sender, at };
        let written_at = |asked_at| written_at(message, asked_at);
        patch.pending = take_back_mark(unit, key, &chat, Some(range), written_at).await?;
    }
    let updated = chat.apply(&patch, now, Origin::Message);
    let change = if is_new { Some(chat.created(now, Origin::Message)) } else { updated };
    unit.save_chat(&key.organization, &chat).await?;
    if let Some(change) = change {
        unit.record(&key.organization, change);
    }
    inbound_rewriting::catch_up(unit, key, std::slice::from_ref(&message.wa_id), now).await
}

/// When an own message was written, beside a mark of `marked_at`. Messages bear whole seconds: of one second, the message
/// that arrives behind the mark was written behind it.
fn written_at(message: &IncomingMessage, marked_at: i64) -> i64 {
    if message.at.div_euclid(1_000) == marked_at.div_euclid(1_000) { message.at.max(marked_at) } else { message.at }
}

/// The account's owner read a chat, up to `range`, that WhatsApp is still to be told is marked as unread: WhatsApp is told to
/// show it as read instead. `at` tells when that was, beside a request of a given time; an earlier reading changes nothing.
/// Returns what waits for the chat from then on, if that differs.
pub(super) async fn take_back_mark(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    chat: &Chat,
    range: Option<MessageRange>,
    at: impl FnOnce(i64) -> i64,
) -> Result<Option<ChatFields>, StoreError> {
    let field = Setting::Read.field();
    if !chat.pending.contains(field) {
        return Ok(None);
    }
    let waiting = unit.pending_action(&key.organization, key.session, chat.id, &chat.jid, Setting::Read).await?;
    let Some(action) = waiting.filter(|action| action.desired == Desired::Read(false)) else { return Ok(None) };
    let at = at(action.requested_at);
    if at < action.requested_at {
        return Ok(None);
    }
    if let Some(range) = range {
        unit.put_pending_action(&action.reading_instead(range, at)).await?;
        return Ok(None);
    }
    unit.remove_pending_action(&key.organization, key.session, chat.id, action.desired, action.version).await?;
    Ok(Some(chat.pending.without(field)))
}

/// How far the chat is read with a stored message that comes late: WhatsApp sent it before one of the same second that is
/// read. `None` if it did not.
async fn read_before(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    chat: &Chat,
    message: &IncomingMessage,
) -> Result<Option<Horizon>, StoreError> {
    let Some(read_to) = chat.read_to.clone().filter(|place| place.at == message.at) else { return Ok(None) };
    let place = unit.complete(&key.organization, &[chat.id], read_to).await?;
    Ok(place.names(message).then_some(place))
}

/// The number of a message that arrives now, in the order of all that arrive here, in whatever chat.
fn arrival(now: i64) -> i64 {
    static LAST: AtomicI64 = AtomicI64::new(0);
    let next = |last: i64| last.saturating_add(1).max(now.saturating_mul(1_000));
    LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last))).map_or(0, next)
}

/// The account's owner saved a contact, or a group has a (new) subject. One without a message is stored, too, so that its
/// name and settings are there when it comes alive.
pub(super) async fn named(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    jid: &Jid,
    name: &str,
    now: i64,
) -> Result<(), StoreError> {
    let address = Some((jid.clone(), 0));
    let patch = ChatPatch { names: names(jid, Some(name.to_owned())), address, ..ChatPatch::default() };
    let (mut chat, is_new) = match find(unit, key, jid, now).await? {
        Found::Chat(chat) => (chat, false),
        Found::New(chat) => (chat, true),
        Found::Deleted(tombstone) => return note(unit, key, tombstone, &patch, now, Origin::Device).await,
        Found::Nowhere => return Ok(()),
    };
    save(unit, key, &mut chat, is_new, &patch, now, Origin::Device).await
}

/// What an address finds in a session.
pub(super) enum Found {
    /// A chat.
    Chat(Chat),
    /// What stays of a chat that was deleted.
    Deleted(Tombstone),
    /// Nothing; this would be the chat, not stored yet.
    New(Chat),
    /// Nothing, and no chat can be stored: the session was deleted meanwhile.
    Nowhere,
}

/// What `jid` finds in the session now. Most events are about a chat that is there, which proves that its session is.
pub(super) async fn find(unit: &mut Unit<'_>, key: &SessionKey, jid: &Jid, now: i64) -> Result<Found, StoreError> {
    let whose = &key.organization;
    if let Some(chat) = unit.chat_for_update(whose, key.session, jid).await? {
        return Ok(Found::Chat(chat));
    }
    if unit.session_for_update(whose, key.session).await?.is_none() {
        return Ok(Found::Nowhere);
    }
    let owner = last_owner(&unit.periods(whose, key.session, jid).await?);
    let peer = match owner {
        Some(owner) => unit.peer(whose, owner.peer).await?,
        None => None,
    };
    let Some(peer) = peer else {
        return Ok(Found::New(Chat::new(ChatId::new(now), key.session, jid.clone(), now)));
    };
    with(unit, key, &peer, now).await
}

/// What `jid` found in the session at a time by WhatsApp's clock.
pub(super) async fn find_when(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    jid: &Jid,
    at: i64,
    now: i64,
) -> Result<Found, StoreError> {
    let whose = &key.organization;
    let Some((peer, _)) = unit.owner(whose, key.session, jid, at).await? else {
        return find(unit, key, jid, now).await;
    };
    if let Some(chat) = unit.chat_with_for_update(whose, &peer).await? {
        return Ok(Found::Chat(chat));
    }
    if unit.session_for_update(whose, key.session).await?.is_none() {
        return Ok(Found::Nowhere);
    }
    with(unit, key, &peer, now).await
}

/// What a message of `at` by `jid` finds in the session, and with whom. A number that nobody is known to have at that time is
/// a new peer's.
pub(super) async fn find_at(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    jid: &Jid,
    at: i64,
    now: i64,
) -> Result<Option<(Peer, Found)>, StoreError> {
    let whose = &key.organization;
    if let Some((peer, false)) = unit.owner(whose, key.session, jid, at).await? {
        if let Some(chat) = unit.chat_with_for_update(whose, &peer).await? {
            return Ok(Some((peer, Found::Chat(chat))));
        }
        if unit.session_for_update(whose, key.session).await?.is_none() {
            return Ok(None);
        }
        let found = with(unit, key, &peer, now).await?;
        return Ok(Some((peer, found)));
    }
    if unit.session_for_update(whose, key.session).await?.is_none() {
        return Ok(None);
    }
    let peer = unit.new_peer(whose, key.session, jid, at).await?;
    let chat = Chat::new(ChatId::new(now), key.session, peer.jid.clone(), now);
    Ok(Some((peer, Found::New(chat))))
}

/// What a session, which is locked, has of a peer.
pub(super) async fn with(unit: &mut Unit<'_>, key: &SessionKey, peer: &Peer, now: i64) -> Result<Found, StoreError> {
    if let Some(chat) = unit.chat_with_for_update(&key.organization, peer).await? {
        return Ok(Found::Chat(chat));
    }
    if let Some(deleted) = unit.tombstone_for_update(&key.organization, peer).await? {
        return Ok(Found::Deleted(deleted));
    }
    Ok(Found::New(Chat::new(ChatId::new(now), key.session, peer.jid.clone(), now)))
}

/// Notes for a deleted chat what it will come back with. Nobody is told.
pub(super) async fn note(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    mut tombstone: Tombstone,
    patch: &ChatPatch,
    now: i64,
    origin: Origin,
) -> Result<(), StoreError> {
    let _untold = tombstone.chat.apply(patch, now, origin);
    unit.save_tombstone(&key.organization, &tombstone).await
}

/// Brings a deleted chat back, under a new id; its peer has all the addresses.
pub(super) async fn revive(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    tombstone: Tombstone,
    peer: &mut Peer,
    now: i64,
) -> Result<Chat, StoreError> {
    let before = tombstone.chat.id;
    unit.remove_tombstone(&key.organization, before).await?;
    let chat = Chat { jid: peer.jid.clone(), ..tombstone.revive(ChatId::new(now), now) };
    unit.insert_chat_with(&key.organization, &chat, peer).await?;
    unit.move_deleted_unread(&key.organization, before, chat.id).await?;
    Ok(chat)
}

/// Applies `patch`, stores the chat and records what became of it.
pub(super) async fn save(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    chat: &mut Chat,
    is_new: bool,
    patch: &ChatPatch,
    now: i64,
    origin: Origin,
) -> Result<(), StoreError> {
    let before = chat.clone();
    let change = chat.apply(patch, now, origin);
    if is_new {
        let created = chat.created(now, origin);
        unit.insert_chat(&key.organization, chat).await?;
        unit.record(&key.organization, created);
        return Ok(());
    }
    // A setting's time may be new where its value is not.
    if *chat != before {
        unit.save_chat(&key.organization, chat).await?;
    }
    if let Some(change) = change {
        unit.record(&key.organization, change);
    }
    Ok(())
}

/// Whether a name in a history is a group's subject or a person's.
pub(super) fn names(jid: &Jid, name: Option<String>) -> Names {
    match jid.kind() {
        JidKind::PhoneNumber | JidKind::Lid | JidKind::Bot | JidKind::Interop | JidKind::Messenger => {
            Names { contact: name, ..Names::default() }
        }
        _ => Names { subject: name, ..Names::default() },
    }
}
