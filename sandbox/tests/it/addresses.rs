//! People with other addresses than numbers: LIDs in groups, hosted devices, other servers.

use chatgraph_sandbox::{
    AccountSpec,
    spec::{Addressing, ChatSpec, ContactSpec},
};
use whatsapp_rust::{prelude::Event, types::events::InboundMessage};

use crate::support::{ADA, Companion, GROUP, OWNER, account, jid, paired, shown, soon};

const ADA_LID: &str = "200000000000002@lid";
const HIDDEN: &str = "200000000000055@lid";

/// A group that is addressed by LID; one member is known by LID only.
fn by_lid() -> AccountSpec {
    let mut account = account();
    account.contacts[1].lid = Some("200000000000003".to_owned());
    account.groups[0].addressing_mode = Addressing::Lid;
    account.groups[0].participants.push(HIDDEN.to_owned());
    account
}

async fn next_message(companion: &mut Companion, id: &str) -> InboundMessage {
    let found = companion.next("the message", |event| match event {
        Event::Messages(batch) => batch.messages.iter().find(|inbound| inbound.info.id == id).cloned(),
        _ => None,
    });
    found.await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_of_a_group_by_lid_write_by_lid_and_so_does_the_owner() {
    let (sandbox, phone, mut companion) = paired(by_lid()).await;
    for (from, sender, number) in
        [("15550100002", ADA_LID, Some(ADA)), (HIDDEN, HIDDEN, None), (OWNER, &*phone.lid(), Some(&*phone.jid()))]
    {
        let id = phone.receive(from, GROUP, "hello").await.unwrap();
        let source = next_message(&mut companion, &id).await.info.source.clone();
        assert_eq!((source.chat, source.sender), (jid(GROUP), jid(sender)));
        assert_eq!((source.sender_alt, source.is_from_me), (number.map(jid), from == OWNER));
    }
    assert_eq!(shown(&phone, GROUP).unread_count, 0, "a message of the owner marks the chat as read");
    soon("the receipts", phone.settled()).await.unwrap();
    assert!(!sandbox.log().iter().any(|entry| entry.text.contains("type=\"retry\"")));
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_and_revocations_in_a_group_by_lid_name_lids() {
    let (sandbox, phone, mut companion) = paired(by_lid()).await;
    let id = phone.receive("15550100002", GROUP, "at nine").await.unwrap();
    next_message(&mut companion, &id).await;
    phone.revoke(&id, Some("15550100003")).await.unwrap();
    let key = companion.next("the revocation", |event| match event {
        Event::Messages(batch) => batch.messages.iter().find_map(|inbound| {
            let protocol = inbound.message.protocol_message.as_option()?;
            Some((inbound.info.source.sender.clone(), protocol.key.as_option()?.clone()))
        }),
        _ => None,
    });
    let (sender, key) = key.await;
    assert_eq!(sender, jid("200000000000003@lid"));
    assert_eq!((key.id, key.participant.as_deref()), (Some(id), Some(ADA_LID)));
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_by_lid_includes_the_numbers_that_it_knows() {
    let (sandbox, phone, companion) = paired(by_lid()).await;
    let group = companion.client.groups().get_metadata(&jid(GROUP)).await.unwrap();
    let mut members: Vec<_> = group
        .participants
        .iter()
        .map(|member| (member.jid.to_string(), member.phone_number.as_ref().map(ToString::to_string)))
        .collect();
    members.sort();
    let mut expected = vec![
        (ADA_LID.to_owned(), Some(ADA.to_owned())),
        ("200000000000003@lid".to_owned(), Some("15550100003@s.whatsapp.net".to_owned())),
        (HIDDEN.to_owned(), None),
        (phone.lid(), Some(phone.jid())),
    ];
    expected.sort();
    assert_eq!(members, expected);
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hosted_device_writes_as_the_person_with_its_number() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    for (from, chat, wire_chat) in [
        ("15550100002:99@hosted", ADA, "15550100002@hosted"),
        ("200000000000002:99@hosted.lid", ADA_LID, "200000000000002@hosted.lid"),
        ("15550100002:99@hosted", GROUP, GROUP),
    ] {
        let before = shown(&phone, if chat == GROUP { GROUP } else { ADA }).unread_count;
        let id = phone.receive(from, chat, "hello").await.unwrap();
        let source = next_message(&mut companion, &id).await.info.source.clone();
        assert_eq!((source.chat, source.sender), (jid(wire_chat), jid(from)));
        assert_eq!(shown(&phone, if chat == GROUP { GROUP } else { ADA }).unread_count, before + 1);
    }
    soon("the receipts", phone.settled()).await.unwrap();
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assistants_and_people_on_other_messengers_have_chats() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    for from in ["867051314767696@bot", "sam7@interop"] {
        let id = phone.receive(from, from, "hello").await.unwrap();
        let source = next_message(&mut companion, &id).await.info.source.clone();
        assert_eq!((source.chat, source.sender), (jid(from), jid(from)));
        assert_eq!(shown(&phone, from).unread_count, 1);
        phone.receive(OWNER, from, "and to you").await.unwrap();
        assert_eq!(shown(&phone, from).unread_count, 0);
    }
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test]
async fn an_account_with_other_addresses_is_checked() {
    let sandbox = crate::support::sandbox().await;
    let refused = |change: fn(&mut AccountSpec)| {
        let mut spec = by_lid();
        change(&mut spec);
        sandbox.create_account(spec).unwrap_err().to_string()
    };
    let told = refused(|spec| spec.contacts[1].lid = None);
    assert!(told.contains("groups[0].participants[1]") && told.contains("no lid"), "{told}");
    let told = refused(|spec| spec.groups[0].participants[2] = "2@lid".to_owned());
    assert!(told.contains("15 digits"), "{told}");
    let told = refused(|spec| spec.groups[0].participants[2] = ADA_LID.to_owned());
    assert!(told.contains("name them by number"), "{told}");
    let told = refused(|spec| spec.groups[0].addressing_mode = Addressing::Pn);
    assert!(told.contains("participants[2]"), "{told}");
    let told = refused(|spec| spec.history[0].jid = "a b@bot".to_owned());
    assert!(told.contains("history[0].jid"), "{told}");
    let told = refused(|spec| {
        for number in ["15550100011", "15550100012", "15550100013"] {
            let jid = format!("{number}@s.whatsapp.net");
            spec.history.push(ChatSpec { jid, pinned: true, ..ChatSpec::default() });
            spec.contacts.push(ContactSpec { phone: number.to_owned(), ..ContactSpec::default() });
        }
    });
    assert!(told.contains("pins at most 3"), "{told}");
    let mut spec = by_lid();
    spec.history.push(ChatSpec { jid: "867051314767696@bot".to_owned(), ..ChatSpec::default() });
    assert!(sandbox.create_account(spec).is_ok());
    sandbox.stop().await;
}
