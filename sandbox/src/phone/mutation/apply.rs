//! Effects of mutations on the phone's state.

use whatsapp_rust::{
    buffa::MessageField,
    wacore::appstate::Mutation,
    waproto::whatsapp::{
        sync_action_value::{ContactAction, MuteAction, SyncActionMessageRange},
        syncd_mutation::SyncdOperation,
    },
};

use crate::{
    chat::FOREVER,
    phone::state::{Chat, Message, PhoneState},
};

/// Applies a mutation. Unknown mutations are ignored.
pub(crate) fn apply(state: &mut PhoneState, mutation: &Mutation) {
    if let [kind, jid, ..] = mutation.index.as_slice()
        && kind == "contact"
    {
        let set = mutation.operation == SyncdOperation::SET;
        return save(state, jid, mutation.action_value.as_ref().filter(|_| set).map(|value| &*value.contact_action));
    }
    if let [kind, jid, ..] = mutation.index.as_slice()
        && kind == "lid_contact"
    {
        let set = mutation.operation == SyncdOperation::SET;
        let action = mutation.action_value.as_ref().filter(|_| set).map(|value| &value.lid_contact_action);
        state.ensure_person(jid);
        if let Some(person) = state.person_mut(jid) {
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
            let Some(range) = effective_range(&action.message_range) else { return };
            let (archived, unarchives) = (action.archived.unwrap_or_default(), state.unarchives);
            let chat = state.chat_mut(jid);
            // A later message of another person unarchives the chat.
            let is_left = unarchives && Chat::from_others(&chat.messages[end(chat, range)..]) > 0;
            chat.archived = archived && !is_left;
            chat.archived_at = value.timestamp.filter(|_| chat.archived);
        }
        (Some("pin_v1"), Some(jid)) => {
            let pinned = value.pin_action.pinned.unwrap_or_default();
            let chat = state.chat_mut(jid);
            chat.pinned_at = pinned.then(|| value.timestamp.unwrap_or_default());
            // Pinning unarchives the chat, without a separate patch.
            chat.archived &= !pinned;
        }
        (Some("markChatAsRead"), Some(jid)) => {
            let action = &value.mark_chat_as_read_action;
            let Some(range) = effective_range(&action.message_range) else { return };
            let chat = state.chat_mut(jid);
            if action.read.unwrap_or_default() {
                read_up_to(chat, range);
            } else {
                chat.marked_unread = true;
            }
        }
        (Some("mute"), Some(jid)) => {
            if let Some(until) = muted_until(&value.mute_action) {
                state.chat_mut(jid).muted_until = until;
            }
        }
        (Some("deleteChat"), Some(jid)) => {
            let jid = state.resolve(jid);
            if let Some(range) = effective_range(&value.delete_chat_action.message_range)
                && let Some(chat) = state.chats.get_mut(&jid)
                && forget_up_to(chat, range) == 0
            {
                state.chats.remove(&jid);
            }
        }
        (Some("clearChat"), Some(jid)) => {
            if let Some(range) = effective_range(&value.clear_chat_action.message_range) {
                forget_up_to(state.chat_mut(jid), range);
            }
        }
        (Some("lock"), Some(jid)) => {
            let chat = state.chat_mut(jid);
            chat.locked = value.lock_chat_action.locked.unwrap_or_default();
            if chat.locked {
                (chat.archived, chat.pinned_at) = (false, None);
            }
        }
        (Some("setting_unarchiveChats"), _) => {
            state.unarchives = value.unarchive_chats_setting.unarchive_chats.unwrap_or_default();
            if state.unarchives {
                state.chats.values_mut().for_each(unarchive);
            }
        }
        (Some("deleteMessageForMe"), Some(jid)) => {
            let jid = state.resolve(jid);
            if let (Some(chat), Some(id)) = (state.chats.get_mut(&jid), mutation.index.get(2)) {
                chat.remove(id);
            }
        }
        (Some("setting_pushName"), _) => {
            if let Some(name) = &value.push_name_setting.name {
                state.name.clone_from(name);
            }
        }
        _ => {}
    }
}

/// Saves a contact as in an action, or removes it without one.
fn save(state: &mut PhoneState, jid: &str, action: Option<&ContactAction>) {
    state.ensure_person(jid);
    let lid = action.and_then(|action| action.lid_jid.as_deref()).filter(|lid| state.person(lid).is_none());
    let Some(person) = state.person_mut(jid) else { return };
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
fn effective_range(range: &MessageField<SyncActionMessageRange>) -> Option<&SyncActionMessageRange> {
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
    use whatsapp_rust::waproto::whatsapp::{MessageKey, sync_action_value::SyncActionMessage};

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
