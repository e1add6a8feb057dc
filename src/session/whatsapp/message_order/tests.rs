use std::sync::Arc;

use tokio_util::task::TaskTracker;
use whatsapp_rust::{
    NodeBuilder, types::message::MessageSource, wacore_binary::marshal::marshal, waproto::whatsapp::Message,
};

use super::*;

const OWN: &str = "15550100000@s.whatsapp.net";
const MEI: &str = "15550100001@s.whatsapp.net";
const RAVI: &str = "15550100002@s.whatsapp.net";

/// The stanza of a message. `recipient` is the chat, if the chat is not that of the sender.
fn stanza(id: &str, from: &str, recipient: Option<&str>, second: &str) -> OwnedNodeRef {
    let mut node = NodeBuilder::new("message").attr("id", id).attr("from", from).attr("t", second);
    if let Some(recipient) = recipient {
        node = node.attr("recipient", recipient);
    }
    owned(node.children([NodeBuilder::new("enc").build()]))
}

fn owned(node: NodeBuilder) -> OwnedNodeRef {
    // The first byte says how the stanza is packed.
    OwnedNodeRef::new(marshal(&node.build()).unwrap()[1..].to_vec()).unwrap()
}

fn info(id: &str, sender: &str) -> MessageInfo {
    let source = MessageSource { sender: sender.parse().unwrap(), ..MessageSource::default() };
    MessageInfo { id: id.into(), source, ..MessageInfo::default() }
}

fn arrived(stanzas: &[(&str, &str, Option<&str>, &str)]) -> Arc<MessageOrder> {
    let arrivals = Arc::new(MessageOrder::default());
    for (id, from, recipient, second) in stanzas {
        arrivals.comes(&stanza(id, from, *recipient, second));
    }
    arrivals.caught_up();
    arrivals
}

