//! Changes of a chat's settings: checks the command, applies it to the stored copy, and adds pending actions for
//! WhatsApp.

use crate::{
    domain::{
        change::Origin,
        chat::{Chat, ChatPatch},
        clock::FOREVER,
        id::SessionId,
        jid::Jid,
        message::MessageRange,
        pending_action::PendingAction,
        setting::SettingValue,
    },
    service::error::{Conflict, ConflictReason, Error},
    store::UnitOfWork,
};

/// The settings to change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChatUpdate {
    /// The new values, at most one of each setting. Archiving also unpins, and pinning also unarchives.
    pub settings: Vec<SettingValue>,
    /// Time of a later last message than the stored one, in milliseconds; a hint for archiving.
    pub last_message_timestamp: Option<i64>,
}

impl ChatUpdate {
    /// Returns the requested settings in sending order. Checks what can be checked without the chat.
    pub(in crate::service) fn settings(&self, now: i64) -> Result<Vec<SettingValue>, Error> {
        let invalid = |field, message: &str| Err(Error::Invalid { field, message: message.into() });
        let (archives, pins) = (SettingValue::Archived(true), SettingValue::Pinned(true));
        if self.settings.contains(&archives) && self.settings.contains(&pins) {
            return invalid("pinned", "cannot be combined with archived: true; an archived chat cannot be pinned");
        }
        let mut settings = self.settings.clone();
        for value in &self.settings {
            // WhatsApp keeps no archived chat pinned: its own clients unpin a chat when they archive it, and unarchive
            // a chat when they pin it.
            let follows = match *value {
                SettingValue::MutedUntil(Some(until)) if until <= now => {
                    return invalid("mutedUntil", "must be in the future; send unmute: true to end a mute");
                }
                SettingValue::MutedUntil(Some(until)) if until > FOREVER => {
                    return invalid("mutedUntil", "must be at most 253402300799999, which means forever");
                }
                SettingValue::Archived(true) => SettingValue::Pinned(false),
                SettingValue::Pinned(true) => SettingValue::Archived(false),
                _ => continue,
            };
            settings.retain(|other| other.setting() != follows.setting());
            settings.push(follows);
        }
        if self.last_message_timestamp.is_some_and(|at| !(0..=FOREVER).contains(&at)) {
            return invalid("lastMessageTimestamp", "must be a time in milliseconds since the Unix epoch");
        }
        settings.sort_by_key(|value| value.setting());
        Ok(settings)
    }
}

/// A checked command, ready for its unit of work.
#[derive(Clone)]
pub(in crate::service) struct UpdateChat {
    pub(in crate::service) session: SessionId,
    pub(in crate::service) cid: Jid,
    pub(in crate::service) settings: Vec<SettingValue>,
    pub(in crate::service) range_hint: Option<i64>,
    pub(in crate::service) max_pinned: usize,
}

impl UpdateChat {
    /// Applies the settings that differ, and adds a pending action for each.
    pub(in crate::service) async fn execute(self, unit: &mut UnitOfWork<'_>) -> Result<Chat, Error> {
        // Lock the session before counting pins. Lock order: session, then chat.
        if self.settings.contains(&SettingValue::Pinned(true)) {
            let session = unit.session_for_update(self.session).await?;
            session.ok_or(Error::SessionNotFound)?;
        }
        let found = unit.chat_for_update(self.session, &self.cid).await?;
        let mut chat = found.ok_or(Error::ChatNotFound)?;
        let differing = self.settings.iter().copied().filter(|desired| !chat.has(*desired));
        let differing: Vec<_> = differing.collect();
        // Requesting a rejected setting again, with any value, acknowledges the rejection.
        let heard = self.settings.iter().map(|desired| desired.setting());
        let heard: Vec<_> = heard.filter(|setting| chat.refused.contains(setting.field())).collect();
        if differing.is_empty() && heard.is_empty() {
            return Ok(chat);
        }
        if differing.contains(&SettingValue::Pinned(true)) {
            self.check_pins(unit, &chat).await?;
        }
        let range = self.range(unit, &chat).await?;
        let before = chat.clone();
        let (mut pending, mut refused) = (chat.pending, chat.refused);
        let mut patch = ChatPatch { as_of: unit.now(), ..ChatPatch::default() };
        for desired in &differing {
            patch.set(*desired);
            pending.insert(desired.setting().field());
            self.enqueue_action(unit, &before, *desired, range.as_ref()).await?;
        }
        for setting in heard {
            refused.remove(setting.field());
            unit.remove_rejection(chat.id, setting).await?;
        }
        (patch.pending, patch.refused) = (Some(pending), Some(refused));
        if let Some(change) = chat.apply(&patch, unit.now(), Origin::Api) {
            unit.record(change);
        }
        unit.save_chat(&chat).await?;
        Ok(chat)
    }

