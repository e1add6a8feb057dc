//! Requests of a client to the server: carried out, or rejected.

use std::collections::BTreeMap;

use chatgraph_sandbox::Sandbox;
use whatsapp_rust::{
    IqError,
    wacore::iq::privacy::{PrivacyCategory, PrivacyValue},
    wacore_binary::builder::NodeBuilder,
};

use crate::support::{ADA, BOB, Companion, account, jid, paired, soon};

/// Waits until one log entry has all these words.
async fn logged(sandbox: &Sandbox, words: &[&str]) {
    let seen = async {
        while !sandbox.log().iter().any(|entry| words.iter().all(|word| entry.text.contains(word))) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    soon(&format!("{words:?}"), seen).await;
}

async fn refused(companion: &Companion, kind: &'static str, namespace: &'static str, child: &'static str) -> u16 {
    let request = NodeBuilder::new("iq")
        .attr("id", format!("asked-{namespace}-{child}"))
        .attr("to", "s.whatsapp.net")
        .attr("type", kind)
        .attr("xmlns", namespace)
        .children([NodeBuilder::new(child).build()]);
    match soon("an answer", companion.client.send_iq_node(request.build(), None)).await {
        Err(IqError::ServerError { code, .. }) => code,
        other => panic!("{namespace} {child} was answered {:?}", other.map(drop)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unsupported_requests_are_rejected() {
    let (sandbox, phone, companion) = paired(account()).await;
    for (kind, namespace, child) in [
        ("set", "status", "status"),
        ("get", "w:mex", "query"),
        ("set", "disappearing_mode", "disappearing_mode"),
        ("set", "w:g2", "locked"),
        ("get", "w:g2", "invite"),
        ("set", "privacy", "something"),
        ("get", "something", "else"),
    ] {
        assert_eq!(refused(&companion, kind, namespace, child).await, 501, "{kind} {namespace} {child}");
    }
    assert!(companion.client.profile().set_status_text("At sea").await.is_err());
    // Every request that the client makes by itself is implemented.
    let unasked = |text: &str| text.contains("unsupported request") && !text.contains("something");
    let asked = ["status", "w:mex", "disappearing_mode", "w:g2"];
    let log = sandbox.log();
    let notes = log.iter().filter(|entry| unasked(&entry.text));
    let unasked: Vec<_> = notes.filter(|entry| !asked.iter().any(|name| entry.text.contains(name))).collect();
    assert!(unasked.is_empty(), "{unasked:?}");
    assert_eq!(phone.companions(), 1);
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn privacy_settings_are_stored_and_sent_to_the_other_companions() {
    let (sandbox, phone, companion) = paired(account()).await;
    let mut other = Companion::start(&sandbox).await;
    other.pair(&phone).await;
    let receipts = async |companion: &Companion| {
        let settings = companion.client.fetch_privacy_settings().await.unwrap().settings;
        settings.into_iter().find(|setting| setting.category == PrivacyCategory::ReadReceipts).unwrap().value
    };
    assert_eq!(receipts(&companion).await, PrivacyValue::All, "the default");

    companion.client.set_privacy_setting(PrivacyCategory::ReadReceipts, PrivacyValue::None).await.unwrap();
    assert_eq!(receipts(&other).await, PrivacyValue::None);
    assert_eq!(phone.privacy()["readreceipts"], "none");
    logged(&sandbox, &["account_sync", "readreceipts"]).await;
    let told = sandbox.log().into_iter().filter(|entry| entry.text.contains("account_sync"));
    assert!(told.into_iter().all(|entry| entry.device == Some(2)), "the client that made the change is not notified");

    let all = BTreeMap::from([("readreceipts".to_owned(), "all".to_owned())]);
    phone.set_privacy(&all).await.unwrap();
    assert_eq!(receipts(&companion).await, PrivacyValue::All);
    assert!(phone.set_privacy(&BTreeMap::from([("readreceipts".to_owned(), "some".to_owned())])).await.is_err());
    companion.stop().await;
    other.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_that_a_client_blocks_is_on_every_clients_list() {
    let (sandbox, phone, companion) = paired(account()).await;
    let mut other = Companion::start(&sandbox).await;
    other.pair(&phone).await;
    let lid = "200000000000002@lid";

    companion.client.blocking().block(&jid(lid)).await.unwrap();
    assert_eq!(phone.blocked(), [lid]);
    assert!(other.client.blocking().is_blocked(&jid(lid)).await.unwrap());
    logged(&sandbox, &["account_sync", "blocklist", "action=\"block\""]).await;

    // Servers reject a block by number alone.
    let item = NodeBuilder::new("item").attr("action", "block").attr("jid", BOB).build();
    let request = NodeBuilder::new("iq").attr("id", "by-number").attr("to", "s.whatsapp.net").attr("type", "set");
    let request = request.attr("xmlns", "blocklist").children([item]).build();
    let answer = companion.client.send_iq_node(request, None).await;
    assert!(matches!(answer, Err(IqError::ServerError { code: 400, .. })));

    other.client.blocking().unblock(&jid(lid)).await.unwrap();
    assert!(phone.blocked().is_empty());
    phone.block(ADA, true).await.unwrap();
    assert_eq!(companion.client.blocking().get_blocklist().await.unwrap().len(), 1);
    companion.stop().await;
    other.stop().await;
    sandbox.stop().await;
}
