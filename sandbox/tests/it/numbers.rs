//! Numbers that people give up, and their next owners.

use std::collections::BTreeSet;

use chatgraph_sandbox::Error;
use whatsapp_rust::prelude::Event;

use crate::support::{ADA, account, jid, paired, shown, soon};

const NEW: &str = "15550100092@s.whatsapp.net";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reused_number_is_another_person_with_new_keys_and_chat() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    phone.receive(ADA, ADA, "from Ada").await.unwrap();
    companion.text().await;
    assert!(matches!(phone.give_number("15550100002", None, None).await, Err(Error::TakenAddress(_))));

    phone.change_number("15550100002", "15550100092").await.unwrap();
    let changed = companion.next("the change", |event| match event {
        Event::ContactNumberChanged(changed) => Some((changed.old_jid.clone(), changed.new_jid.clone())),
        _ => None,
    });
    assert_eq!(changed.await, (jid(ADA), jid(NEW)));
    phone.give_number("15550100002", Some("200000000000077"), Some("Nadia")).await.unwrap();
    companion.next("the other keys", |event| matches!(event, Event::IdentityChange(_)).then_some(())).await;

    let (by_ada, by_nadia) =
        (phone.receive(NEW, NEW, "Ada once more").await.unwrap(), phone.receive(ADA, ADA, "I am Nadia").await.unwrap());
    // The client handles each chat separately, and may receive a message again if it asked for it with other keys.
    let expected = [(by_ada, NEW, "Ada once more"), (by_nadia, ADA, "I am Nadia")];
    let expected = BTreeSet::from(expected.map(|(id, chat, text)| (id, chat.to_owned(), text.to_owned())));
    let mut received = BTreeSet::new();
    while received.len() < expected.len() {
        received.insert(companion.text().await);
    }
    assert_eq!(received, expected);
    assert_eq!((shown(&phone, NEW).unread_count, shown(&phone, ADA).unread_count), (3, 1));
    assert_eq!(shown(&phone, NEW).name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(shown(&phone, ADA).name.as_deref(), Some("Nadia"));
    let texts: Vec<_> = phone.messages(ADA).unwrap().into_iter().map(|message| message.text.unwrap()).collect();
    assert_eq!(texts, ["I am Nadia"]);
    assert_eq!(companion.known_number("200000000000077").await, "15550100002");
    soon("the receipts", phone.settled()).await.unwrap();
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_number_and_lid_is_sent_with_both() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    phone.change_addresses("15550100002", "15550100092", Some("200000000000092")).await.unwrap();
    let lids = companion.next("the change", |event| match event {
        Event::ContactNumberChanged(changed) => Some((changed.old_lid.clone(), changed.new_lid.clone())),
        _ => None,
    });
    assert_eq!(lids.await, (Some(jid("200000000000002@lid")), Some(jid("200000000000092@lid"))));
    assert_eq!(shown(&phone, NEW).aliases, ["200000000000092@lid"]);
    for (new, lid) in [("15550100003", None), ("15550100093", Some("200000000000092"))] {
        let refused = phone.change_addresses("15550100092", new, lid).await;
        assert!(matches!(refused, Err(Error::TakenAddress(_))), "{refused:?}");
    }
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_delivered_late_and_again_as_it_was_written() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    let id = phone.receive_late(ADA, ADA, "at nine").await.unwrap();
    phone.edit(&id, "at ten").await.unwrap();
    let edited = companion.next("the edit", |event| match event {
        Event::Messages(batch) => batch.messages.iter().find_map(|inbound| {
            inbound.message.protocol_message.as_option().and_then(|protocol| protocol.key.as_option()?.id.clone())
        }),
        _ => None,
    });
    assert_eq!(edited.await, id, "the edit is delivered first");
    for _ in 0..2 {
        phone.deliver_again(&id).await.unwrap();
        assert_eq!(companion.text().await, (id.clone(), ADA.to_owned(), "at nine".to_owned()));
    }
    let last = phone.messages(ADA).unwrap().pop().unwrap();
    assert_eq!((last.id, last.text.as_deref(), last.edited), (id, Some("at ten"), true));
    companion.stop().await;
    sandbox.stop().await;
}
