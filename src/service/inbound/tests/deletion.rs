//! Tests of deleted chats and of later events about them.

use super::*;
use crate::{
    domain::{change::ChangeKind, person::Person, setting::Versioned},
    service::chat::delete::DeleteChat,
};

impl Rig {
    /// Deletes the chat, as the API does.
    pub(super) async fn deletes(&self) -> Result<Chat, Error> {
        let order = DeleteChat { session: self.test.session, cid: self.jid.clone() };
        let organization = &self.test.organization;
        self.test.store.at(100).write(organization, move |unit| Box::pin(order.execute(unit))).await
    }

    async fn is_deleted(&self) -> bool {
        let found = self.test.store.chat(&self.test.organization, self.test.session, &self.jid).await;
        found.expect("a read").is_none()
    }

    /// Imports a part of a history with messages of the chat, sent at these times.
    async fn receive_history(&self, messages: &[(&str, i64)]) {
        let message = |(wa_id, at): &(&str, i64)| IncomingMessage {
            chat: self.jid.clone(),
            wa_id: (*wa_id).into(),
            sender: self.jid.clone(),
            sender_name: None,
            from_me: false,
            kind: MessageKind::Text,
            text: None,
            at: *at,
        };
        let chat = HistoryChat {
            jid: self.jid.clone(),
            name: Some("Mei Tanaka".into()),
            archived: Some(true),
            pinned: None,
            muted_until: None,
            unread_count: Some(2),
            marked_unread: None,
            last_message_at: messages.iter().map(|(_, at)| *at).max(),
            messages: messages.iter().map(message).collect(),
        };
        self.receive(SessionEvent::History(HistoryChunk { chats: vec![chat], ..HistoryChunk::default() })).await;
    }

    async fn messages(&self) -> Vec<String> {
        let page = crate::domain::page::PageRequest {
            limit: 50,
            direction: crate::domain::page::Direction::Forward,
            cursor: None,
        };
        let chat = self.chat().await.id;
        let page = self.test.store.messages(&self.test.organization, &[(chat, page)]).await.expect("a page");
        page[0].items.iter().map(|message| message.wa_id.clone()).collect()
    }

    async fn last_change(&self) -> Change {
        self.changes().await.pop().expect("a change")
    }
}

#[tokio::test]
async fn a_deleted_chat_is_published_and_deleted_once() {
    let rig = Rig::new().await;
    rig.receive_message("A", false, 5_000).await;
    assert_eq!(rig.deletes().await.expect("deleted").id, rig.chat);
    assert!(rig.is_deleted().await);
    let told = rig.last_change().await;
    assert_eq!((told.kind, told.origin, told.chat, &told.cid), (ChangeKind::Deleted, Origin::Api, rig.chat, &rig.jid));
    assert!(told.changed.is_empty());
    assert!(matches!(rig.deletes().await, Err(Error::ChatNotFound)));
    assert_eq!(rig.changes().await.len(), 2);
}

#[tokio::test]
async fn deleted_chat_returns_only_with_a_new_message() {
    let rig = Rig::new().await;
    rig.receive_message("A", false, 5_000).await;
    rig.receive_message("B", true, 6_000).await;
    rig.deletes().await.expect("deleted");
    let told = rig.changes().await.len();

    rig.receive_message("B", true, 6_000).await;
    rig.receive_message("A", false, 5_000).await;
    rig.receive_history(&[("A", 5_000), ("B", 6_000), ("never stored", 4_000)]).await;
    assert!(rig.is_deleted().await);
    assert_eq!(rig.changes().await.len(), told);

    // WhatsApp's times are whole seconds: the message is new although its time equals that of the last known one.
    rig.receive_message("C", false, 6_000).await;
    let back = rig.chat().await;
    assert_ne!(back.id, rig.chat);
    assert_eq!((back.unread_count, back.last_message.map(|last| last.at)), (1, Some(6_000)));
    let told = rig.last_change().await;
    assert_eq!((told.kind, told.origin, told.chat), (ChangeKind::Created, Origin::Message, back.id));
    assert_eq!(rig.messages().await, ["C"]);
}

#[tokio::test]
async fn returned_chat_has_no_deleted_messages() {
    let rig = Rig::new().await;
    rig.receive_message("A", false, 5_000).await;
    rig.deletes().await.expect("deleted");
    rig.receive_message("B", false, 7_000).await;
    let told = rig.changes().await.len();
    rig.receive_message("A", false, 5_000).await;
    rig.receive_history(&[("A", 5_000), ("older", 3_000), ("B", 7_000)]).await;
    assert_eq!(rig.messages().await, ["B"]);
    let told: Vec<_> = rig.changes().await.split_off(told).iter().map(|change| change.origin).collect();
    // The name and settings that were never set are imported; messages are not.
    assert_eq!((told, rig.chat().await.unread_count), (vec![Origin::Import], 2));

    rig.deletes().await.expect("deleted again");
    rig.receive_history(&[("A", 5_000), ("B", 7_000)]).await;
    assert!(rig.is_deleted().await);
    rig.receive_history(&[("A", 5_000), ("B", 7_000), ("D", 9_000)]).await;
    assert_eq!(rig.messages().await, ["D"]);
    assert_eq!(rig.last_change().await.origin, Origin::Import);
}

