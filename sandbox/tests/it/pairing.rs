use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chatgraph_sandbox::{AccountSpec, Config, Error, Sandbox};
use whatsapp_rust::prelude::Event;

use crate::support::{Companion, OWNER, account, paired, sandbox, soon};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_pairs_by_qr_and_connects() {
    let sandbox = sandbox().await;
    let phone = sandbox.create_account(account()).unwrap();
    let mut companion = Companion::start(&sandbox).await;
    let code = companion.qr().await;

    let start = Instant::now();
    phone.scan(&code).await.unwrap();
    let paired_as = companion.next("PairSuccess", |event| match event {
        Event::PairSuccess(success) => Some(success.id.to_string()),
        _ => None,
    });
    assert_eq!(paired_as.await, format!("{OWNER}:1@s.whatsapp.net"));
    companion.connected().await;
    soon("the first sync", phone.connected()).await.unwrap();
    println!("from scan to connected: {:?}", start.elapsed());

    assert_eq!(phone.companions(), 1);
    let uploads = sandbox.log().into_iter().filter(|entry| entry.text.contains("<registration>"));
    assert_eq!(uploads.count(), 1, "the keys are uploaded once");
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_trusts_another_key_is_refused() {
    let sandbox = sandbox().await;
    let phone = sandbox.create_account(account()).unwrap();
    let other = BASE64_URL_SAFE_NO_PAD.encode([9; 32]);
    let companion = Companion::trusting(&sandbox, &other).await;

    let refused = async {
        while !sandbox.log().iter().any(|entry| entry.text.starts_with("refused")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the refusal", refused).await;

    assert!(!companion.has_shown_a_code());
    assert_eq!(phone.companions(), 0);
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_code_that_nobody_shows_is_unknown() {
    let sandbox = sandbox().await;
    let phone = sandbox.create_account(account()).unwrap();
    let key = base64::prelude::BASE64_STANDARD.encode([1; 32]);

    assert!(matches!(phone.scan("hello").await, Err(Error::InvalidQr(_))));
    let scanned = phone.scan(&format!("2@nobody,{key},{key},{key},9")).await;
    assert!(matches!(scanned, Err(Error::UnknownQr)));
    sandbox.stop().await;
}

#[tokio::test]
async fn the_key_stays_with_the_secret() {
    let key = async |secret: &str| {
        let config = Config { secret: secret.to_owned(), ..Config::default() };
        let sandbox = Sandbox::start(config).await.unwrap();
        let key = sandbox.key();
        sandbox.stop().await;
        key
    };
    assert_eq!(key("one").await, key("one").await);
    assert_ne!(key("one").await, key("two").await);
}

#[tokio::test]
async fn only_loopback_is_served() {
    let config = Config { listen: "0.0.0.0:0".parse().unwrap(), ..Config::default() };
    assert!(matches!(Sandbox::start(config).await, Err(Error::NotLoopback(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_accounts_are_served_at_once() {
    let (sandbox, first, mut one) = paired(account()).await;
    let spec = AccountSpec { phone: "15550100009".to_owned(), name: "Second".to_owned(), ..AccountSpec::default() };
    let second = sandbox.create_account(spec).unwrap();
    let mut two = Companion::start(&sandbox).await;
    two.pair(&second).await;

    second.receive("15550100002", "15550100002@s.whatsapp.net", "to the second").await.unwrap();
    assert_eq!(two.text().await.2, "to the second");
    first.receive("15550100002", "15550100002@s.whatsapp.net", "to the first").await.unwrap();
    assert_eq!(one.text().await.2, "to the first");

    assert_eq!((first.companions(), second.companions()), (1, 1));
    one.stop().await;
    two.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_ends_connections_and_tasks() {
    let (sandbox, _, companion) = paired(account()).await;
    soon("the end", sandbox.stop()).await;
    assert!(std::net::TcpStream::connect(sandbox.url().trim_start_matches("http://")).is_err());
    companion.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unlinked_companion_is_told_and_refused() {
    let (sandbox, phone, mut companion) = paired(account()).await;

    assert_eq!(phone.unlink().await, 1);

    let told = |event: &Event| match event {
        Event::LoggedOut(logout) => Some(logout.on_connect),
        _ => None,
    };
    assert!(!companion.next("LoggedOut", told).await);
    let mut companion = Companion::resume(&sandbox, companion.stop().await).await;
    assert!(companion.next("LoggedOut", told).await);
    assert_eq!(phone.companions(), 0);
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_companion_that_logs_out_is_forgotten() {
    let (sandbox, phone, companion) = paired(account()).await;
    companion.client.logout().await;
    assert_eq!(phone.companions(), 0);
    companion.stop().await;
    sandbox.stop().await;
}
