//! Cost of subscribers: a thousand idle WebSockets, a thousand that receive every change of one organization, and one
//! that stopped reading; and the guard's cost for a page. The floor is a program that only writes the same messages
//! (`broadcast`).

use std::{
    error::Error,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use async_graphql_value::Variables;
use chatgraph_benches::{
    client::{Changes, Client},
    data, percentiles,
    program::Program,
};
use futures_util::future::try_join_all;
use graphql_guard::{Guard, Limits, Schema};
use serde_json::json;

const LISTENERS: usize = 1_000;
const CHANGES: usize = 100;
/// Changes that a client that does not read leaves unread.
const UNREAD: usize = 3_000;
const TIMES: u32 = 20_000;

const PAGE: &str = "query($s: ID!) { chats(sessionId: $s, first: 50) { nodes { id jid name archived pinned muted \
                    mutedUntil unreadCount markedUnread lastMessageAt } pageInfo { hasNextPage } } }";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    guard()?;
    let folder = tempfile::tempdir()?;
    let database = format!("sqlite:{}", folder.path().join("chatgraph.db").display());
    let store = data::open(&database).await?;
    let session = data::add_session(&store).await?;
    data::add_chats(&store, session, 200).await?;
    drop(store);
    let key = std::process::Command::new(std::env::current_exe()?.with_file_name("chatgraph"))
        .args(["key", "create", "--organization", data::ORGANIZATION, "--permission", "read,send,manage,events"])
        .args(["--database", &database])
        .output()?;
    let key = String::from_utf8(key.stdout)?.trim().to_owned();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--database", &database];
    let unlimited = [
        "--rate-limit-cost-per-minute",
        "0",
        "--max-connections",
        "5000",
        "--max-connections-per-address",
        "5000",
        "--max-sockets-per-organization",
        "5000",
    ];
    let serve = [&serve[..], &unlimited].concat();
    let (server, ready) = Program::start("chatgraph", &serve, |line| line["fields"]["message"] == "Serving")?;
    let address = ready["fields"]["address"].as_str().ok_or("no address")?;
    let client = Client::new(format!("http://{address}/graphql"), key, String::new());
    // The first ones include the server's own growth.
    update(&client, UNREAD).await?;

    let mut listeners = connect(&client, &server).await?;
    let cpu = server.cpu_ms()?;
    update(&client, CHANGES).await?;
    let updates = server.cpu_ms()? - cpu;
    let before = server.resident_mib()?;
    for listener in &mut listeners {
        listener.follow().await?;
    }
    println!("its subscription in addition, of {LISTENERS}: {:.1} KiB", kib_each(before, server.resident_mib()?));
    deliver(&server, &mut listeners, async |count| update(&client, count).await, updates).await?;
    drop(listeners);
    // Last, since the memory that it leaves behind would be used for the sockets.
    let before = server.resident_mib()?;
    let stalled = client.subscribe().await?;
    update(&client, UNREAD).await?;
    let grown = server.resident_mib()? - before;
    println!("one who reads nothing of {UNREAD} changes: {grown:.2} MiB, what carrying them out left behind included");
    drop((stalled, server));
    floor().await
}

/// The same with the program that only writes the messages.
async fn floor() -> Result<(), Box<dyn Error>> {
    let (server, ready) = Program::start("broadcast", &[], |line| line["address"].is_string())?;
    let address = ready["address"].as_str().ok_or("no address")?;
    println!("the floor:");
    let client = Client::new(format!("http://{address}/graphql"), String::new(), String::new());
    let mut listeners = connect(&client, &server).await?;
    for listener in &mut listeners {
        listener.follow().await?;
    }
    let sender = tokio::sync::Mutex::new(client.connect().await?);
    deliver(&server, &mut listeners, async |count| sender.lock().await.broadcast(count).await, 0).await
}

