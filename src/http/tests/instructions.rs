//! Work whose instructions `scripts/instructions` counts.
//!
//! Valgrind counts those of a whole process. The script therefore runs each piece of work twice, with different numbers
//! of repetitions, and divides the difference.

use std::fmt::Write as _;

use async_graphql::Request;
use futures_util::future::join_all;
use serde_json::json;

use super::{
    fan_out::{Reader, archive, request},
    rendering,
    response_cache::Polled,
};
use crate::{domain::setting::SettingValue, graphql};

const CHATS: usize = 50;
const SUBSCRIBERS: usize = 1_000;
const PAGE: &str = "{ chats(first: 50) { nodes { id jid name type archived pinned unreadCount lastMessageAt muted revision } \
                    pageInfo { endCursor hasNextPage } } }";
const CHANGES: &str = "subscription { chatChanges { cursor change { cid chat { name archived unreadCount } } } }";

/// Runs `CHATGRAPH_TEST_WORK` for `CHATGRAPH_TEST_REPETITIONS` times.
#[tokio::test]
#[ignore = "scripts/instructions runs it in valgrind"]
async fn work() {
    let repetitions = variable("CHATGRAPH_TEST_REPETITIONS").parse().expect("a number");
    match variable("CHATGRAPH_TEST_WORK").as_str() {
        "page" => execute(repetitions, |_| PAGE.to_owned()).await,
        "known_document" => execute(repetitions, |_| document(0)).await,
        "new_document" => execute(repetitions, document).await,
        "change" => apply_changes(repetitions).await,
        "event" => share_events(repetitions).await,
        other => panic!("no work {other}"),
    }
}

#[expect(clippy::disallowed_methods, reason = "only this test reads these variables")]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is missing"))
}

/// Executes a query after another, and writes each response as text.
async fn execute(repetitions: usize, query: impl Fn(usize) -> String) {
    let (rig, caller, _) = Box::pin(rendering::start()).await;
    rig.changes(CHATS).await;
    for repetition in 0..repetitions {
        let response = rig.api.execute(&caller, Request::new(query(repetition))).await;
        assert!(response.errors.is_empty(), "{response:?}");
        assert!(graphql::json(&response).starts_with("{\"data\""));
    }
}

/// A document of some size that executes next to nothing; each number is another one.
fn document(number: usize) -> String {
    let mut document = format!("query Document{number} {{ __typename");
    for field in 0..10 {
        let chat = "chats(first: 1) @skip(if: true) { nodes { id jid name lastMessage { id text } } }";
        let _ = write!(document, " alias{field}: {chat}");
    }
    document + " }"
}

/// Applies a setting that the phone changes.
async fn apply_changes(repetitions: usize) {
    let polled = Polled::start().await;
    for repetition in 0..repetitions {
        let value = SettingValue::Archived(repetition.is_multiple_of(2));
        polled.receive(polled.setting(value, 20_000 + i64::try_from(repetition).expect("few"))).await;
    }
}

/// Delivers a change to all subscribers as text.
async fn share_events(repetitions: usize) {
    let (rig, caller, chat) = Box::pin(rendering::start()).await;
    let subscribing = (0..SUBSCRIBERS).map(|_| Reader::sharing(&rig, &caller, request(CHANGES, json!({}))));
    let mut readers = join_all(subscribing).await;
    for repetition in 0..repetitions {
        archive(&rig, &caller, &chat, repetition.is_multiple_of(2)).await;
        join_all(readers.iter_mut().map(Reader::text)).await;
    }
}
