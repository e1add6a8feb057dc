//! Tests of the authorship of messages when numbers change owners: no message is stored twice, and none is in another
//! person's chat.

use super::{identity::person, *};
use crate::{
    domain::{message::MessageUpdate, message_marker::MessageMarker, person::Person},
    session::UpdatedMessage,
};

const GROUP: &str = "120363000000000001@g.us";

fn number(number: usize) -> Jid {
    format!("1557{number:07}@s.whatsapp.net").parse().expect("a JID")
}

impl Rig {
    async fn receive_number_change_at(&self, old: &Jid, new: &Jid, at: i64) {
        self.receive(SessionEvent::NumberChanged { old: vec![old.clone()], new: new.clone(), at }).await;
    }

    async fn receive_address_pair(&self, phone: &Jid, lid: &Jid, at: i64) {
        let person = Person { phone: phone.clone(), lid: lid.clone() };
        self.receive(SessionEvent::SamePerson { people: vec![person], at }).await;
    }

    /// Imports a history of one chat: WhatsApp's ids, texts and times of messages that others wrote.
    async fn receive_import(&self, jid: &Jid, messages: &[(&str, &str, i64)], rewritings: Vec<UpdatedMessage>) {
        let message = |(wa_id, text, at): &(&str, &str, i64)| IncomingMessage {
            chat: jid.clone(),
            wa_id: (*wa_id).into(),
            sender: jid.clone(),
            sender_name: None,
            from_me: false,
            kind: MessageKind::Text,
            text: (!text.is_empty()).then(|| (*text).into()),
            at: *at,
        };
        let chat = HistoryChat {
            jid: jid.clone(),
            name: None,
            archived: None,
            pinned: None,
            muted_until: None,
            unread_count: None,
            marked_unread: None,
            last_message_at: messages.iter().map(|(_, _, at)| *at).max(),
            messages: messages.iter().map(message).collect(),
        };
        let chunk = HistoryChunk { chats: vec![chat], rewritings, ..HistoryChunk::default() };
        self.receive(SessionEvent::History(chunk)).await;
    }

    async fn receive_group_message(&self, sender: &Jid, wa_id: &str, from_me: bool, at: i64) {
        let message = IncomingMessage {
            chat: GROUP.parse().expect("a JID"),
            wa_id: wa_id.into(),
            sender: sender.clone(),
            sender_name: None,
            from_me,
            kind: MessageKind::Text,
            text: Some("Hello".into()),
            at,
        };
        self.receive(SessionEvent::Message(message)).await;
    }

    async fn receive_message_update_in(&self, chat: &Jid, sender: &Jid, wa_id: &str, rewrite: MessageUpdate) {
        let (chat, sender, wa_id) = (chat.clone(), sender.clone(), wa_id.into());
        self.receive(SessionEvent::MessageUpdated(UpdatedMessage { chat, wa_id, sender, from_me: false, rewrite }))
            .await;
    }

    /// WhatsApp's ids and texts of the messages in the chat found by an address, the oldest first.
    async fn texts_in(&self, jid: &Jid) -> Vec<(String, String)> {
        let Some(chat) = self.find(jid).await else { return Vec::new() };
        let page = crate::domain::page::PageRequest {
            limit: 100,
            direction: crate::domain::page::Direction::Forward,
            cursor: None,
        };
        let pages = self.test.store.messages(&self.test.organization, &[(chat.id, page)]).await.expect("a page");
        let state = |message: &crate::domain::message::Message| {
            let text = message.text.clone().unwrap_or_default();
            format!(
                "{text}{}{}",
                ["", " (edited)"][usize::from(message.edited)],
                ["", "(revoked)"][usize::from(message.revoked)]
            )
        };
        pages[0].items.iter().rev().map(|message| (message.wa_id.clone(), state(message))).collect()
    }

    async fn ids_of(&self, jid: &Jid) -> Vec<String> {
        self.texts_in(jid).await.into_iter().map(|(wa_id, _)| wa_id).collect()
    }
}

fn edit(text: &str, as_of: i64) -> MessageUpdate {
    MessageUpdate::Edit { text: Some(text.into()), as_of }
}

