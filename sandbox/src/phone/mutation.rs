//! App-state mutations: creating them, and applying them to the phone's state.

use whatsapp_rust::{
    buffa::MessageField,
    wacore::appstate::Mutation,
    waproto::whatsapp::{
        MessageKey, SyncActionValue,
        sync_action_value::{
            ArchiveChatAction, ClearChatAction, ContactAction, DeleteChatAction, DeleteMessageForMeAction,
            LidContactAction, LockChatAction, MarkChatAsReadAction, MuteAction, PinAction, PnForLidChatAction,
            PushNameSetting, SyncActionMessage, SyncActionMessageRange, UnarchiveChatsSetting,
        },
        syncd_mutation::SyncdOperation,
    },
};

use super::{
    state::{Chat, Message, Person, PhoneState},
    view::FOREVER,
};
use crate::{Error, clock};

/// All collections.
pub(crate) const COLLECTIONS: [&str; 5] =
    ["critical_block", "critical_unblock_low", "regular_low", "regular_high", "regular"];

/// One setting to write into a collection.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// The index: the action's name and its subject.
    pub(crate) index: Vec<String>,
    /// The version of the action's format.
    pub(crate) version: i32,
    /// The new value, without its timestamp.
    pub(crate) value: SyncActionValue,
    /// True if the setting is removed instead.
    pub(crate) removed: bool,
    /// Time of the setting, in milliseconds; `None`: now.
    pub(crate) at: Option<i64>,
}

impl Change {
    fn new(index: &[&str], version: i32, value: SyncActionValue) -> Self {
        Self { index: index.iter().map(|part| (*part).to_owned()).collect(), version, value, removed: false, at: None }
    }

    /// Returns the setting with a time in the past.
    pub(crate) fn made_at(self, at: Option<i64>) -> Self {
        Self { at, ..self }
    }

    /// Returns the removal of the setting.
    pub(crate) fn removal(self) -> Self {
        Self { removed: true, ..self }
    }

    /// In `regular_low`.
    pub(crate) fn archive(jid: &str, archived: bool, chat: &Chat) -> Self {
        let action = ArchiveChatAction { archived: Some(archived), message_range: Range::all(chat).named(jid) };
        let value = SyncActionValue { archive_chat_action: MessageField::some(action), ..Default::default() };
        Self::new(&["archive", jid], 3, value)
    }

    /// In `regular_low`.
    pub(crate) fn pin(jid: &str, pinned: bool) -> Self {
        let action = PinAction { pinned: Some(pinned) };
        let value = SyncActionValue { pin_action: MessageField::some(action), ..Default::default() };
        Self::new(&["pin_v1", jid], 5, value)
    }

    /// In `regular_low`.
    pub(crate) fn read(jid: &str, read: bool, chat: &Chat) -> Self {
        let action = MarkChatAsReadAction { read: Some(read), message_range: Range::all(chat).named(jid) };
        let value = SyncActionValue { mark_chat_as_read_action: MessageField::some(action), ..Default::default() };
        Self::new(&["markChatAsRead", jid], 3, value)
    }

    /// In `regular_high`.
    pub(crate) fn delete(jid: &str, range: Range<'_>) -> Self {
        let action = DeleteChatAction { message_range: range.named(jid) };
        let value = SyncActionValue { delete_chat_action: MessageField::some(action), ..Default::default() };
        Self::new(&["deleteChat", jid, "1"], 6, value)
    }

    /// In `regular_high`. Also removes starred messages and media.
    pub(crate) fn clear(jid: &str, range: Range<'_>) -> Self {
        let action = ClearChatAction { message_range: range.named(jid) };
        let value = SyncActionValue { clear_chat_action: MessageField::some(action), ..Default::default() };
        Self::new(&["clearChat", jid, "1", "1"], 6, value)
    }

    /// In `regular_high`. `writer` is the JID of the author, in a group.
    pub(crate) fn delete_message(jid: &str, message: &Message, writer: Option<&str>) -> Self {
        let at = Some(message.at / 1000);
        let action = DeleteMessageForMeAction { delete_media: Some(true), message_timestamp: at };
        let value = SyncActionValue { delete_message_for_me_action: MessageField::some(action), ..Default::default() };
        let from_me = if message.from.is_none() { "1" } else { "0" };
        Self::new(&["deleteMessageForMe", jid, &message.id, from_me, writer.unwrap_or("0")], 3, value)
    }

