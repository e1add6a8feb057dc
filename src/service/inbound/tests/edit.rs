//! Tests of messages that are edited, revoked or deleted with their chat, and of people who change their number.

use super::*;
use crate::{
    domain::{
        change::{ChangeKind, ChatFields},
        message::MessageUpdate,
        message_marker::MessageMarker,
    },
    session::UpdatedMessage,
};

impl Rig {
    async fn receive_message_update(&self, wa_id: &str, rewrite: MessageUpdate) {
        let rewriting = UpdatedMessage {
            chat: self.jid.clone(),
            wa_id: wa_id.into(),
            sender: self.jid.clone(),
            from_me: false,
            rewrite,
        };
        self.receive(SessionEvent::MessageUpdated(rewriting)).await;
    }

    async fn receive_chat_cleared(&self, wa_id: &str, at: i64, deleted: bool) {
        let up_to = MessageMarker { at, wa_ids: vec![wa_id.into()] };
        self.receive(SessionEvent::ChatCleared { chat: self.jid.clone(), up_to, as_of: 100_000, deleted }).await;
    }

    async fn receive_number_change(&self, new: &str) {
        let new = new.parse().expect("a JID");
        self.receive(SessionEvent::NumberChanged { old: vec![self.jid.clone()], new, at: 100_000 }).await;
    }
}

fn edit(text: &str, as_of: i64) -> MessageUpdate {
    MessageUpdate::Edit { text: Some(text.into()), as_of }
}

#[tokio::test]
async fn repeated_late_and_unknown_edits_change_nothing() {
    let rig = Rig::new().await;
    rig.receive_message("A", false, 1_000).await;
    for (rewrite, changes) in [(edit("At ten", 10), 2), (edit("At nine", 5), 2), (edit("At ten", 10), 2)] {
        rig.receive_message_update("A", rewrite).await;
        assert_eq!(rig.changes().await.len(), changes);
    }
    rig.receive_message_update("B", edit("At ten", 20)).await;
    assert_eq!(rig.changes().await.len(), 2);
    let told = rig.changes().await.pop().expect("a change");
    assert_eq!(
        (told.origin, told.changed),
        (Origin::Message, [ChatField::LastMessage].into_iter().collect::<ChatFields>())
    );
}

#[tokio::test]
async fn a_message_of_another_sender_with_the_same_id_is_not_changed() {
    let rig = Rig::new().await;
    rig.receive_message("A", true, 1_000).await;
    rig.receive_message_update("A", MessageUpdate::Revocation).await;
    assert_eq!(rig.changes().await.len(), 1, "the peer cannot revoke the account's messages");
}

#[tokio::test]
async fn revocation_survives_a_rejected_read() {
    let rig = Rig::new().await;
    rig.receive_message("A", false, 1_000).await;
    rig.receive_message("B", false, 2_000).await;
    rig.request_setting(SettingValue::Read(true), 20).await;
    rig.receive_message("C", false, 3_000).await;
    rig.receive_message_update("A", MessageUpdate::Revocation).await;
    assert_eq!(rig.chat().await.unread_count, 1);
    rig.receive_rejection(Setting::Read, rig.waiting().await[0].version).await;
    assert_eq!(rig.chat().await.unread_count, 2, "B and C");
}

#[tokio::test]
async fn a_deletion_that_comes_again_leaves_the_chat_that_came_back() {
    let rig = Rig::new().await;
    rig.receive_message("A", false, 5_000).await;
    rig.receive_setting(SettingValue::Pinned(true), 50).await;
    rig.receive_chat_cleared("A", 5_000, true).await;
    let told = rig.changes().await.pop().expect("a change");
    assert_eq!((told.kind, told.origin), (ChangeKind::Deleted, Origin::Device));
    rig.receive_message("A", false, 5_000).await;
    rig.receive_message("B", false, 5_000).await;
    let back = rig.chat().await;
    assert_eq!((back.unread_count, back.settings.pinned.value), (1, false), "the chat is new on the phone as well");
    let changes = rig.changes().await.len();
    rig.receive_chat_cleared("A", 5_000, true).await;
    assert_eq!((rig.chat().await, rig.changes().await.len()), (back, changes));
}

#[tokio::test]
async fn a_chat_deleted_before_its_messages_arrive_never_appears() {
    let mut rig = Rig::new().await;
    rig.jid = "15550177@s.whatsapp.net".parse().expect("a JID");
    let before = rig.changes().await.len();
    rig.receive_chat_cleared("B", 5_000, true).await;
    rig.receive_message("A", false, 4_000).await;
    rig.receive_message("B", false, 5_000).await;
    assert_eq!(rig.changes().await.len(), before);
    rig.receive_message("C", false, 6_000).await;
    let told = rig.changes().await.pop().expect("a change");
    assert_eq!((told.kind, told.cid), (ChangeKind::Created, rig.jid.clone()));
}

#[tokio::test]
async fn a_name_without_a_message_stays_when_its_chat_is_deleted() {
    let mut rig = Rig::new().await;
    rig.jid = "15550178@s.whatsapp.net".parse().expect("a JID");
    rig.receive(SessionEvent::ContactNamed { jid: rig.jid.clone(), name: "Nia".into() }).await;
    let before = rig.changes().await.len();
    rig.receive_chat_cleared("B", 5_000, true).await;
    assert_eq!(rig.changes().await.len(), before);
    rig.receive_message("B", false, 5_000).await;
    assert_eq!(rig.changes().await.len(), before, "a deleted message does not come back");
}