/// Opens idle WebSockets.
async fn connect(client: &Client, server: &Program) -> Result<Vec<Changes>, Box<dyn Error>> {
    let before = server.resident_mib()?;
    let mut listeners = Vec::new();
    for _ in 0..LISTENERS {
        listeners.push(client.connect().await?);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    println!("an idle socket, of {LISTENERS}: {:.1} KiB", kib_each(before, server.resident_mib()?));
    Ok(listeners)
}

/// Delivers every change to every subscriber; the time ends with the last delivery. Making the changes alone takes
/// `changes_ms` of CPU.
async fn deliver(
    server: &Program,
    listeners: &mut [Changes],
    change: impl AsyncFn(usize) -> Result<(), Box<dyn Error>>,
    changes_ms: u64,
) -> Result<(), Box<dyn Error>> {
    let (cpu, began) = (server.cpu_ms()?, Instant::now());
    let (changed, heard) = tokio::join!(change(CHANGES), try_join_all(listeners.iter_mut().map(receive_all)));
    changed?;
    heard?;
    let (took, cpu) = (began.elapsed(), server.cpu_ms()? - cpu);
    let deliveries = u32::try_from(LISTENERS * CHANGES)?;
    let each = |cpu_ms: u64| u32::try_from(cpu_ms).map(|cpu_ms| f64::from(cpu_ms) * 1_000.0 / f64::from(deliveries));
    println!(
        "{CHANGES} changes to {LISTENERS} subscribers: {:.0} deliveries a second, {:.1} µs of CPU each, {:.1} µs \
         without the changes themselves",
        f64::from(deliveries) / took.as_secs_f64(),
        each(cpu)?,
        each(cpu.saturating_sub(changes_ms))?
    );
    let mut times = Vec::new();
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let began = Instant::now();
        change(1).await?;
        try_join_all(listeners.iter_mut().map(|listener| listener.until("API"))).await?;
        times.push(began.elapsed());
    }
    println!(
        "one change now and then, from the request until the last of {LISTENERS} has it: {}",
        percentiles(&mut times)
    );
    Ok(())
}

async fn receive_all(listener: &mut Changes) -> Result<(), Box<dyn Error>> {
    for _ in 0..CHANGES {
        listener.until("API").await?;
    }
    Ok(())
}

/// Makes this number of changes in sequence.
async fn update(client: &Client, count: usize) -> Result<(), Box<dyn Error>> {
    let update = "mutation($input: UpdateChatInput!) { updateChat(input: $input) { chat { id archived } } }";
    for _ in 0..count {
        let shown = client.query("{ chats(first: 1) { nodes { jid archived } } }", json!({})).await?;
        let chat = &shown["chats"]["nodes"][0];
        let archived = chat["archived"] == false;
        client.query(update, json!({"input": {"cid": chat["jid"], "archived": archived}})).await?;
    }
    Ok(())
}

/// The time to compile a page's document: the first time, and again.
fn guard() -> Result<(), Box<dyn Error>> {
    let types = Arc::new(Schema::parse(include_str!("../../../schema.graphql"), &[])?);
    let guard = Guard::new(types, Limits::DEFAULT);
    let variables = Variables::from_json(json!({"s": "ses_01J0000000000000000000000"}));
    let began = Instant::now();
    for number in 0..TIMES {
        black_box(guard.compile(&format!("{PAGE} #{number}"), None, &mut variables.clone())?);
    }
    let first = began.elapsed() / TIMES;
    let began = Instant::now();
    for _ in 0..TIMES {
        black_box(guard.compile(PAGE, None, &mut variables.clone())?);
    }
    println!("the guard compiles a page's document in {first:.1?}, and again in {:.1?}", began.elapsed() / TIMES);
    Ok(())
}

fn kib_each(before: f64, after: f64) -> f64 {
    (after - before) * 1_024.0 / f64::from(u32::try_from(LISTENERS).unwrap_or(u32::MAX))
}
