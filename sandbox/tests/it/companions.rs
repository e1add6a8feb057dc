//! Several real clients in one account: messages of one client reach the phone and the other clients.

use std::time::Duration;

use chatgraph_sandbox::{Phone, Sandbox};
use whatsapp_rust::{prelude::Event, types::presence::ReceiptType, wacore::types::events::DeviceListUpdateType};

use crate::support::{ADA, BOB, Companion, GROUP, OWNER, account, jid, paired, soon};

async fn two() -> (Sandbox, Phone, Companion, Companion) {
    let (sandbox, phone, one) = paired(account()).await;
    let mut two = Companion::start(&sandbox).await;
    two.pair(&phone).await;
    (sandbox, phone, one, two)
}

/// Sends a message as this companion, and returns its id.
async fn write(companion: &Companion, chat: &str, text: &str) -> String {
    soon("sending", companion.client.send_text(jid(chat), text)).await.expect("sent").message_id
}

/// Waits for a message, and returns its chat, its text, and `true` if the owner wrote it.
async fn message(companion: &mut Companion, id: &str) -> (String, bool, Option<String>) {
    let own = |event: &Event| match event {
        Event::Messages(batch) => batch.messages.iter().find(|inbound| inbound.info.id == *id).map(|inbound| {
            let source = &inbound.info.source;
            (source.chat.to_string(), source.is_from_me, inbound.message.conversation.clone())
        }),
        _ => None,
    };
    companion.next("the message", own).await
}

