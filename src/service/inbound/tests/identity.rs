//! Tests of one person with two addresses: the result is the same, whenever the session learns of it.

use super::*;
use crate::{
    domain::{
        change::ChangeKind,
        page::{Direction, PageRequest},
        person::Person,
        setting::Versioned,
    },
    service::chat::delete::DeleteChat,
};

/// A person with a number and a LID.
pub(super) fn person(number: usize) -> Person {
    let jid = |text: String| text.parse().expect("a JID");
    Person { phone: jid(format!("1556{number:07}@s.whatsapp.net")), lid: jid(format!("2{number:014}@lid")) }
}

impl Rig {
    pub(super) async fn receive_person(&self, person: &Person) {
        self.receive(SessionEvent::SamePerson { people: vec![person.clone()], at: 0 }).await;
    }

    pub(super) async fn receive_message_from(&self, jid: &Jid, wa_id: &str, from_me: bool, at: i64) {
        let own = if jid.as_str().ends_with("@lid") { "900000000000001@lid" } else { "15550100@s.whatsapp.net" };
        let message = IncomingMessage {
            chat: jid.clone(),
            wa_id: wa_id.into(),
            sender: if from_me { own.parse().expect("a JID") } else { jid.clone() },
            sender_name: (!from_me).then(|| "mei".into()),
            from_me,
            kind: MessageKind::Text,
            text: Some("Yes!".into()),
            at,
        };
        self.receive(SessionEvent::Message(message)).await;
    }

    pub(super) async fn find(&self, jid: &Jid) -> Option<Chat> {
        self.test.store.chat(&self.test.organization, self.test.session, jid).await.expect("a read")
    }

    pub(super) async fn request_setting_of(&self, jid: &Jid, desired: SettingValue, now: i64) -> Result<Chat, Error> {
        let order = UpdateChat {
            session: self.test.session,
            cid: jid.clone(),
            settings: vec![desired],
            range_hint: None,
            max_pinned: usize::MAX,
        };
        self.test.store.at(now).write(&self.test.organization, move |unit| Box::pin(order.execute(unit))).await
    }

    pub(super) async fn deletes_chat(&self, jid: &Jid) -> Chat {
        let order = DeleteChat { session: self.test.session, cid: jid.clone() };
        let deleted: Result<_, Error> =
            self.test.store.at(100).write(&self.test.organization, move |unit| Box::pin(order.execute(unit))).await;
        deleted.expect("deleted")
    }

    pub(super) async fn messages_of(&self, chat: ChatId) -> Vec<(String, Jid, i64)> {
        let page = PageRequest { limit: 100, direction: Direction::Forward, cursor: None };
        let pages = self.test.store.messages(&self.test.organization, &[(chat, page)]).await.expect("a page");
        pages[0].items.iter().map(|message| (message.wa_id.clone(), message.sender.clone(), message.at)).collect()
    }

    pub(super) async fn addresses_of(&self, chat: ChatId) -> Vec<Jid> {
        let addresses = self.test.store.addresses(&self.test.organization, &[chat]).await;
        addresses.expect("a read").remove(&chat).unwrap_or_default()
    }
}

#[tokio::test]
async fn a_merge_is_published_as_a_deletion_and_an_update() {
    let (rig, mei) = (Rig::new().await, person(1));
    rig.receive_message_from(&mei.phone, "A", false, 10_000).await;
    rig.receive_message_from(&mei.lid, "B", false, 20_000).await;
    let (one, other) = (rig.find(&mei.phone).await.expect("a chat"), rig.find(&mei.lid).await.expect("a chat"));
    let before = rig.changes().await.len();

    rig.receive_person(&mei).await;
    rig.receive_person(&mei).await;

    let told: Vec<_> = rig
        .changes()
        .await
        .split_off(before)
        .into_iter()
        .map(|it| (it.kind, it.chat, it.cid, it.merged_into))
        .collect();
    assert_eq!(
        told,
        [
            (ChangeKind::Deleted, other.id, mei.lid.clone(), Some(one.id)),
            (ChangeKind::Updated, one.id, mei.phone.clone(), None)
        ]
    );
    let chat = rig.find(&mei.lid).await.expect("a chat");
    assert_eq!((chat.id, &chat.jid, chat.unread_count), (one.id, &mei.phone, 2));
    let sent = [("B", 20_000), ("A", 10_000)].map(|(wa_id, at)| (wa_id.to_owned(), mei.phone.clone(), at));
    assert_eq!(rig.messages_of(chat.id).await, sent);
    assert_eq!(rig.addresses_of(chat.id).await, [mei.phone, mei.lid]);
}

