use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chatgraph_sandbox::{AccountSpec, Config, Direction, DisconnectReason, Error, Sandbox};
use whatsapp_rust::{pair_code::PairCodeOptions, prelude::Event};

use crate::support::{ADA, BOB, Companion, OWNER, account, jid, paired, sandbox, shown, soon};

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
    let uploads = sandbox
        .log()
        .into_iter()
        .filter(|entry| entry.direction == Direction::Received && entry.text.contains("<registration>"));
    assert_eq!(uploads.count(), 1, "the keys are uploaded once");
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_trusts_another_key_is_rejected() {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_rejects_the_certificate_of_an_unknown_sandbox() {
    let sandbox = sandbox().await;
    let companion = Companion::without_trust(&sandbox).await;

    let refused = async {
        while !sandbox.log().iter().any(|entry| entry.text.starts_with("rejected by a client")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the refusal", refused).await;

    assert!(!sandbox.log().iter().any(|entry| entry.text.contains("accepted a certificate")));
    assert!(!companion.has_shown_a_code());
    companion.stop().await;
    sandbox.stop().await;
}

/// Returns the pairing code that a client shows for the owner's phone.
async fn code_of(companion: &Companion) -> String {
    let options = PairCodeOptions { phone_number: OWNER.to_owned(), ..PairCodeOptions::default() };
    companion.client.pair_with_code(options).await.expect("a code")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_pairs_by_a_code_entered_on_the_phone() {
    let sandbox = sandbox().await;
    let phone = sandbox.create_account(account()).unwrap();
    let mut companion = Companion::start(&sandbox).await;
    companion.qr().await;
    let code = code_of(&companion).await;

    let typed = format!("{}-{}", &code[..4], &code[4..]).to_lowercase();
    phone.enter(&typed).await.unwrap();

    companion.connected().await;
    soon("the first sync", phone.connected()).await.unwrap();
    assert_eq!(phone.devices(), [1]);
    assert!(matches!(phone.enter(&code).await, Err(Error::UnknownCode)), "a code is invalid after its first use");
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_code_does_not_pair() {
    let sandbox = sandbox().await;
    let phone = sandbox.create_account(account()).unwrap();
    assert!(matches!(phone.enter("12345O78").await, Err(Error::InvalidCode)));
    assert!(matches!(phone.enter("ABCDEFGH").await, Err(Error::UnknownCode)));
    let mut companion = Companion::start(&sandbox).await;
    companion.qr().await;
    code_of(&companion).await;

    assert!(matches!(phone.enter("ABCDEFGH").await, Err(Error::WrongCode)));

    assert_eq!(phone.companions(), 0);
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_without_a_phone_gets_no_code() {
    let sandbox = sandbox().await;
    let mut companion = Companion::start(&sandbox).await;
    companion.qr().await;
    let options = PairCodeOptions { phone_number: "15550100042".to_owned(), ..PairCodeOptions::default() };
    let refused = companion.client.pair_with_code(options).await.unwrap_err();
    assert!(refused.to_string().contains("bad-request"), "{refused}");
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_companions_see_each_other_and_are_unlinked_separately() {
    let (sandbox, phone, mut one) = paired(account()).await;
    let mut two = Companion::start(&sandbox).await;
    two.pair(&phone).await;
    assert_eq!(phone.devices(), [1, 2]);

    one.client.chat_actions().pin_chat(&jid(BOB)).await.unwrap();
    let pinned = |event: &Event| match event {
        Event::PinUpdate(update) if update.jid == jid(BOB) => update.action.pinned,
        _ => None,
    };
    assert!(two.next("the other's pin", pinned).await);
    assert!(shown(&phone, BOB).pinned);
    phone.receive("15550100002", ADA, "to both").await.unwrap();
    assert_eq!((one.text().await.2, two.text().await.2), ("to both".to_owned(), "to both".to_owned()));

    phone.unlink_device(1).await.unwrap();
    one.next("LoggedOut", |event| matches!(event, Event::LoggedOut(_)).then_some(())).await;
    assert!(matches!(phone.unlink_device(1).await, Err(Error::UnknownCompanion(1))));
    assert_eq!(phone.devices(), [2]);
    phone.receive("15550100002", ADA, "to one").await.unwrap();
    assert_eq!(two.text().await.2, "to one");
    one.stop().await;
    two.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_companion_is_sent_away_as_it_was_asked_for() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    assert!(matches!(phone.end(Some(9), DisconnectReason::Dropped), Err(Error::UnknownCompanion(9))));

    phone.end(None, DisconnectReason::Dropped).unwrap();
    companion.connected().await;

    let told = |event: &Event| match event {
        Event::StreamReplaced(_) => Some("replaced".to_owned()),
        Event::TemporaryBan(ban) if (1..=7_200).contains(&ban.expire.num_seconds()) => Some("banned".to_owned()),
        Event::ClientOutdated(_) => Some("outdated".to_owned()),
        Event::ConnectFailure(failure) => Some(format!("{:?}", failure.reason)),
        _ => None,
    };
    let endings = [
        (DisconnectReason::Replaced, "replaced"),
        (DisconnectReason::Outdated, "outdated"),
        (DisconnectReason::Refused, "Generic"),
        (DisconnectReason::Banned { seconds: 7_200 }, "banned"),
    ];
    for (ending, expected) in endings {
        phone.end(Some(1), ending).unwrap();
        assert_eq!(companion.next(expected, told).await, expected);
        let store = companion.stop().await;
        companion = Companion::resume(&sandbox, store).await;
        // A ban continues; all other endings happen once.
        if !matches!(ending, DisconnectReason::Banned { .. }) {
            companion.connected().await;
        }
    }
    assert_eq!(companion.next("the ban", told).await, "banned");
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_code_that_is_not_shown_is_unknown() {
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
async fn an_unlinked_companion_is_notified_and_rejected() {
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