#[tokio::test]
async fn a_number_that_was_another_persons_leaves_them_their_chat() {
    let rig = Rig::new().await;
    let theirs: Jid = "15550179@s.whatsapp.net".parse().expect("a JID");
    rig.receive_message_from(&theirs, "A", false, 50_000).await;
    let other = rig.find(&theirs).await.expect("a chat").id;
    let before = rig.changes().await.len();
    rig.receive_number_change(theirs.as_str()).await;
    rig.receive_number_change(theirs.as_str()).await;
    let told: Vec<_> = rig.changes().await.split_off(before).into_iter().map(|it| (it.chat, it.cid)).collect();
    assert_eq!(told, [(other, theirs.clone()), (rig.chat, theirs.clone())], "one change for each chat");
    assert_eq!(rig.find(&theirs).await.expect("a chat").id, rig.chat);
    assert_eq!(rig.messages_of(other).await.len(), 1);
    rig.receive_number_change("15550180@s.whatsapp.net").await;
    let told = rig.changes().await;
    // Only the number is known as a name.
    let fields: ChatFields = [ChatField::Jid, ChatField::Aliases, ChatField::Name].into_iter().collect();
    assert_eq!((told[before + 1].chat, told[before + 1].changed), (rig.chat, fields));
}

#[tokio::test]
async fn early_deletion_removes_other_messages_of_its_last_second() {
    let rig = Rig::new().await;
    rig.receive_message("A", false, 5_000).await;
    rig.receive_chat_cleared("B", 5_000, true).await;
    assert!(rig.find(&rig.jid).await.is_none(), "A came before B");
    rig.receive_message("B", false, 5_000).await;
    assert!(rig.find(&rig.jid).await.is_none());
}

#[tokio::test]
async fn a_chat_read_while_deleted_comes_back_read() {
    let rig = Rig::new().await;
    rig.receive_message("A", false, 5_000).await;
    rig.receive_chat_cleared("A", 5_000, true).await;
    let up_to = Some(MessageMarker { at: 6_000, wa_ids: vec!["B".into()] });
    let (chat, value) = (rig.jid.clone(), SettingValue::Read(true));
    rig.receive(SessionEvent::Setting { chat, value, as_of: 7_000, up_to, replayed: false }).await;
    rig.receive_message("B", false, 6_000).await;
    assert_eq!(rig.chat().await.unread_count, 0);
}

/// The deletion of a message that was sent just now.
const FOR_ME: MessageUpdate = MessageUpdate::DeletionForMe { sent_at: i64::MAX };

#[tokio::test]
async fn a_message_deleted_for_the_owner_does_not_come_back() {
    let rig = Rig::new().await;
    for (wa_id, at) in [("A", 1_000), ("B", 2_000), ("C", 3_000)] {
        rig.receive_message(wa_id, false, at).await;
    }
    rig.receive_message_update("B", FOR_ME).await;
    let chat = rig.chat().await;
    assert_eq!((chat.unread_count, chat.last_message.map(|last| last.at)), (2, Some(3_000)));
    rig.receive_message_update("C", FOR_ME).await;
    let told = rig.changes().await.pop().expect("a change");
    let changed: ChatFields = [ChatField::LastMessage, ChatField::UnreadCount].into_iter().collect();
    assert_eq!((told.origin, told.changed), (Origin::Device, changed));
    let chat = rig.chat().await;
    assert_eq!((chat.unread_count, chat.last_message.map(|last| last.at)), (1, Some(1_000)));

    // WhatsApp delivers it again; its sender edits it, or takes it back.
    for rewrite in [None, Some(edit("At ten", 10)), Some(MessageUpdate::Revocation), None] {
        match rewrite {
            None => rig.receive_message("C", false, 3_000).await,
            Some(rewrite) => rig.receive_message_update("C", rewrite).await,
        }
        let chat = rig.chat().await;
        assert_eq!((chat.unread_count, chat.last_message.map(|last| last.at)), (1, Some(1_000)));
    }
    rig.receive_message_update("A", FOR_ME).await;
    let chat = rig.chat().await;
    assert_eq!((chat.unread_count, chat.last_message), (0, None));
}

#[tokio::test]
async fn an_early_deletion_for_the_owner_waits_for_its_message() {
    let rig = Rig::new().await;
    rig.receive_message("A", false, 1_000).await;
    rig.receive_message_update("B", MessageUpdate::Revocation).await;
    rig.receive_message_update("B", FOR_ME).await;
    rig.receive_message("B", false, 2_000).await;
    let chat = rig.chat().await;
    assert_eq!((chat.unread_count, chat.last_message.map(|last| last.at)), (1, Some(1_000)));
    // What the owner wrote is another message.
    rig.receive_message("B", true, 3_000).await;
    assert_eq!(rig.chat().await.last_message.map(|last| last.at), Some(3_000));
    // One of long ago is not kept: WhatsApp no longer delivers its message.
    rig.receive_message_update("D", MessageUpdate::DeletionForMe { sent_at: 4_000 }).await;
    rig.receive_message("D", false, 4_000).await;
    assert_eq!(rig.chat().await.last_message.map(|last| last.at), Some(4_000));
}

#[tokio::test]
async fn a_deletion_in_a_group_may_not_name_the_writer() {
    let mut rig = Rig::new().await;
    rig.jid = "120363000000000001@g.us".parse().expect("a JID");
    let sender: crate::domain::jid::Jid = "15550111@s.whatsapp.net".parse().expect("a JID");
    let SessionEvent::Message(message) = rig.message("A", false, 1_000) else { panic!("not a message") };
    rig.receive(SessionEvent::Message(crate::domain::message::IncomingMessage { sender, ..message })).await;
    assert_eq!(rig.chat().await.unread_count, 1);
    rig.receive_message_update("A", FOR_ME).await;
    let chat = rig.chat().await;
    assert_eq!((chat.unread_count, chat.last_message), (0, None));
}
