//! Tests of settings that WhatsApp rejected.

use super::*;
use crate::domain::{pending_action::RejectionCode, setting::Versioned};

impl Rig {
    pub(super) async fn receive_rejection(&self, setting: Setting, version: i64) {
        let reason = "no".to_owned();
        self.receive(SessionEvent::ActionRejected { chat: self.chat, setting, version, reason }).await;
    }

    async fn refusals(&self) -> Vec<(Setting, RejectionCode)> {
        let found = self.test.store.rejections(&self.test.organization, &[self.chat]).await.expect("a read");
        let of_chat = found.get(&self.chat).cloned().unwrap_or_default();
        of_chat.into_iter().map(|refusal| (refusal.setting, refusal.code)).collect()
    }
}

#[tokio::test]
async fn a_rejected_setting_is_reverted_with_a_reason() {
    let rig = Rig::new().await;
    rig.receive_setting(SettingValue::Archived(true), 5).await;
    rig.request_setting(SettingValue::Archived(false), 20).await;
    rig.receive_rejection(Setting::Archived, rig.waiting().await[0].version).await;

    let chat = rig.chat().await;
    assert_eq!(chat.settings.archived, Versioned { value: true, as_of: 5 });
    assert!(chat.pending.is_empty() && chat.refused.contains(ChatField::Archived));
    assert_eq!(rig.waiting().await, []);
    assert_eq!(rig.refusals().await, [(Setting::Archived, RejectionCode::Rejected)]);
    let told = rig.changes().await.pop().expect("a change");
    assert_eq!((told.origin, told.state.clone()), (Origin::Revert, chat.state()));
    assert_eq!(told.changed.iter().collect::<Vec<_>>(), [ChatField::Archived, ChatField::Sync]);

    // Older than the request, and newer than WhatsApp's value.
    rig.receive_setting(SettingValue::Archived(false), 10).await;
    assert!(!rig.chat().await.settings.archived.value);
}

#[tokio::test]
async fn rejected_setting_reverts_to_the_phones_last_value() {
    let rig = Rig::new().await;
    rig.receive_setting(SettingValue::MutedUntil(Some(4_000_000_000_040)), 5).await;
    rig.request_setting(SettingValue::MutedUntil(Some(90)), 20).await;
    rig.receive_setting(SettingValue::MutedUntil(Some(4_000_000_000_050)), 10).await;
    rig.replay_setting(SettingValue::MutedUntil(Some(4_000_000_000_040)), 5).await;
    rig.receive_rejection(Setting::MutedUntil, rig.waiting().await[0].version).await;
    assert_eq!(rig.chat().await.settings.muted_until, Versioned { value: Some(4_000_000_000_050), as_of: 10 });
}

#[tokio::test]
async fn a_rejected_reading_restores_the_count_and_adds_new_messages() {
    let rig = Rig::new().await;
    rig.receive_message("A", false, 1_000).await;
    rig.receive_message("B", false, 2_000).await;
    rig.request_setting(SettingValue::Read(true), 20).await;
    assert_eq!(rig.chat().await.unread_count, 0);
    rig.receive_message("C", false, 3_000).await;
    rig.receive_rejection(Setting::Read, rig.waiting().await[0].version).await;
    let chat = rig.chat().await;
    assert_eq!((chat.unread_count, chat.settings.marked_unread.value), (3, false));
    assert!(chat.refused.contains(ChatField::MarkedUnread));
}

#[tokio::test]
async fn a_refusal_of_an_earlier_request_leaves_the_later_one_waiting() {
    let rig = Rig::new().await;
    rig.request_setting(SettingValue::Archived(true), 10).await;
    let refused = rig.waiting().await[0].version;
    rig.request_setting(SettingValue::Archived(false), 20).await;
    rig.request_setting(SettingValue::Archived(true), 30).await;
    rig.receive_rejection(Setting::Archived, refused).await;
    assert_eq!((rig.waiting().await.len(), rig.refusals().await), (1, vec![]));
    assert!(rig.chat().await.settings.archived.value);
}

#[tokio::test]
async fn asking_again_and_a_change_on_the_phone_end_a_refusal() {
    let rig = Rig::new().await;
    let refused = async || {
        rig.request_setting(SettingValue::Pinned(true), 20).await;
        rig.receive_rejection(Setting::Pinned, rig.waiting().await[0].version).await;
        assert!(rig.chat().await.refused.contains(ChatField::Pinned));
    };
    let ended = async || {
        let chat = rig.chat().await;
        assert!(chat.refused.is_empty() && rig.refusals().await.is_empty());
        assert_eq!(rig.changes().await.pop().expect("a change").state, chat.state());
    };
    refused().await;
    rig.request_setting(SettingValue::Pinned(true), 30).await;
    ended().await;
    rig.receive_rejection(Setting::Pinned, rig.waiting().await[0].version).await;
    // The current value.
    rig.request_setting(SettingValue::Pinned(false), 40).await;
    ended().await;
    refused().await;
    // An echo of WhatsApp's value is no change.
    rig.receive_setting(SettingValue::Pinned(false), 50).await;
    assert!(rig.chat().await.refused.contains(ChatField::Pinned));
    rig.receive_setting(SettingValue::Pinned(true), 60).await;
    ended().await;
}

#[tokio::test]
async fn logging_out_refuses_what_waits() {
    let rig = Rig::new().await;
    rig.request_setting(SettingValue::Pinned(true), 10).await;
    rig.request_setting(SettingValue::Read(false), 10).await;
    rig.receive(SessionEvent::Status { status: SessionStatus::LoggedOut, reason: None }).await;
    let chat = rig.chat().await;
    assert_eq!(rig.waiting().await, []);
    assert!(!chat.settings.pinned.value && !chat.settings.marked_unread.value && chat.pending.is_empty());
    assert_eq!(rig.refusals().await.len(), 2);
}