    /// In `regular_high`.
    pub(crate) fn mute(jid: &str, until: Option<i64>) -> Self {
        let end = until.map(|until| if until >= FOREVER { -1 } else { until });
        let action = MuteAction {
            muted: Some(until.is_some()),
            mute_end_timestamp: Some(end.unwrap_or(0)),
            ..Default::default()
        };
        let value = SyncActionValue { mute_action: MessageField::some(action), ..Default::default() };
        Self::new(&["mute", jid], 2, value)
    }

    /// In `regular_low`.
    pub(crate) fn lock(jid: &str, locked: bool) -> Self {
        let action = LockChatAction { locked: Some(locked) };
        let value = SyncActionValue { lock_chat_action: MessageField::some(action), ..Default::default() };
        Self::new(&["lock", jid], 7, value)
    }

    /// In `regular_low`.
    pub(crate) fn unarchive_chats(unarchives: bool) -> Self {
        let action = UnarchiveChatsSetting { unarchive_chats: Some(unarchives) };
        let value = SyncActionValue { unarchive_chats_setting: MessageField::some(action), ..Default::default() };
        Self::new(&["setting_unarchiveChats"], 4, value)
    }

    /// In `regular`: the number of a LID, both as JIDs.
    pub(crate) fn number(lid: &str, phone: &str) -> Self {
        let action = PnForLidChatAction { pn_jid: Some(phone.to_owned()) };
        let value = SyncActionValue { pn_for_lid_chat_action: MessageField::some(action), ..Default::default() };
        Self::new(&["pnForLidChat", lid], 8, value)
    }

    /// In `critical_unblock_low`; `None` if the person has no name, or neither number nor LID.
    pub(crate) fn contact(person: &Person) -> Option<Self> {
        let name = person.name.as_ref()?;
        let first = name.split_whitespace().next().unwrap_or(name);
        if person.phone.is_none() {
            let (full_name, first_name) = (Some(name.clone()), Some(first.to_owned()));
            let action = LidContactAction { full_name, first_name, ..Default::default() };
            let value = SyncActionValue { lid_contact_action: MessageField::some(action), ..Default::default() };
            return Some(Self::new(&["lid_contact", &person.lid_jid()?], 1, value));
        }
        let action = ContactAction {
            full_name: Some(name.clone()),
            first_name: Some(first.to_owned()),
            lid_jid: person.lid_jid(),
            save_on_primary_addressbook: Some(true),
            ..Default::default()
        };
        let value = SyncActionValue { contact_action: MessageField::some(action), ..Default::default() };
        Some(Self::new(&["contact", &person.jid()], 2, value))
    }

    /// In `critical_block`.
    pub(crate) fn own_name(name: &str) -> Self {
        let action = PushNameSetting { name: Some(name.to_owned()) };
        let value = SyncActionValue { push_name_setting: MessageField::some(action), ..Default::default() };
        Self::new(&["setting_pushName"], 1, value)
    }
}

/// Message range of an action, given by its last message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range<'a>(Option<&'a Message>);

impl<'a> Range<'a> {
    /// All messages.
    fn all(chat: &'a Chat) -> Self {
        Self(chat.messages.iter().max_by_key(|message| message.at))
    }

    /// The messages up to the one with the id `up_to`, or all.
    pub(crate) fn of(chat: &'a Chat, up_to: Option<&str>) -> Result<Self, Error> {
        let Some(id) = up_to else { return Ok(Self::all(chat)) };
        let last = chat.messages.iter().find(|message| message.id == id);
        last.map(|last| Self(Some(last))).ok_or_else(|| Error::UnknownMessage(id.to_owned()))
    }

    fn named(self, jid: &str) -> MessageField<SyncActionMessageRange> {
        let Some(last) = self.0 else {
            // There is no message to name, and an action without a range would have no effect.
            let now = i64::try_from(clock::seconds(clock::now_ms())).unwrap_or_default();
            return MessageField::some(SyncActionMessageRange {
                last_message_timestamp: Some(now),
                ..Default::default()
            });
        };
        let key = MessageKey {
            remote_jid: Some(jid.to_owned()),
            from_me: Some(last.from.is_none()),
            id: Some(last.id.clone()),
            participant: last.from.clone().filter(|_| jid.ends_with("@g.us")),
        };
        let message = SyncActionMessage { key: MessageField::some(key), timestamp: Some(last.at / 1000) };
        MessageField::some(SyncActionMessageRange {
            last_message_timestamp: Some(last.at / 1000),
            last_system_message_timestamp: None,
            messages: vec![message],
        })
    }
}

