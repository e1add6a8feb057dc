//! Import of a large history: duration, memory, and latency of the API meanwhile. `import [DATABASE]`, by default an
//! SQLite file.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use chatgraph_benches::{environment::Stage, percentiles};
use serde_json::{Value, json};

const CHATS: u64 = 10_000;
const MESSAGES: u64 = 10;
const PHONE: &str = "15550200000";
const FIRST: i64 = 1_700_000_000_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let database = std::env::args().nth(1);
    let stage = Stage::start(database.as_deref())?;
    let client = &stage.client;
    client.play("/accounts", account()).await?;
    // Baseline: a server with a session and clients.
    let other = client.attach("447700900100").await?;
    page(&stage, &other).await?;
    let idle = stage.server.resident_mib()?;
    let cpu = stage.server.cpu_ms()?;

    let session = client.pair(PHONE).await?;
    let began = Instant::now();
    let mut peak = idle;
    let mut answers = Vec::new();
    loop {
        let asked = Instant::now();
        page(&stage, &other).await?;
        answers.push(asked.elapsed());
        peak = peak.max(stage.server.resident_mib()?);
        if complete(&stage, &session).await? {
            break;
        }
        if began.elapsed() > Duration::from_mins(10) {
            return Err("ten minutes passed".into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = began.elapsed().as_secs_f64();
    let cpu = stage.server.cpu_ms()? - cpu;
    println!("{CHATS} chats with {MESSAGES} messages each: {took:.1} s, {cpu} ms of CPU");
    println!("memory: {idle:.0} MiB before, {peak:.0} MiB at most, {:.0} MiB after", stage.server.resident_mib()?);
    println!("a page of another session meanwhile, {} times: {}", answers.len(), percentiles(&mut answers));
    Ok(())
}

/// A phone with many chats, all of them with saved contacts.
fn account() -> Value {
    let number = |chat: u64| format!("1555{:07}", 3_000_000 + chat);
    let contacts: Vec<_> =
        (0..CHATS).map(|chat| json!({"phone": number(chat), "name": format!("Person {chat}")})).collect();
    let history = (0..CHATS).map(|chat| {
        let phone = number(chat);
        let messages = (0..MESSAGES).map(|message| {
            let at = FIRST + i64::try_from(chat * MESSAGES + message).unwrap_or_default() * 1_000;
            json!({"from": phone, "text": format!("Message {message} of a history of some length"), "at": at})
        });
        json!({"jid": format!("{phone}@s.whatsapp.net"), "messages": messages.collect::<Vec<_>>()})
    });
    json!({"phone": PHONE, "name": "Ada", "contacts": contacts, "history": history.collect::<Vec<_>>()})
}

async fn page(stage: &Stage, session: &str) -> Result<(), Box<dyn Error>> {
    let query =
        "query($id: ID!) { chats(sessionId: $id, first: 50) { nodes { id name unreadCount lastMessage { text } } } }";
    stage.client.query(query, json!({"id": session})).await.map(drop)
}

/// Returns whether the import is complete, according to the API.
async fn complete(stage: &Stage, session: &str) -> Result<bool, Box<dyn Error>> {
    let query = "query($id: ID!) { session(id: $id) { historyImport { percent chats messages incomplete } } }";
    let told = stage.client.query(query, json!({"id": session})).await?;
    let import = &told["session"]["historyImport"];
    if import["incomplete"] == true {
        return Err(format!("a part of the history is lost: {import}").into());
    }
    Ok(import["chats"].as_u64() >= Some(CHATS) && import["messages"].as_u64() >= Some(CHATS * MESSAGES))
}