#[tokio::test]
async fn a_returning_chat_has_settings_and_names_from_its_absence() {
    let rig = Rig::new().await;
    rig.receive_message("A", false, 5_000).await;
    rig.receive_setting(SettingValue::Pinned(true), 5_500).await;
    rig.deletes().await.expect("deleted");
    let told = rig.changes().await.len();
    rig.receive_setting(SettingValue::MutedUntil(Some(4_000_000_009_000)), 6_000).await;
    // Older than the chat's value.
    rig.receive_setting(SettingValue::Pinned(false), 5_400).await;
    rig.receive(SessionEvent::ContactNamed { jid: rig.jid.clone(), name: "Mei".into() }).await;
    assert!(rig.is_deleted().await);
    assert_eq!(rig.changes().await.len(), told);

    rig.receive_message("B", false, 7_000).await;
    let back = rig.chat().await;
    assert_eq!(back.settings.pinned, Versioned { value: true, as_of: 5_500 });
    assert_eq!(back.settings.muted_until, Versioned { value: Some(4_000_000_009_000), as_of: 6_000 });
    assert_eq!((back.name().as_deref(), back.unread_count), (Some("Mei"), 2));
    assert_eq!(rig.last_change().await.state, back.state());
}

#[tokio::test]
async fn a_deleted_chat_returns_as_whatsapp_has_it() {
    let rig = Rig::new().await;
    rig.receive_message("A", false, 5_000).await;
    rig.receive_setting(SettingValue::Archived(true), 5_500).await;
    rig.request_setting(SettingValue::Archived(false), 6_000).await;
    rig.request_setting(SettingValue::Read(true), 6_000).await;
    rig.receive_message("B", false, 6_500).await;
    let sent = rig.waiting().await[0].version;
    rig.deletes().await.expect("deleted");
    assert_eq!(rig.waiting().await, []);
    // A setting was being sent at that time; its acknowledgement arrives late.
    rig.receive_action_sent(SettingValue::Archived(true), sent).await;

    rig.receive_message("C", false, 7_000).await;
    let back = rig.chat().await;
    assert_eq!(back.settings.archived, Versioned { value: true, as_of: 5_500 });
    assert_eq!((back.unread_count, back.pending.is_empty()), (3, true));
}

#[tokio::test]
async fn a_chat_is_deleted_and_found_again_under_any_address() {
    let rig = Rig::new().await;
    rig.receive_message("A", false, 5_000).await;
    let alias: Jid = "100000000000001@lid".parse().expect("a JID");
    let person = Person::new(&rig.jid, &alias).expect("a person");
    rig.receive(SessionEvent::SamePerson { people: vec![person], at: 0 }).await;
    let rig = Rig { jid: alias, ..rig };
    rig.deletes().await.expect("deleted");
    rig.receive_setting(SettingValue::Pinned(true), 6_000).await;
    rig.receive_message("B", false, 7_000).await;
    let back = rig.chat().await;
    assert!(back.settings.pinned.value);
    let canonical = rig.test.store.chat(&rig.test.organization, rig.test.session, &back.jid).await.expect("a read");
    assert_eq!((canonical, back.jid == rig.jid), (Some(back), false));
}

#[tokio::test]
async fn rows_left_by_a_killed_purge_are_invisible_and_purged_later() {
    let rig = Rig::new().await;
    let messages: Vec<_> = (0..1_200).map(|number| format!("WA{number}")).collect();
    let messages: Vec<_> = messages.iter().map(|wa_id| (wa_id.as_str(), 5_000)).collect();
    rig.receive_history(&messages).await;
    let last = rig.chat().await.last_message.and_then(|last| last.id).expect("a message");
    rig.deletes().await.expect("deleted");

    let next = rig.test.another().await;
    let organization = &rig.test.organization;
    assert_eq!(next.chat_by_id(organization, rig.chat).await.expect("a read"), None);
    assert_eq!(next.messages_by_ids(organization, &[last]).await.expect("a read"), []);
    let mut steps = 0;
    while next.purge_batch().await.expect("swept") {
        steps += 1;
    }
    assert_eq!(steps, 2, "a step deletes at most 500 rows");
    assert!(rig.test.is_empty("message").await);
    assert!(rig.test.is_empty("chat").await);
    rig.receive_history(&messages).await;
    assert!(rig.is_deleted().await);
}
