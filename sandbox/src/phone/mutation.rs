//! App-state mutations: creating them here, and applying them to the phone's state in `apply`.

mod apply;

use whatsapp_rust::{
    buffa::MessageField,
    waproto::whatsapp::{
        MessageKey, SyncActionValue,
        sync_action_value::{
            ArchiveChatAction, ClearChatAction, ContactAction, DeleteChatAction, DeleteMessageForMeAction,
            LidContactAction, LockChatAction, MarkChatAsReadAction, MuteAction, PinAction, PnForLidChatAction,
            PushNameSetting, SyncActionMessage, SyncActionMessageRange, UnarchiveChatsSetting,
        },
    },
};

use super::state::{Chat, Message, Person};
use crate::{Error, chat::FOREVER, clock};

pub(super) use apply::apply;

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