/// Returns true if a message would have to wait now.
async fn waits(arrivals: &MessageOrder, id: &str, sender: &str) -> bool {
    timeout(Duration::from_millis(1), arrivals.turn(&info(id, sender))).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn only_an_answer_waits_for_the_message_that_it_answers() {
    let arrivals = arrived(&[
        ("A", MEI, None, "100"),
        ("B", OWN, Some(MEI), "100"),
        ("C", OWN, Some(RAVI), "100"),
        ("D", OWN, Some(MEI), "101"),
        ("E", OWN, Some("100000000000001@lid"), "100"),
    ]);
    assert!(!waits(&arrivals, "A", MEI).await, "the first");
    assert!(waits(&arrivals, "B", OWN).await);
    assert!(!waits(&arrivals, "C", OWN).await, "another chat");
    assert!(!waits(&arrivals, "D", OWN).await, "a later second");
    assert!(waits(&arrivals, "E", OWN).await, "the LID may be Mei's");

    let answer = TaskTracker::new().spawn({
        let arrivals = Arc::clone(&arrivals);
        async move { arrivals.turn(&info("B", OWN)).await }
    });
    tokio::task::yield_now().await;
    assert!(!answer.is_finished());
    arrivals.settle(&info("A", MEI));
    timeout(WAIT_TIMEOUT / 2, answer).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_message_that_never_comes_is_waited_for_once_and_briefly() {
    let arrivals = arrived(&[("A", MEI, None, "100"), ("B", OWN, Some(MEI), "100"), ("C", OWN, Some(MEI), "100")]);
    timeout(WAIT_TIMEOUT + Duration::from_millis(1), arrivals.turn(&info("B", OWN))).await.unwrap();
    assert!(!waits(&arrivals, "C", OWN).await);
}

#[tokio::test(start_paused = true)]
async fn late_message_keeps_its_position() {
    let arrivals = arrived(&[("A", MEI, None, "100"), ("B", OWN, Some(MEI), "100")]);
    let number = |id, sender| arrivals.outstanding().number(&info(id, sender)).expect("a number");
    let first = number("A", MEI);
    arrivals.turn(&info("B", OWN)).await;
    assert_eq!(number("A", MEI), first);
    assert!(first < number("B", OWN));

    let message = InboundMessage::builder().message(Arc::default()).info(Arc::new(info("A", MEI))).build();
    let late = arrivals.in_order(&[message]);
    arrivals.may_come_again(&late);
    arrivals.stored(&late);
    assert!(arrivals.outstanding().reserved.is_empty(), "a stored message needs no position");
}

#[tokio::test(start_paused = true)]
async fn positions_of_messages_that_never_come_are_bounded() {
    let arrivals = MessageOrder::default();
    for number in 0..MAX_OUTSTANDING + 10 {
        arrivals.outstanding().reserve((number.to_string(), MEI.parse().unwrap()), 1);
    }
    assert!(arrivals.outstanding().reserved.len() <= MAX_OUTSTANDING);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_went_on_has_handled_what_came_before() {
    let arrivals = arrived(&[("A", MEI, None, "100"), ("B", MEI, None, "100"), ("C", OWN, Some(MEI), "100")]);
    arrivals.settle(&info("B", MEI));
    assert!(!waits(&arrivals, "C", OWN).await);
}

#[tokio::test(start_paused = true)]
async fn sequential_messages_do_not_wait_for_an_earlier_connection() {
    let arrivals = MessageOrder::default();
    arrivals.comes(&stanza("A", MEI, None, "100"));
    arrivals.comes(&stanza("B", OWN, Some(MEI), "100"));
    assert!(!waits(&arrivals, "B", OWN).await, "the offline queue has not been processed");
    arrivals.caught_up();
    assert!(waits(&arrivals, "B", OWN).await);
    arrivals.comes(&owned(NodeBuilder::new("success")));
    arrivals.comes(&stanza("B", OWN, Some(MEI), "100"));
    arrivals.caught_up();
    assert!(!waits(&arrivals, "B", OWN).await, "an earlier connection's message may not be delivered again");
}

#[test]
fn unhandled_messages_keep_their_position_on_reconnect() {
    let arrivals = arrived(&[("A", MEI, None, "100"), ("B", OWN, Some(MEI), "100"), ("C", MEI, None, "101")]);
    let number = |id, sender| arrivals.outstanding().number(&info(id, sender)).expect("a number");
    let (first, stored, last) = (number("A", MEI), number("B", OWN), number("C", MEI));
    arrivals.settle(&info("B", OWN));
    arrivals.comes(&owned(NodeBuilder::new("success")));
    for (id, second) in [("A", "100"), ("C", "101"), ("D", "101")] {
        arrivals.comes(&stanza(id, MEI, None, second));
    }
    assert_eq!((number("A", MEI), number("C", MEI)), (first, last));
    assert!(first < stored && stored < last && last < number("D", MEI));
}

#[test]
fn repeated_message_keeps_its_position() {
    let arrivals = arrived(&[("A", MEI, None, "100"), ("B", MEI, None, "100"), ("A", MEI, None, "100")]);
    let number = |id| arrivals.outstanding().number(&info(id, MEI)).expect("a number");
    assert!(number("A") < number("B"));
}

#[tokio::test(start_paused = true)]
async fn undecryptable_message_keeps_its_position_until_repeated() {
    let arrivals = arrived(&[("A", MEI, None, "100"), ("B", OWN, Some(MEI), "100")]);
    let number = |id, sender| arrivals.outstanding().number(&info(id, sender));
    let first = number("A", MEI).expect("a number");
    arrivals.is_unopened(&info("A", MEI));
    assert!(!waits(&arrivals, "B", OWN).await);
    arrivals.comes(&stanza("A", MEI, None, "100"));
    assert_eq!(number("A", MEI), Some(first));
}

#[test]
fn messages_stored_together_keep_the_order_of_the_wire() {
    let arrivals = arrived(&[("A", MEI, None, "100"), ("B", OWN, Some(MEI), "100"), ("C", MEI, None, "100")]);
    let message = |id, sender| {
        let message = Arc::new(Message::default());
        InboundMessage::builder().message(message).info(Arc::new(info(id, sender))).build()
    };
    let batch = [message("B", OWN), message("unseen", OWN), message("A", MEI), message("C", MEI)];
    let ids = arrivals.in_order(&batch);
    let numbers: Vec<_> = ids.iter().filter_map(|(_, number)| *number).collect();
    assert!(numbers.len() == 3 && numbers.is_sorted(), "{numbers:?}");
    let ids: Vec<_> = ids.into_iter().map(|(message, _)| message.info.id.clone()).collect();
    assert_eq!(ids, ["A", "B", "unseen", "C"]);
}