#[tokio::test]
async fn a_change_of_number_and_an_import_store_no_message_twice() {
    let (rig, old, new) = (Rig::new().await, number(1), number(2));
    rig.receive_message_from(&old, "A", false, 10_000).await;
    rig.receive_message_from(&old, "B", true, 11_000).await;
    let before = rig.find(&old).await.expect("a chat").id;
    rig.receive_number_change_at(&old, &new, 20_000).await;
    rig.receive_message_from(&new, "C", false, 30_000).await;
    // The phone's history has all of it under the new number, and WhatsApp delivers one message again from the old one.
    rig.receive_import(&new, &[("C", "Yes!", 30_000), ("A", "Yes!", 10_000)], Vec::new()).await;
    rig.receive_message_from(&old, "A", false, 10_000).await;
    let chat = rig.find(&new).await.expect("a chat");
    assert_eq!((chat.id, &chat.jid), (before, &new));
    let sent: Vec<_> = rig.messages_of(chat.id).await.into_iter().map(|(wa_id, sender, _)| (wa_id, sender)).collect();
    let own: Jid = "15550100@s.whatsapp.net".parse().expect("a JID");
    assert_eq!(sent, [("C".to_owned(), new.clone()), ("B".to_owned(), own), ("A".to_owned(), new)]);
    assert_eq!(rig.find(&old).await.map(|chat| chat.id), Some(before), "the last owner, as the number has no owner");
}

/// In any order of events, A's messages are in A's chat, and B's in B's.
#[tokio::test]
async fn a_recycled_number_has_a_chat_of_its_own_in_any_order() {
    for late in [false, true] {
        let (rig, [n1, n2, n3]) = (Rig::new().await, [1, 2, 3].map(number));
        rig.receive_message_from(&n1, "A1", false, 10_000).await;
        rig.receive_message_from(&n3, "B1", false, 10_000).await;
        let (a, b) = (rig.find(&n1).await.expect("a chat").id, rig.find(&n3).await.expect("a chat").id);
        let changes = async || {
            rig.receive_number_change_at(&n1, &n2, 20_000).await;
            rig.receive_number_change_at(&n3, &n1, 30_000).await;
        };
        if !late {
            changes().await;
        }
        rig.receive_message_from(&n2, "A2", false, 25_000).await;
        rig.receive_message_from(&n1, "B2", false, 35_000).await;
        rig.receive_message_from(&n1, "B3", true, 36_000).await;
        rig.receive_message_from(&n1, "A0", false, 9_000).await;
        if late {
            changes().await;
        }
        let of_a = rig.find(&n2).await.expect("a chat");
        assert_eq!((of_a.id, &of_a.jid), (a, &n2), "late {late}");
        assert_eq!(rig.ids_of(&n2).await, ["A0", "A1", "A2"], "late {late}");
        let of_b = rig.find(&n1).await.expect("a chat");
        assert_eq!((of_b.id, &of_b.jid), (b, &n1), "late {late}");
        assert_eq!(rig.ids_of(&n1).await, ["B1", "B2", "B3"], "late {late}");
        // Sending to the number read everything that was in the chat by then.
        assert_eq!((of_a.unread_count, of_b.unread_count), (if late { 0 } else { 3 }, 0), "late {late}");
        // The phone is paired again.
        rig.receive_import(&n1, &[("B2", "Yes!", 35_000), ("B1", "Yes!", 10_000)], Vec::new()).await;
        rig.receive_import(&n2, &[("A2", "Yes!", 25_000), ("A1", "Yes!", 10_000)], Vec::new()).await;
        assert_eq!((rig.ids_of(&n1).await.len(), rig.ids_of(&n2).await.len()), (3, 3), "late {late}");
    }
}