#[tokio::test]
async fn a_known_person_has_one_chat_from_the_first_message() {
    let (rig, mei) = (Rig::new().await, person(1));
    rig.receive_person(&mei).await;
    assert_eq!(rig.changes().await, [], "no change for a person without a chat");
    rig.receive_message_from(&mei.lid, "A", false, 10_000).await;
    rig.receive_message_from(&mei.phone, "B", false, 20_000).await;
    rig.receive_message_from(&mei.phone, "A", false, 10_000).await;
    let chat = rig.find(&mei.lid).await.expect("a chat");
    assert_eq!((chat.unread_count, &chat.jid, chat.names.push.as_deref()), (2, &mei.phone, Some("mei")));
    assert_eq!(rig.find(&mei.phone).await, Some(chat));
}

#[tokio::test]
async fn pending_actions_use_the_latest_address() {
    let (rig, mei) = (Rig::new().await, person(1));
    rig.receive_person(&mei).await;
    rig.receive_message_from(&mei.phone, "A", false, 10_000).await;
    rig.request_setting_of(&mei.lid, SettingValue::Archived(true), 15_000).await.expect("accepted");
    assert_eq!(rig.waiting().await[0].address, mei.phone);
    rig.receive_message_from(&mei.lid, "B", false, 20_000).await;
    assert_eq!(rig.waiting().await[0].address, mei.lid);
    rig.receive(SessionEvent::ContactNamed { jid: mei.phone.clone(), name: "Mei".into() }).await;
    assert_eq!(rig.waiting().await[0].address, mei.lid, "a name has no time");
}

#[tokio::test]
async fn a_number_seen_with_another_persons_lid_becomes_theirs() {
    let (rig, mei, olu) = (Rig::new().await, person(1), person(2));
    rig.receive_message_from(&mei.phone, "A", false, 10_000).await;
    rig.receive_message_from(&olu.lid, "B", false, 10_000).await;
    rig.receive_person(&mei).await;
    let [before, other] = [rig.find(&mei.phone).await, rig.find(&olu.lid).await].map(|chat| chat.expect("a chat").id);
    rig.receive_person(&Person { phone: mei.phone.clone(), lid: olu.lid.clone() }).await;
    let [of_mei, of_olu] = [rig.find(&mei.lid).await, rig.find(&olu.lid).await].map(|chat| chat.expect("a chat"));
    assert_eq!((of_mei.id, of_mei.jid, of_mei.unread_count), (before, mei.lid.clone(), 1));
    assert_eq!((of_olu.id, of_olu.jid, of_olu.unread_count), (other, mei.phone.clone(), 1));
    assert_eq!(rig.find(&mei.phone).await.expect("a chat").id, other);
    // The earlier pair is reported again.
    rig.receive_person(&mei).await;
    assert_eq!(rig.find(&mei.phone).await.expect("a chat").id, other);
}

#[tokio::test]
async fn a_deleted_chat_merged_into_a_live_one_brings_nothing_back() {
    let (rig, mei) = (Rig::new().await, person(1));
    rig.receive_message_from(&mei.phone, "A", false, 10_000).await;
    rig.receive(SessionEvent::Setting {
        chat: mei.phone.clone(),
        value: SettingValue::Pinned(true),
        as_of: 11_000,
        up_to: None,
        replayed: false,
    })
    .await;
    rig.deletes_chat(&mei.phone).await;
    rig.receive_message_from(&mei.lid, "B", false, 20_000).await;
    let living = rig.find(&mei.lid).await.expect("a chat").id;

    rig.receive_person(&mei).await;

    rig.receive_message_from(&mei.phone, "A", false, 10_000).await;
    let chat = rig.find(&mei.phone).await.expect("a chat");
    assert_eq!(
        (chat.id, &chat.jid, chat.settings.pinned),
        (living, &mei.phone, Versioned { value: true, as_of: 11_000 })
    );
    assert_eq!(chat.unread_count, 2, "the deleted chat's message is still unread on the phone");
    assert_eq!(rig.messages_of(chat.id).await.len(), 1);
    assert!(rig.test.is_empty("tombstone").await);
}

#[tokio::test]
async fn two_deleted_chats_are_one_when_the_person_writes_again() {
    let (rig, mei) = (Rig::new().await, person(1));
    rig.receive_message_from(&mei.phone, "A", false, 10_000).await;
    rig.receive_message_from(&mei.lid, "B", false, 20_000).await;
    rig.deletes_chat(&mei.phone).await;
    rig.deletes_chat(&mei.lid).await;
    let told = rig.changes().await.len();

    rig.receive_person(&mei).await;
    rig.receive_message_from(&mei.phone, "B", false, 20_000).await;
    assert_eq!(rig.changes().await.len(), told, "no change for an invisible chat");
    rig.receive_message_from(&mei.lid, "C", false, 30_000).await;

    let chat = rig.find(&mei.phone).await.expect("a chat");
    assert_eq!((chat.unread_count, &chat.jid), (3, &mei.phone));
    assert_eq!(rig.addresses_of(chat.id).await, [mei.phone, mei.lid]);
}