    async fn check_pins(&self, unit: &mut UnitOfWork<'_>, chat: &Chat) -> Result<(), Error> {
        let pinned = unit.pinned_chats(self.session, chat.id).await?;
        if pinned.len() < self.max_pinned {
            return Ok(());
        }
        let (chats, count) = (pinned.iter().map(|chat| chat.id).collect(), pinned.len());
        let message = format!("WhatsApp shows at most {} pinned chats, and {count} are pinned", self.max_pinned);
        let (reason, limit) = (ConflictReason::TooManyPinned, Some(self.max_pinned));
        Err(Error::Conflict(Conflict { reason, limit, chats, message }))
    }

    /// Returns the range up to the stored last message, or up to the client's hint if that is later.
    async fn range(&self, unit: &mut UnitOfWork<'_>, chat: &Chat) -> Result<Option<MessageRange>, Error> {
        let stored = unit.message_range(chat.id).await?;
        Ok(match (stored, self.range_hint) {
            (Some(range), Some(hint)) if hint > range.at => Some(MessageRange { at: hint, ..range }),
            (stored, _) => stored,
        })
    }

    async fn enqueue_action(
        &self,
        unit: &mut UnitOfWork<'_>,
        chat: &Chat,
        desired: SettingValue,
        range: Option<&MessageRange>,
    ) -> Result<(), Error> {
        let setting = desired.setting();
        let earlier = unit.pending_action(self.session, chat.id, &chat.jid, setting).await?;
        // A version is never reused, even if the earlier action is gone: its confirmation may still arrive.
        let version = unit.now().max(earlier.as_ref().map_or(0, |earlier| earlier.version + 1));
        // The base is WhatsApp's state, as found by the earliest pending request.
        let (base, base_as_of) =
            earlier.as_ref().map_or(chat.base(setting), |earlier| (earlier.base, earlier.base_as_of));
        let cleared = if desired == SettingValue::Read(true) { chat.unread_count } else { 0 };
        let unread = earlier.as_ref().map_or(0, |earlier| earlier.unread).saturating_add(cleared);
        let read_before =
            earlier.and_then(|earlier| earlier.read_range()).filter(|_| desired == SettingValue::Read(false));
        let action = PendingAction {
            organization: unit.organization().clone(),
            session: self.session,
            chat: chat.id,
            address: chat.jid.clone(),
            version,
            desired,
            base,
            base_as_of,
            unread,
            requested_at: unit.now(),
            range: range.cloned(),
            read_before,
        };
        Ok(unit.put_pending_action(&action).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::TestStore;

    #[tokio::test]
    async fn no_more_than_three_are_pinned_though_two_nodes_pin_at_once() {
        let test = TestStore::open().await;
        let nodes = [test.store.clone(), test.another().await];
        let chats = futures_util::future::join_all((1..=8).map(|user| test.add_chat(user, 1))).await;
        let pinning = chats.iter().zip(nodes.iter().cycle()).map(|(chat, node)| {
            let order = UpdateChat {
                session: test.session,
                cid: chat.jid.clone(),
                settings: vec![SettingValue::Pinned(true)],
                range_hint: None,
                max_pinned: 3,
            };
            node.write_session_with_retry(&test.organization, test.session, order, |order, unit| {
                Box::pin(order.execute(unit))
            })
        });
        let pinned = futures_util::future::join_all(pinning).await;
        assert_eq!(pinned.iter().filter(|pinned| pinned.is_ok()).count(), 3);
        let refused = pinned.iter().filter(|pinned| matches!(pinned, Err(Error::Conflict(_))));
        assert_eq!(refused.count(), 5);
    }

    fn update(settings: &[SettingValue]) -> ChatUpdate {
        ChatUpdate { settings: settings.to_vec(), last_message_timestamp: None }
    }

    fn field(update: &ChatUpdate) -> Option<&'static str> {
        match update.settings(1_000) {
            Err(Error::Invalid { field, .. }) => Some(field),
            _ => None,
        }
    }

    #[test]
    fn archiving_unpins_and_pinning_unarchives() {
        use SettingValue::{Archived, Pinned};
        for (requested, settings) in [
            (vec![], vec![]),
            (vec![Archived(true)], vec![Pinned(false), Archived(true)]),
            (vec![Pinned(true)], vec![Pinned(true), Archived(false)]),
        ] {
            assert_eq!(update(&requested).settings(1_000).expect("legal"), settings, "{requested:?}");
        }
    }

    #[test]
    fn invalid_values_are_rejected_with_their_field() {
        let both = update(&[SettingValue::Archived(true), SettingValue::Pinned(true)]);
        assert_eq!(field(&both), Some("pinned"));
        for until in [0, 1_000, FOREVER + 1] {
            assert_eq!(field(&update(&[SettingValue::MutedUntil(Some(until))])), Some("mutedUntil"));
        }
        let update = ChatUpdate { last_message_timestamp: Some(-1), ..ChatUpdate::default() };
        assert_eq!(field(&update), Some("lastMessageTimestamp"));
    }
}