#[tokio::test]
async fn a_message_from_a_released_number_is_from_another_person() {
    let (rig, [n1, n2, _]) = (Rig::new().await, [1, 2, 3].map(number));
    rig.receive_message_from(&n1, "A1", false, 10_000).await;
    rig.receive_number_change_at(&n1, &n2, 20_000).await;
    rig.receive_message_from(&n1, "X", false, 40_000).await;
    assert_eq!((rig.ids_of(&n1).await, rig.ids_of(&n2).await), (vec!["X".to_owned()], vec!["A1".to_owned()]));
    // The owner takes the old number again.
    rig.receive_number_change_at(&n2, &n1, 50_000).await;
    rig.receive_message_from(&n1, "A2", false, 60_000).await;
    assert_eq!(rig.ids_of(&n1).await, ["A1", "A2"]);
    rig.receive_number_change_at(&n1, &n2, 20_000).await;
    rig.receive_message_from(&n1, "A3", false, 70_000).await;
    assert_eq!(rig.ids_of(&n1).await, ["A1", "A2", "A3"], "a repeated old change has no effect");
}

#[tokio::test]
async fn a_chat_can_be_deleted_again_after_two_changes_of_number() {
    let (rig, mei, new) = (Rig::new().await, person(1), number(1));
    rig.receive_person(&mei).await;
    rig.receive_message_from(&mei.phone, "A", false, 10_000).await;
    rig.deletes_chat(&mei.phone).await;
    rig.receive_number_change_at(&mei.phone, &new, 20_000).await;
    rig.receive_message_from(&new, "B", false, 30_000).await;
    rig.receive_number_change_at(&new, &mei.phone, 40_000).await;
    rig.receive_message_from(&mei.phone, "C", false, 50_000).await;
    rig.receive_message_from(&mei.lid, "D", false, 60_000).await;
    rig.receive_message_from(&mei.phone, "A", false, 10_000).await;
    assert_eq!(rig.ids_of(&mei.lid).await, ["B", "C", "D"]);
    assert!(rig.test.is_empty("tombstone").await);
    rig.deletes_chat(&mei.phone).await;
    let up_to = MessageMarker { at: 60_000, wa_ids: vec!["D".into()] };
    rig.receive(SessionEvent::ChatCleared { chat: mei.lid.clone(), up_to, as_of: 70_000, deleted: true }).await;
    rig.receive_message_from(&mei.lid, "D", false, 60_000).await;
    assert_eq!(rig.find(&mei.phone).await, None);
}

#[tokio::test]
async fn a_contradicting_pair_of_addresses_affects_no_other_pair() {
    let rig = Rig::new().await;
    let mut people: Vec<_> = (0..100).map(person).collect();
    rig.receive_person(&people[7]).await;
    rig.receive_message_from(&people[7].phone, "A", false, 10_000).await;
    people[7].lid = person(200).lid;
    rig.receive(SessionEvent::SamePerson { people: people.clone(), at: 0 }).await;
    for one in [0, 7, 99] {
        rig.receive_message_from(&people[one].lid, "B", false, 20_000).await;
        let [by_number, by_lid] = [rig.find(&people[one].phone).await, rig.find(&people[one].lid).await];
        assert_eq!((by_number.is_some(), &by_number), (true, &by_lid), "{one}");
    }
    assert_eq!(rig.ids_of(&person(7).lid).await, ["A"], "the former owner keeps their messages");
}

#[tokio::test]
async fn an_ended_pair_of_addresses_returns_only_with_a_later_time() {
    let (rig, mei, new) = (Rig::new().await, person(1), number(1));
    rig.receive_person(&mei).await;
    rig.receive_message_from(&mei.lid, "A", false, 10_000).await;
    rig.receive_address_pair(&new, &mei.lid, 20_000).await;
    let shown = async || rig.find(&mei.lid).await.expect("a chat").jid;
    assert_eq!(shown().await, new);
    // A history, and the people known to the library at its start.
    let people = vec![mei.clone()];
    rig.receive(SessionEvent::History(HistoryChunk { people, ..HistoryChunk::default() })).await;
    rig.receive_person(&mei).await;
    rig.receive_address_pair(&mei.phone, &mei.lid, 15_000).await;
    assert_eq!(shown().await, new);
    rig.receive_address_pair(&mei.phone, &mei.lid, 30_000).await;
    assert_eq!((shown().await, rig.ids_of(&mei.phone).await), (mei.phone, vec!["A".to_owned()]));
}