/// Waits until a companion is disconnected.
async fn wait_for_disconnect(sandbox: &Sandbox, device: u16) {
    let is_connected = || {
        let log = sandbox.log();
        log.iter().rfind(|entry| entry.device == Some(device)).is_none_or(|last| last.text != "disconnected")
    };
    while is_connected() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn message_of_a_companion_reaches_phone_and_other_companion() {
    let (sandbox, phone, mut one, mut two) = two().await;
    for chat in [ADA, GROUP] {
        for (round, by_first) in [true, false, true, false].into_iter().enumerate() {
            let (writer, reader) = if by_first { (&one, &mut two) } else { (&two, &mut one) };
            let text = format!("{round} in {chat}");
            let id = write(writer, chat, &text).await;
            assert_eq!(message(reader, &id).await, (chat.to_owned(), true, Some(text.clone())));
            let shown = phone.messages(chat).unwrap().pop().unwrap();
            assert_eq!((shown.id, shown.from, shown.text), (id, None, Some(text)));
        }
    }
    soon("the receipts", phone.settled()).await.unwrap();
    assert!(!sandbox.log().iter().any(|entry| entry.text.contains("type=\"retry\"")));
    one.stop().await;
    two.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn message_of_a_companion_reaches_an_offline_one_later() {
    let (sandbox, _, one, two) = two().await;
    let store = two.stop().await;
    soon("the end of the connection", wait_for_disconnect(&sandbox, 2)).await;
    let (direct, group) = (write(&one, ADA, "to Ada").await, write(&one, GROUP, "to all").await);

    let mut two = Companion::resume(&sandbox, store).await;

    let mut texts = [two.text().await, two.text().await];
    texts.sort_by_key(|(_, chat, _)| chat != ADA);
    assert_eq!(texts[0], (direct, ADA.to_owned(), "to Ada".to_owned()));
    assert_eq!(texts[1], (group, GROUP.to_owned(), "to all".to_owned()));
    one.stop().await;
    two.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delivery_is_reported_to_the_author_and_reading_to_all() {
    let (sandbox, phone, mut one, mut two) = two().await;
    let receipt = |id: &str, kind: ReceiptType| {
        let id = id.to_owned();
        move |event: &Event| match event {
            Event::Receipt(receipt) if receipt.message_ids.contains(&id) && receipt.r#type == kind => {
                Some((receipt.source.chat.to_string(), receipt.source.sender.to_string()))
            }
            _ => None,
        }
    };

    let direct = write(&one, ADA, "to Ada").await;
    assert_eq!(one.next("the delivery", receipt(&direct, ReceiptType::Delivered)).await.0, ADA);
    let log = sandbox.log();
    let place =
        |start: &str| log.iter().position(|entry| entry.text.starts_with(start) && entry.text.contains(&direct));
    assert!(place("<ack ").unwrap() < place("<receipt from=").unwrap(), "the server receives it before Ada does");
    phone.read_by(&direct, "15550100002").await.unwrap();
    for companion in [&mut one, &mut two] {
        assert_eq!(companion.next("the reading", receipt(&direct, ReceiptType::Read)).await.0, ADA);
    }
    assert!(phone.read_by(&direct, "15550100003").await.is_err(), "Bob is not in this chat");

    let group = write(&two, GROUP, "to all").await;
    let mut members = Vec::new();
    for _ in 0..2 {
        let (chat, member) = two.next("a delivery", receipt(&group, ReceiptType::Delivered)).await;
        assert_eq!(chat, GROUP);
        members.push(member);
    }
    members.sort();
    assert_eq!(members, [ADA, BOB]);
    phone.read_by(&group, "15550100003").await.unwrap();
    assert_eq!(one.next("the reading", receipt(&group, ReceiptType::Read)).await, (GROUP.to_owned(), BOB.to_owned()));
    soon("the receipts", phone.settled()).await.unwrap();
    one.stop().await;
    two.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_companion_is_notified_when_others_are_linked_or_unlinked() {
    let (sandbox, phone, mut one) = paired(account()).await;
    let changed = |kind: DeviceListUpdateType| {
        move |event: &Event| match event {
            Event::DeviceListUpdate(update) if update.update_type == kind => Some((
                update.user.to_string(),
                update.devices.iter().map(|device| device.device_id).collect::<Vec<_>>(),
            )),
            _ => None,
        }
    };
    let mut two = Companion::start(&sandbox).await;
    two.pair(&phone).await;
    let mut told = Vec::new();
    for kind in [DeviceListUpdateType::Add, DeviceListUpdateType::Remove] {
        if kind == DeviceListUpdateType::Remove {
            phone.unlink_device(2).await.unwrap();
        }
        for _ in 0..2 {
            told.push(one.next("a change of the devices", changed(kind)).await);
        }
    }
    let addresses = [format!("{OWNER}@s.whatsapp.net"), phone.lid()];
    for pair in told.chunks(2) {
        let mut users: Vec<_> = pair.iter().map(|(user, _)| user.clone()).collect();
        users.sort();
        let mut expected = addresses.clone();
        expected.sort();
        assert_eq!(users, expected);
        assert!(pair.iter().all(|(_, devices)| *devices == [2]));
    }
    let id = write(&one, ADA, "alone again").await;
    let on_the_phone = async {
        while phone.messages(ADA).unwrap().pop().unwrap().id != id {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the message on the phone", on_the_phone).await;
    one.stop().await;
    two.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reaction_names_the_message_from_the_reactors_view() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    let owner = format!("{OWNER}@s.whatsapp.net");
    let own = phone.receive(OWNER, ADA, "mine").await.unwrap();
    let theirs = phone.receive("15550100002", ADA, "hers").await.unwrap();
    let in_group = phone.receive("15550100002", GROUP, "hers to all").await.unwrap();
    for (id, from, chat, from_me) in [
        (&own, "15550100002", owner.as_str(), false),
        (&theirs, "15550100002", owner.as_str(), true),
        (&own, OWNER, ADA, true),
        (&theirs, OWNER, ADA, false),
        (&in_group, "15550100003", GROUP, false),
        (&in_group, "15550100002", GROUP, true),
    ] {
        phone.react(id, from, "👍").await.unwrap();
        let reaction = |event: &Event| match event {
            Event::Messages(batch) => batch.messages.iter().find_map(|inbound| {
                let key = inbound.message.reaction_message.as_option()?.key.as_option()?;
                Some((key.id.clone()?, key.remote_jid.clone()?, key.from_me?))
            }),
            _ => None,
        };
        let named = companion.next("the reaction", reaction).await;
        assert_eq!(named, (id.clone(), chat.to_owned(), from_me), "{from}");
    }
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_with_an_old_version_gets_a_snapshot_on_request() {
    use whatsapp_rust::{
        wacore::request::InfoQuery,
        wacore_binary::{Server, builder::NodeBuilder, node::NodeContent},
    };

    let (sandbox, phone, companion) = paired(account()).await;
    phone.pin(BOB, true).await.unwrap();
    let ask = async |snapshot: &str| {
        let collection = NodeBuilder::new("collection")
            .attr("name", "regular_low")
            .attr("version", "1")
            .attr("return_snapshot", snapshot)
            .build();
        let sync = NodeBuilder::new("sync").children([collection]).build();
        let to = whatsapp_rust::Jid::new("", Server::Pn);
        let query = InfoQuery::set("w:sync:app:state", to, Some(NodeContent::Nodes(vec![sync])));
        let answer = companion.client.send_iq(query).await.unwrap();
        let collection = answer.get_optional_child_by_tag(&["sync", "collection"]);
        let child = collection.and_then(|found| found.children()?.first().map(|child| child.tag.to_string()));
        child.unwrap_or_default()
    };
    assert_eq!(ask("false").await, "patches");
    assert_eq!(ask("true").await, "snapshot");
    companion.stop().await;
    sandbox.stop().await;
}