/// Applies a mutation. Unknown mutations are ignored.
pub(crate) fn apply(book: &mut PhoneState, mutation: &Mutation) {
    if let [kind, jid, ..] = mutation.index.as_slice()
        && kind == "contact"
    {
        let set = mutation.operation == SyncdOperation::SET;
        return save(book, jid, mutation.action_value.as_ref().filter(|_| set).map(|value| &*value.contact_action));
    }
    if let [kind, jid, ..] = mutation.index.as_slice()
        && kind == "lid_contact"
    {
        let set = mutation.operation == SyncdOperation::SET;
        let action = mutation.action_value.as_ref().filter(|_| set).map(|value| &value.lid_contact_action);
        book.meet(jid);
        if let Some(person) = book.person_mut(jid) {
            person.name = action.and_then(|action| action.full_name.clone().or_else(|| action.first_name.clone()));
        }
        return;
    }
    let Some(value) = mutation.action_value.as_ref().filter(|_| mutation.operation == SyncdOperation::SET) else {
        return;
    };
    let subject = mutation.index.get(1).map(String::as_str);
    match (mutation.index.first().map(String::as_str), subject) {
        (Some("archive"), Some(jid)) => {
            let action = &value.archive_chat_action;
            let Some(range) = said(&action.message_range) else { return };
            let (archived, unarchives) = (action.archived.unwrap_or_default(), book.unarchives);
            let chat = book.chat_mut(jid);
            // A later message of another person unarchives the chat.
            let is_left = unarchives && Chat::from_others(&chat.messages[end(chat, range)..]) > 0;
            chat.archived = archived && !is_left;
            chat.archived_at = value.timestamp.filter(|_| chat.archived);
        }
        (Some("pin_v1"), Some(jid)) => {
            let pinned = value.pin_action.pinned.unwrap_or_default();
            let chat = book.chat_mut(jid);
            chat.pinned_at = pinned.then(|| value.timestamp.unwrap_or_default());
            // Pinning unarchives the chat, without a separate patch.
            chat.archived &= !pinned;
        }
        (Some("markChatAsRead"), Some(jid)) => {
            let action = &value.mark_chat_as_read_action;
            let Some(range) = said(&action.message_range) else { return };
            let chat = book.chat_mut(jid);
            if action.read.unwrap_or_default() {
                read_up_to(chat, range);
            } else {
                chat.marked_unread = true;
            }
        }
        (Some("mute"), Some(jid)) => {
            if let Some(until) = muted_until(&value.mute_action) {
                book.chat_mut(jid).muted_until = until;
            }
        }
        (Some("deleteChat"), Some(jid)) => {
            let jid = book.resolve(jid);
            if let Some(range) = said(&value.delete_chat_action.message_range)
                && let Some(chat) = book.chats.get_mut(&jid)
                && forget_up_to(chat, range) == 0
            {
                book.chats.remove(&jid);
            }
        }
        (Some("clearChat"), Some(jid)) => {
            if let Some(range) = said(&value.clear_chat_action.message_range) {
                forget_up_to(book.chat_mut(jid), range);
            }
        }
        (Some("lock"), Some(jid)) => {
            let chat = book.chat_mut(jid);
            chat.locked = value.lock_chat_action.locked.unwrap_or_default();
            if chat.locked {
                (chat.archived, chat.pinned_at) = (false, None);
            }
        }
        (Some("setting_unarchiveChats"), _) => {
            book.unarchives = value.unarchive_chats_setting.unarchive_chats.unwrap_or_default();
            if book.unarchives {
                book.chats.values_mut().for_each(unarchive);
            }
        }
        (Some("deleteMessageForMe"), Some(jid)) => {
            let jid = book.resolve(jid);
            if let (Some(chat), Some(id)) = (book.chats.get_mut(&jid), mutation.index.get(2)) {
                chat.remove(id);
            }
        }
        (Some("setting_pushName"), _) => {
            if let Some(name) = &value.push_name_setting.name {
                book.name.clone_from(name);
            }
        }
        _ => {}
    }
}