#[tokio::test]
async fn a_group_has_a_message_once_by_whatever_address_it_comes() {
    let (rig, mei, group): (_, _, Jid) = (Rig::new().await, person(1), GROUP.parse().expect("a JID"));
    let [own, own_lid]: [Jid; 2] =
        ["15550100@s.whatsapp.net", "900000000000001@lid"].map(|jid| jid.parse().expect("a JID"));
    rig.receive(SessionEvent::Paired { jid: own.clone(), lid: Some(own_lid.clone()) }).await;
    rig.receive_group_message(&own_lid, "O", true, 5_000).await;
    rig.receive_group_message(&own, "O", true, 5_000).await;
    rig.receive_group_message(&mei.lid, "A", false, 10_000).await;
    rig.receive_group_message(&mei.phone, "A", false, 10_000).await;
    rig.receive_message_update_in(&group, &mei.phone, "A", MessageUpdate::Revocation).await;
    rig.receive_group_message(&mei.lid, "B", false, 11_000).await;
    rig.receive_person(&mei).await;
    let said = |wa_id: &str, text: &str| (wa_id.to_owned(), text.to_owned());
    let all = vec![said("O", "Hello"), said("A", "(revoked)"), said("B", "Hello")];
    assert_eq!(rig.texts_in(&group).await, all, "the revoked one of two copies");
    rig.receive_message_update_in(&group, &mei.phone, "B", edit("Bye", 20_000)).await;
    let chat = rig.find(&group).await.expect("a chat");
    assert_eq!((rig.texts_in(&group).await[2].1.as_str(), chat.unread_count), ("Bye (edited)", 1));
    assert!(rig.messages_of(chat.id).await[..2].iter().all(|(_, sender, _)| *sender == mei.phone));
}

#[tokio::test]
async fn of_two_copies_the_one_revoked_or_edited_later_stays() {
    let (rig, mei) = (Rig::new().await, person(1));
    for wa_id in ["A", "B"] {
        rig.receive_message_from(&mei.phone, wa_id, false, 10_000).await;
        rig.receive_message_from(&mei.lid, wa_id, false, 10_000).await;
    }
    rig.receive_message_update_in(&mei.lid, &mei.lid, "A", MessageUpdate::Revocation).await;
    rig.receive_message_update_in(&mei.phone, &mei.phone, "A", edit("later", 90_000)).await;
    rig.receive_message_update_in(&mei.phone, &mei.phone, "B", edit("first", 20_000)).await;
    rig.receive_message_update_in(&mei.lid, &mei.lid, "B", edit("second", 30_000)).await;
    rig.receive_person(&mei).await;
    let said: Vec<_> = rig.texts_in(&mei.phone).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(said, ["(revoked)", "second (edited)"]);
}

#[tokio::test]
async fn an_early_edit_or_revocation_waits_for_its_message() {
    let (rig, jid) = (Rig::new().await, number(1));
    rig.receive_message_update_in(&jid, &jid, "A", edit("second", 20_000)).await;
    rig.receive_message_update_in(&jid, &jid, "A", edit("first", 15_000)).await;
    rig.receive_message_update_in(&jid, &jid, "B", MessageUpdate::Revocation).await;
    rig.receive_message_update_in(&jid, &number(2), "C", MessageUpdate::Revocation).await;
    assert_eq!(rig.find(&jid).await, None);
    rig.receive_message_from(&jid, "A", false, 10_000).await;
    rig.receive_message_from(&jid, "B", false, 11_000).await;
    rig.receive_message_from(&jid, "B2", true, 11_500).await;
    // The same by a history.
    rig.receive_message_update_in(&jid, &jid, "D", MessageUpdate::Revocation).await;
    rig.receive_import(&jid, &[("D", "my PIN", 12_000)], Vec::new()).await;
    let said: Vec<_> = rig.texts_in(&jid).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(said, ["second (edited)", "(revoked)", "Yes!", "(revoked)"]);
    assert_eq!(rig.find(&jid).await.expect("a chat").unread_count, 0);
}

