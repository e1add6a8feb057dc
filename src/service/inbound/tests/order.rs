//! Tests of messages of one second, stored in any order. They are listed in WhatsApp's order, as many are unread, and a
//! deletion removes those up to the message that a phone names.

use super::*;
use crate::domain::page::Direction;
use crate::domain::page::PageRequest;

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
async fn what_an_answer_has_read_does_not_depend_on_which_was_stored_first() {
    const AT: i64 = 5_000_000;
    // The owner answers the first of four.
    let sent = [("A", false), ("B", true), ("C", false), ("D", false)];
    for order in permutations(sent.len()) {
        let rig = Rig::new().await;
        for place in &order {
            let (wa_id, from_me) = sent[*place];
            let SessionEvent::Message(message) = rig.message(wa_id, from_me, AT) else { panic!("a message") };
            let number = i64::try_from(*place).expect("small") + 1_000_000;
            rig.hears(SessionEvent::Delivered { message, order: number }).await;
        }
        assert_eq!(rig.chat().await.unread_count, 2, "stored as {order:?}");
        let page = PageRequest { limit: 10, direction: Direction::Forward, cursor: None };
        let listed = rig.test.store.messages(&rig.test.organization, &[(rig.chat, page)]).await.expect("a read");
        let listed: Vec<_> = listed[0].items.iter().map(|message| message.wa_id.as_str()).collect();
        assert_eq!(listed, ["D", "C", "B", "A"], "stored as {order:?}");
    }
}

#[tokio::test]
async fn a_chat_that_is_emptied_up_to_a_message_loses_what_was_sent_before_it_in_its_second() {
    const AT: i64 = 5_000_000;
    for (deleted, named, left) in [(false, "B", vec!["C"]), (true, "B", vec!["C"]), (false, "C", vec![])] {
        let rig = Rig::new().await;
        for (place, wa_id) in ["A", "B", "C"].into_iter().enumerate() {
            let SessionEvent::Message(message) = rig.message(wa_id, false, AT) else { panic!("a message") };
            let order = i64::try_from(place).expect("small") + 1_000_000;
            rig.hears(SessionEvent::Delivered { message, order }).await;
        }
        let up_to = crate::domain::message_marker::MessageMarker { at: AT, wa_ids: vec![named.into()] };
        let chat = rig.jid.clone();
        rig.hears(SessionEvent::ChatCleared { chat, up_to, as_of: AT + 1, deleted }).await;
        let page = PageRequest { limit: 10, direction: Direction::Forward, cursor: None };
        let listed = rig.test.store.messages(&rig.test.organization, &[(rig.chat, page)]).await.expect("a read");
        let listed: Vec<_> = listed[0].items.iter().map(|message| message.wa_id.as_str()).collect();
        assert_eq!(listed, left, "up to {named}");
        assert_eq!(rig.chat().await.unread_count, u32::try_from(left.len()).expect("small"));
    }
}
