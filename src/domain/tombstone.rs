//! Tombstones of deleted chats. With a tombstone, a chat reappears as it is on WhatsApp, without old messages.

use super::{
    change::{ChatFields, Origin},
    chat::Chat,
    id::ChatId,
    message_marker::MessageMarker,
    pending_action::PendingAction,
};

/// The tombstone of a deleted chat, which no client can read. Events about its settings and names update it as they
/// would update the chat, and the next message restores the chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// The chat with its former id, and with the settings, names and counter that it has on WhatsApp; without messages.
    pub chat: Chat,
    /// The time of the deletion in milliseconds.
    pub deleted_at: i64,
}

impl Tombstone {
    /// Creates the tombstone of `chat`. The actions in `waiting` never reach WhatsApp, so their settings are reverted.
    /// `newest` are WhatsApp's ids of the chat's last messages, which have the same time.
    #[must_use]
    pub fn new(mut chat: Chat, waiting: &[PendingAction], newest: Vec<String>, at: i64) -> Self {
        for action in waiting {
            let patch = action.reverting(&chat);
            let _unpublished = chat.apply(&patch, at, Origin::Revert);
        }
        let known = chat.last_message.take().map(|last| MessageMarker { at: last.at, wa_ids: newest });
        // The position of a restored chat without new messages does not move back.
        chat.known_up_to = match known {
            Some(known) => Some(known.max_with(chat.known_up_to)),
            None => chat.known_up_to,
        };
        chat.arrivals = 0;
        chat.pending = ChatFields::default();
        chat.refused = ChatFields::default();
        Self { chat, deleted_at: at }
    }

    /// Creates the tombstone of a chat that the phone deleted, up to `known_up_to`, before any of its messages arrived
    /// here.
    #[must_use]
    pub fn of_unknown_chat(chat: Chat, known_up_to: MessageMarker, at: i64) -> Self {
        Self {
            chat: Chat { known_up_to: Some(known_up_to.clone()), emptied: Some(known_up_to), ..chat },
            deleted_at: at,
        }
    }

    /// Restores the chat under a new id. A mute that has expired meanwhile is removed.
    #[must_use]
    pub fn revive(self, id: ChatId, at: i64) -> Chat {
        let replaces = Some(self.chat.id);
        let mut chat = Chat { id, created_at: at, replaces, revision: 0, ..self.chat };
        chat.settings.muted_until.value = chat.settings.muted_until.value.filter(|until| *until > at);
        chat
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        chat::{ChatPatch, LastMessage},
        id::SessionId,
        setting::{SettingValue, Versioned},
    };

    fn chat() -> Chat {
        let jid = "15550100@s.whatsapp.net".parse().expect("a JID");
        let mut chat = Chat::new(ChatId::new(1), SessionId::new(1), jid, 1);
        chat.last_message = Some(LastMessage { id: None, at: 5_000 });
        chat
    }

    fn asked(chat: &Chat, desired: SettingValue, unread: u32) -> PendingAction {
        let (base, base_as_of) = chat.base(desired.setting());
        PendingAction {
            organization: "org_1".parse().expect("an id"),
            session: chat.session,
            chat: chat.id,
            address: chat.jid.clone(),
            version: 1,
            desired,
            base,
            base_as_of,
            unread,
            requested_at: 9,
            range: None,
            read_before: None,
        }
    }

    #[test]
    fn a_tombstone_has_whatsapps_values_of_pending_settings() {
        let mut chat = chat();
        chat.settings.pinned = Versioned { value: true, as_of: 3 };
        chat.unread_count = 4;
        let waiting = [asked(&chat, SettingValue::Pinned(false), 0), asked(&chat, SettingValue::Read(true), 4)];
        let mut wish = ChatPatch { as_of: 9, ..ChatPatch::default() };
        wish.set(SettingValue::Pinned(false));
        wish.set(SettingValue::Read(true));
        assert!(chat.apply(&wish, 9, Origin::Api).is_some());
        chat.unread_count = 1;

        let buried = Tombstone::new(chat, &waiting, vec!["A".into()], 10);
        assert_eq!(buried.chat.settings.pinned, Versioned { value: true, as_of: 3 });
        assert_eq!((buried.chat.unread_count, buried.chat.settings.marked_unread.value), (5, false));
        assert_eq!(buried.chat.known_up_to, Some(MessageMarker { at: 5_000, wa_ids: vec!["A".into()] }));
        assert_eq!(buried.chat.last_message, None);
    }

    #[test]
    fn a_chat_deleted_again_without_new_messages_keeps_its_marker() {
        let once = Tombstone::new(chat(), &[], vec!["A".into()], 10);
        let again = once.clone().revive(ChatId::new(2), 20);
        assert_ne!(again.id, once.chat.id);
        assert_eq!(Tombstone::new(again, &[], Vec::new(), 30).chat.known_up_to, once.chat.known_up_to);
    }
}