#[tokio::test]
async fn revisions_while_unlinked_are_applied_by_the_next_import() {
    let (rig, jid) = (Rig::new().await, number(1));
    for (wa_id, at) in [("A", 10_000), ("B", 11_000), ("C", 12_000)] {
        rig.receive_message_from(&jid, wa_id, false, at).await;
    }
    rig.receive_message_update_in(&jid, &jid, "C", edit("newest", 90_000)).await;
    let revoked = UpdatedMessage {
        chat: jid.clone(),
        wa_id: "B".into(),
        sender: jid.clone(),
        from_me: false,
        rewrite: MessageUpdate::Revocation,
    };
    let all = [("C", "Yes!", 12_000), ("B", "", 11_000), ("A", "at ten", 10_000)];
    rig.receive_import(&jid, &all, vec![revoked]).await;
    let said: Vec<_> = rig.texts_in(&jid).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(said, ["at ten (edited)", "(revoked)", "newest (edited)"]);
    assert_eq!(rig.find(&jid).await.expect("a chat").unread_count, 2);
}

#[tokio::test]
async fn later_setting_of_a_merged_tombstone_removes_a_pending_action() {
    let (rig, mei) = (Rig::new().await, person(1));
    rig.receive_message_from(&mei.phone, "A", false, 10_000).await;
    rig.deletes_chat(&mei.phone).await;
    rig.receive_message_from(&mei.lid, "B", false, 20_000).await;
    rig.request_setting_of(&mei.lid, SettingValue::Archived(true), 30_000).await.expect("accepted");
    let (chat, value) = (mei.phone.clone(), SettingValue::Archived(false));
    rig.receive(SessionEvent::Setting { chat, value, as_of: 40_000, up_to: None, replayed: false }).await;
    rig.receive_person(&mei).await;
    assert_eq!(rig.waiting().await, []);
    let chat = rig.find(&mei.phone).await.expect("a chat");
    assert_eq!((chat.settings.archived.value, chat.pending.is_empty()), (false, true));
}

#[tokio::test]
async fn a_deleted_chat_reappears_with_the_unread_messages_since() {
    let (rig, jid) = (Rig::new().await, number(1));
    for place in 0..5 {
        rig.receive_message_from(&jid, &format!("M{place}"), false, 10_000 + place * 1_000).await;
    }
    rig.deletes_chat(&jid).await;
    let receipt = |wa_id: &str| SessionEvent::ReadOnOtherDevice { chat: None, wa_ids: vec![wa_id.into()], at: 30_000 };
    rig.receive(receipt("M1")).await;
    rig.receive_message_update_in(&jid, &jid, "M2", MessageUpdate::Revocation).await;
    rig.receive_message_from(&jid, "M5", false, 40_000).await;
    assert_eq!(rig.find(&jid).await.expect("a chat").unread_count, 3, "M3, M4 and M5");
    rig.deletes_chat(&jid).await;
    rig.receive(receipt("M5")).await;
    rig.receive_message_from(&jid, "M6", false, 50_000).await;
    assert_eq!(rig.find(&jid).await.expect("a chat").unread_count, 1);
}

#[tokio::test]
async fn the_chat_with_oneself_is_one_by_number_and_lid() {
    let rig = Rig::new().await;
    let [own, own_lid]: [Jid; 2] =
        ["15550100@s.whatsapp.net", "900000000000001@lid"].map(|jid| jid.parse().expect("a JID"));
    rig.receive_message_from(&own, "A", true, 10_000).await;
    rig.receive_message_from(&own_lid, "B", true, 11_000).await;
    rig.receive(SessionEvent::Paired { jid: own.clone(), lid: Some(own_lid.clone()) }).await;
    rig.receive_message_from(&own_lid, "A", true, 10_000).await;
    assert_eq!((rig.ids_of(&own).await, rig.ids_of(&own_lid).await.len()), (vec!["A".to_owned(), "B".to_owned()], 2));
    assert_eq!(rig.find(&own_lid).await.expect("a chat").jid, own);
}
