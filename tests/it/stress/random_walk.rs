//! Random walks on several sessions: owners, contacts and API clients act while connections break, and requests are
//! delayed, conflict, are rejected or get inconsistent answers. Phones also create new keys. In the end the stored copy
//! matches every phone, and a subscriber received every change once and in order.

use std::time::{Duration, Instant};

use chatgraph::{clock::SystemClock, domain::clock::Clock as _};
use chatgraph_sandbox::{Fault, FaultKind, On, Part, Phone, When};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::{log::Log, random::Random, subscriber::Listener};
use crate::support::{BOOKS, START_SESSION, STOP_SESSION, TestServer, UPDATE_CHAT, account};

/// Number of steps in a walk, unless `CHATGRAPH_TEST_STEPS` is set.
const STEPS: u64 = 400;
/// Default seed: a walk that ends without a difference (decision 22).
const SEED: u64 = 1;
/// Time limit until all parties agree: rejected requests and broken connections are retried after pauses.
const CATCHING_UP: Duration = Duration::from_mins(1);
const CHATS: [&str; 3] = ["15550111@s.whatsapp.net", "15550112@s.whatsapp.net", BOOKS];
const CONTACTS: [&str; 2] = ["15550111", "15550112"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_phones_and_stored_copy_agree_in_the_end() {
    let mut random = Random::from_seed_or(SEED);
    let server = TestServer::unlimited().await;
    let other = server.sandbox.create_account(account("15550200", "Sam Sample")).expect("an account");
    // Two sessions of one account, and one of another account.
    let phones = [server.phone().clone(), server.phone().clone(), other];
    let mut sessions = vec![server.session.clone()];
    for phone in &phones[1..] {
        sessions.push(server.pair(phone).await);
    }
    let before = Log::read(server.database()).await.len();
    let cursor = server.query("{ chats(sessionId: null, first: 1) { changeCursor } }").await;
    let cursor = cursor["data"]["chats"]["changeCursor"].as_str().expect("a cursor").to_owned();
    let (_moved, address) = watch::channel(server.url.clone());
    let listener = Listener::start(&TaskTracker::new(), &server.key, address, &cursor);

    let began = Instant::now();
    for step in 0..steps_or(STEPS) {
        let at = usize::try_from(random.below(3)).expect("small");
        let (phone, session) = (&phones[at], &sessions[at]);
        let done = match random.below(20) {
            0..8 => act(phone, &mut random).await,
            // Of two sessions of one account, neither marks chats as unread: a replay does not show if a chat was read
            // before.
            8..16 => ask(&server, session, at == 2, &mut random).await,
            16 => fail(&server, phone, &mut random).await,
            17 => {
                phone.cut().await;
                "the connections break".to_owned()
            }
            18 => start_or_stop(&server, session, STOP_SESSION).await,
            _ => start_or_stop(&server, session, START_SESSION).await,
        };
        println!("{step} {:?} session {at}: {done}", began.elapsed());
        tokio::time::sleep(Duration::from_millis(random.below(30))).await;
    }
    // Each remaining fault breaks one more connection, and the client's reconnect delay grows with each loss.
    server.sandbox.forget_faults();
    for session in &sessions {
        start_or_stop(&server, session, STOP_SESSION).await;
        start_or_stop(&server, session, START_SESSION).await;
    }
    for (session, phone) in sessions.iter().zip(&phones) {
        server.assert_session_in_sync_within(session, phone, CATCHING_UP).await;
    }
    let log = Log::read(server.database()).await;
    log.has_no_gap();
    let told = log.after(before);
    assert_eq!(
        listener.stop_after(told.len()).await[..told.len()],
        told,
        "the subscriber did not receive each change once and in order"
    );
}

/// Number of steps: `CHATGRAPH_TEST_STEPS`, or `steps` if it is unset.
#[expect(clippy::disallowed_methods, reason = "only these tests read it")]
pub(super) fn steps_or(steps: u64) -> u64 {
    std::env::var("CHATGRAPH_TEST_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(steps)
}

/// Makes the owner act on the phone, or a contact write.
async fn act(phone: &Phone, random: &mut Random) -> String {
    let chat = CHATS[usize::try_from(random.below(3)).expect("small")];
    let on = random.below(2) == 0;
    let done = match random.below(7) {
        0 => {
            let on = on && chat != BOOKS;
            phone.archive(chat, on).await.map(|()| format!("archives {chat}: {on}"))
        }
        // A pin unarchives a chat silently: a full replay of settings has only the archive setting.
        1 if is_archived(phone, chat) => phone.archive(chat, false).await.map(|()| format!("archives {chat}: false")),
        1 => phone.pin(chat, on).await.map(|()| format!("pins {chat}: {on}")),
        2 => {
            let until = some_mute(random);
            phone.mute(chat, until).await.map(|()| format!("mutes {chat} until {until:?}"))
        }
        3 => {
            // A phone offers only one of both: mark as unread if the chat is read, mark as read if it is unread.
            let shown = phone.chats().into_iter().find(|view| view.jid == chat).expect("a chat");
            let read = shown.unread_count > 0 || shown.marked_unread;
            phone.mark_read(chat, read).await.map(|()| format!("marks {chat} as read: {read}"))
        }
        _ => {
            let contact = CONTACTS[usize::try_from(random.below(2)).expect("small")];
            let chat = format!("{contact}@s.whatsapp.net");
            phone.receive(contact, &chat, "A line").await.map(|_| format!("{contact} writes"))
        }
    };
    format!("the owner {}", done.expect("done"))
}

fn is_archived(phone: &Phone, chat: &str) -> bool {
    phone.chats().iter().any(|view| view.jid == chat && view.archived)
}

/// Changes a chat through the API.
async fn ask(server: &TestServer, session: &str, marks: bool, random: &mut Random) -> String {
    let chat = CHATS[usize::try_from(random.below(3)).expect("small")];
    let on = random.below(2) == 0;
    let wish = match random.below(4) {
        0 => json!({"archived": on}),
        // If the owner archives a chat while a pin is pending, the pin silently unarchives it. So API clients pin only
        // the group, and the owner does not archive it.
        1 => json!({"pinned": on && chat == BOOKS}),
        2 => json!({"mutedUntil": some_mute(random)}),
        _ => json!({"read": on || !marks}),
    };
    let mut input = json!({"sessionId": session, "cid": chat});
    input.as_object_mut().expect("an object").extend(wish.as_object().expect("an object").clone());
    let answer = server.query_with(UPDATE_CHAT, json!({"input": input})).await;
    assert_eq!(answer["errors"], Value::Null, "{answer}");
    format!("a client requests {wish} for {chat}")
}

/// Makes some request of a phone's companions fail, or changes the key that its answer is encrypted with.
async fn fail(server: &TestServer, phone: &Phone, random: &mut Random) -> String {
    let times = u32::try_from(1 + random.below(4)).expect("small");
    let fault = |kind| Fault { times, phone: Some(phone.number().to_owned()), ..Fault::once(kind) };
    let on = Some(if random.below(2) == 0 { On::Upload } else { On::Fetch });
    let fault = match random.below(9) {
        0 => fault(FaultKind::Conflict),
        1 => Fault { on, ms: Some(random.below(300)), ..fault(FaultKind::Delay) },
        2 => Fault { on, ..fault(FaultKind::Refuse) },
        3 => Fault { on, ..fault(FaultKind::Cut) },
        4 => Fault { on, when: Some(When::During), ..fault(FaultKind::Cut) },
        5 => Fault { when: Some(When::After), ..fault(FaultKind::Cut) },
        6 => Fault { part: Some(Part::Patch), ..fault(FaultKind::Lthash) },
        7 => Fault { part: Some(Part::Snapshot), ..fault(FaultKind::Lthash) },
        _ => {
            phone.renew_key(true).await.expect("renewed");
            return "the phone makes another key".to_owned();
        }
    };
    assert_eq!(fault.invalid_combination(), None, "{fault:?}");
    let told = format!("{times} requests will meet {fault:?}");
    server.sandbox.inject(fault);
    told
}

async fn start_or_stop(server: &TestServer, session: &str, act: &str) -> String {
    let mut answer = server.query_with(act, json!({"id": session})).await;
    // Session starts are limited to a few a minute.
    while let Some(pause_ms) = answer["errors"][0]["extensions"]["retryAfterMs"].as_u64() {
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        answer = server.query_with(act, json!({"id": session})).await;
    }
    assert_eq!(answer["errors"], Value::Null, "{answer}");
    act.to_owned()
}

/// Returns no mute, a mute without end, or a mute with an end.
fn some_mute(random: &mut Random) -> Option<i64> {
    match random.below(3) {
        0 => None,
        1 => Some(crate::support::FOREVER),
        // WhatsApp's clients store whole seconds.
        _ => Some((SystemClock.now() / 1000 + 86_400 + i64::try_from(random.below(1_000)).expect("small")) * 1000),
    }
}
