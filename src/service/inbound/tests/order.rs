//! Tests of messages of one second, stored in any order and from any source. They are listed in WhatsApp's order, as
//! many are unread, and a deletion removes those up to the message that a phone names.

use super::*;
use crate::domain::page::{Direction, PageRequest};

/// All permutations of `count` items.
fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let all = permutations(count - 1).into_iter().flat_map(|rest| {
        (0..count).map(move |place| {
            let mut order = rest.clone();
            order.insert(place, count - 1);
            order
        })
    });
    all.collect()
}

#[tokio::test]
async fn reading_by_a_reply_is_independent_of_storage_order() {
    const AT: i64 = 5_000_000;
    // The owner answers the first of four.
    let sent = [("A", false), ("B", true), ("C", false), ("D", false)];
    for order in permutations(sent.len()) {
        let rig = Rig::new().await;
        for place in &order {
            let (wa_id, from_me) = sent[*place];
            let SessionEvent::Message(message) = rig.message(wa_id, from_me, AT) else { panic!("a message") };
            let number = i64::try_from(*place).expect("small") + 1_000_000;
            rig.receive(SessionEvent::Delivered { message, order: number }).await;
        }
        assert_eq!(rig.chat().await.unread_count, 2, "stored as {order:?}");
        let page = PageRequest { limit: 10, direction: Direction::Forward, cursor: None };
        let listed = rig.test.store.messages(&rig.test.organization, &[(rig.chat, page)]).await.expect("a read");
        let listed: Vec<_> = listed[0].items.iter().map(|message| message.wa_id.as_str()).collect();
        assert_eq!(listed, ["D", "C", "B", "A"], "stored as {order:?}");
    }
}

#[tokio::test]
async fn partial_clearing_removes_earlier_messages_of_its_last_second() {
    const AT: i64 = 5_000_000;
    for (deleted, named, left) in [(false, "B", vec!["C"]), (true, "B", vec!["C"]), (false, "C", vec![])] {
        let rig = Rig::new().await;
        for (place, wa_id) in ["A", "B", "C"].into_iter().enumerate() {
            let SessionEvent::Message(message) = rig.message(wa_id, false, AT) else { panic!("a message") };
            let order = i64::try_from(place).expect("small") + 1_000_000;
            rig.receive(SessionEvent::Delivered { message, order }).await;
        }
        let up_to = crate::domain::message_marker::MessageMarker { at: AT, wa_ids: vec![named.into()] };
        let chat = rig.jid.clone();
        rig.receive(SessionEvent::ChatCleared { chat, up_to, as_of: AT + 1, deleted }).await;
        let page = PageRequest { limit: 10, direction: Direction::Forward, cursor: None };
        let listed = rig.test.store.messages(&rig.test.organization, &[(rig.chat, page)]).await.expect("a read");
        let listed: Vec<_> = listed[0].items.iter().map(|message| message.wa_id.as_str()).collect();
        assert_eq!(listed, left, "up to {named}");
        assert_eq!(rig.chat().await.unread_count, u32::try_from(left.len()).expect("small"));
    }
}

/// The source from which a message becomes known first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A history that was imported before the live messages.
    Earlier,
    Live,
    /// A history that was imported after them.
    Later,
    /// The history of the next pairing.
    Last,
}

/// Imports the history of a chat.
async fn imports(rig: &Rig, mut messages: Vec<IncomingMessage>) {
    // The newest first.
    messages.reverse();
    let chats = vec![HistoryChat::with_messages(rig.jid.clone(), messages)];
    rig.receive(SessionEvent::History(HistoryChunk { chats, ..HistoryChunk::default() })).await;
}

#[tokio::test]
async fn imported_and_live_messages_of_a_second_keep_their_order() {
    use Source::{Earlier, Last, Later, Live};
    const SOURCES: [Source; 4] = [Earlier, Live, Later, Last];
    let rig = Rig::new().await;
    let mut sent = Vec::new();
    // Four messages a second, with all combinations of sources.
    for second in 0..256_usize {
        for place in 0..4_usize {
            let source = SOURCES[second / 4_usize.pow(u32::try_from(place).expect("small")) % 4];
            let at = 1_000_000 + 1_000 * i64::try_from(second).expect("small");
            let wa_id = format!("{second} {place} {source:?}");
            let SessionEvent::Message(message) = rig.message(&wa_id, place == 1, at) else { panic!("a message") };
            sent.push((source, message));
        }
    }
    let of = |sources: &[Source]| -> Vec<IncomingMessage> {
        let of = sent.iter().filter(|(source, _)| sources.contains(source));
        of.map(|(_, message)| message.clone()).collect()
    };
    imports(&rig, of(&[Earlier])).await;
    for (order, message) in (2_000_000..).zip(of(&[Live])) {
        rig.receive(SessionEvent::Delivered { message, order }).await;
    }
    imports(&rig, of(&[Earlier, Live, Later])).await;
    imports(&rig, of(&SOURCES)).await;

    let page = PageRequest { limit: 2_000, direction: Direction::Forward, cursor: None };
    let listed = rig.test.store.messages(&rig.test.organization, &[(rig.chat, page)]).await.expect("a read");
    let listed: Vec<_> = listed[0].items.iter().rev().map(|message| message.wa_id.as_str()).collect();
    // A live message follows those of an earlier history, which does not show the order of the two.
    let is_possible = |second: &&[(Source, IncomingMessage)]| {
        let first_live = second.iter().position(|(source, _)| *source == Live).unwrap_or(second.len());
        second[first_live..].iter().all(|(source, _)| *source != Earlier)
    };
    let possible = sent.chunks(4).filter(is_possible).flatten().map(|(_, message)| message.wa_id.as_str());
    let possible: Vec<_> = possible.collect();
    let listed: Vec<_> = listed.into_iter().filter(|wa_id| possible.contains(wa_id)).collect();
    assert_eq!(listed, possible);
}
