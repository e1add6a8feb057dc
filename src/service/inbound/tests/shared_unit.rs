//! Messages that wait together share a unit, and one that cannot be stored is isolated from the others.

use super::*;
use crate::store::tests::on_postgres;

impl Rig {
    /// Puts messages with these texts into the queue before the worker runs, and waits until all are processed.
    async fn receive_at_once(&self, texts: &[&str]) {
        let mut waiting = Vec::new();
        for (place, text) in texts.iter().enumerate() {
            let SessionEvent::Message(mut message) = self.message(&format!("3EB{place}"), false, 10_000) else {
                unreachable!("a message")
            };
            message.text = Some((*text).to_owned());
            let (committed, stored) = tokio::sync::oneshot::channel();
            let event = SessionEvent::Delivered { message, order: i64::try_from(place).expect("few") + 1 };
            self.sender.try_send(InboundEvent { event, committed: Some(committed) }).expect("space in the queue");
            waiting.push(stored);
        }
        for stored in waiting {
            stored.await.expect("acknowledged");
        }
    }

    async fn texts(&self) -> Vec<String> {
        use crate::domain::page::{Direction, PageRequest};
        let (organization, pages) = (
            &self.test.organization,
            [(self.chat, PageRequest { limit: 50, direction: Direction::Forward, cursor: None })],
        );
        let pages = self.test.store.messages(organization, &pages).await.expect("a read");
        pages[0].items.iter().rev().filter_map(|message| message.text.clone()).collect()
    }
}

#[tokio::test]
async fn messages_that_wait_together_are_one_commit_in_their_order() {
    let rig = Rig::new().await;
    let texts = ["A", "B", "C", "D", "E"];
    // Commits are counted in SQLite's write-ahead log.
    if on_postgres() {
        rig.receive_at_once(&texts).await;
    } else {
        assert_eq!(rig.test.commits(rig.receive_at_once(&texts)).await, 1);
    }
    assert_eq!(rig.texts().await, texts);
    let counts: Vec<_> = rig.changes().await.iter().map(|change| change.state.unread_count).collect();
    assert_eq!(counts, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_message_that_cannot_be_stored_does_not_reach_the_others_of_its_unit() {
    let rig = Rig::new().await;
    rig.execute("CREATE UNIQUE INDEX only_one_bad ON message (text) WHERE text = 'bad'").await;
    rig.receive_at_once(&["A", "bad", "C", "bad", "E"]).await;
    assert_eq!(rig.texts().await, ["A", "bad", "C", "E"]);
    assert_eq!(rig.chat().await.unread_count, 4);
    let kept = rig.test.store.quarantined_events(None, None, None).await.expect("a read");
    let [kept] = &*kept else { panic!("one event: {kept:?}") };
    assert_eq!((kept.kind.as_str(), kept.attempts), ("message", MAX_ATTEMPTS));
}