/// Saves a contact as in an action, or removes it without one.
fn save(book: &mut PhoneState, jid: &str, action: Option<&ContactAction>) {
    book.meet(jid);
    let lid = action.and_then(|action| action.lid_jid.as_deref()).filter(|lid| book.person(lid).is_none());
    let Some(person) = book.person_mut(jid) else { return };
    let Some(action) = action else {
        person.name = None;
        return;
    };
    if let Some(name) = action.full_name.as_ref().or(action.first_name.as_ref()) {
        person.name = Some(name.clone());
    }
    if let Some(lid) = lid.and_then(|lid| lid.strip_suffix("@lid")).filter(|_| person.lid.is_none()) {
        person.lid = Some(lid.to_owned());
    }
}

/// Unarchives a chat with a message of another person since it was archived.
fn unarchive(chat: &mut Chat) {
    let since = chat.archived_at.unwrap_or(i64::MAX);
    let is_later = |message: &Message| message.at > since && message.from.is_some() && !message.revoked;
    chat.archived &= !chat.messages.iter().any(is_later);
}

/// Returns the range of an action. A phone ignores an action without one, or with one that names neither messages nor a
/// time.
fn said(range: &MessageField<SyncActionMessageRange>) -> Option<&SyncActionMessageRange> {
    range.as_option().filter(|range| range.last_message_timestamp.is_some() || !range.messages.is_empty())
}

/// Marks the messages of the range as read; later ones stay unread.
fn read_up_to(chat: &mut Chat, range: &SyncActionMessageRange) {
    let later = chat.messages.split_off(end(chat, range));
    chat.unread = chat.unread.min(Chat::from_others(&later));
    chat.messages.extend(later);
    chat.marked_unread = false;
}

/// Removes the messages of the range; returns the number of later ones.
fn forget_up_to(chat: &mut Chat, range: &SyncActionMessageRange) -> usize {
    chat.messages.drain(..end(chat, range));
    chat.unread = chat.unread.min(Chat::from_others(&chat.messages));
    chat.marked_unread = false;
    chat.messages.len()
}

/// Returns the index of the first message after the range.
fn end(chat: &Chat, range: &SyncActionMessageRange) -> usize {
    let named: Vec<_> = range.messages.iter().filter_map(|message| message.key.id.as_deref()).collect();
    let seconds = range.last_message_timestamp.unwrap_or_default();
    let last = chat.messages.iter().rposition(|message| named.contains(&message.id.as_str()));
    let last = last.or_else(|| chat.messages.iter().rposition(|message| message.at / 1000 <= seconds));
    last.map_or(0, |last| last + 1)
}

/// Returns the end of the mute; `None` if the mute lacks an end, so that it is ignored.
#[expect(clippy::option_option, reason = "a missing end differs from null")]
fn muted_until(action: &MuteAction) -> Option<Option<i64>> {
    match (action.muted.unwrap_or_default(), action.mute_end_timestamp) {
        (false, _) | (true, Some(0)) => Some(None),
        (true, None) => None,
        (true, Some(..0)) => Some(Some(FOREVER)),
        (true, Some(until)) => Some(Some(until)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat() -> Chat {
        let message = |number: i64| Message {
            id: format!("M{number}"),
            from: (number != 2).then(|| "15550111@s.whatsapp.net".to_owned()),
            text: String::new(),
            at: number / 2 * 1000,
            ..Message::default()
        };
        Chat { unread: 9, marked_unread: true, messages: (0..6).map(message).collect(), ..Chat::default() }
    }

    fn read_to(seconds: i64, ids: &[&str]) -> (u32, bool) {
        let message = |id: &&str| SyncActionMessage {
            key: MessageField::some(MessageKey { id: Some((*id).to_owned()), ..Default::default() }),
            timestamp: Some(seconds),
        };
        let range = SyncActionMessageRange {
            last_message_timestamp: Some(seconds),
            messages: ids.iter().map(message).collect(),
            ..Default::default()
        };
        let mut chat = chat();
        read_up_to(&mut chat, &range);
        (chat.unread, chat.marked_unread)
    }

    #[test]
    fn reading_ends_at_the_last_message_of_its_range() {
        assert_eq!(read_to(2, &["M4", "M5"]), (0, false));
        assert_eq!(read_to(2, &["M4"]), (1, false));
        assert_eq!(read_to(0, &["M0"]), (4, false), "the owner's messages are never unread");
        assert_eq!(read_to(1, &["id of a deleted message"]), (2, false), "the time decides");
    }
}
