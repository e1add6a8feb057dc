//! Latency from the phone to a subscriber and from the API to the phone, and the memory of a first session. The server
//! and the sandbox are separate processes.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use chatgraph_benches::{client::Client, environment::Stage, percentiles, program::Program};
use serde_json::json;

const ROUNDS: usize = 100;
const PHONE: &str = "447700900100";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    start_of_the_demo().await?;
    let stage = Stage::start(None)?;
    let (server, client) = (&stage.server, &stage.client);
    println!("memory without a session: {:.1} MiB", server.resident_mib()?);

    let session = client.attach(PHONE).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let one = server.resident_mib()?;
    println!("memory with 1 session: {one:.1} MiB");
    phone_to_subscriber(client).await?;
    api_to_phone(client, &session).await?;

    Ok(())
}

/// From the start of `demo` to the first chat listed.
async fn start_of_the_demo() -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let demo = ["demo", "--listen", "127.0.0.1:0", "--json", "--quiet"];
    let (_demo, ready) = Program::start("chatgraph", &demo, |line| line["graphql"].is_string())?;
    let text = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
    let client = Client::new(text("graphql"), text("key"), text("sandbox"));
    let listed = client.query("{ chats(first: 1) { nodes { name } } }", json!({})).await?;
    assert!(listed["chats"]["nodes"][0]["name"].is_string(), "no chat: {listed}");
    println!("start of demo to the first chat listed: {:.2} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// The phone archives or unarchives a chat; the time ends when the subscriber has the change.
async fn phone_to_subscriber(client: &Client) -> Result<(), Box<dyn Error>> {
    let mut changes = client.subscribe().await?;
    let jid = unpinned(client).await?;
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let began = Instant::now();
        client.play(&format!("/accounts/{PHONE}/chats/{jid}"), json!({"archived": round % 2 == 0})).await?;
        changes.until("DEVICE").await?;
        times.push(began.elapsed());
    }
    println!("phone to subscriber, {ROUNDS} times: {}", percentiles(&mut times));
    Ok(())
}

/// A client archives or unarchives a chat; the time ends when the phone shows it.
async fn api_to_phone(client: &Client, session: &str) -> Result<(), Box<dyn Error>> {
    let jid = unpinned(client).await?;
    let update = "mutation($input: UpdateChatInput!) { updateChat(input: $input) { chat { id } } }";
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let archived = round % 2 == 0;
        let began = Instant::now();
        let input = json!({"sessionId": session, "cid": jid, "archived": archived});
        client.query(update, json!({"input": input})).await?;
        while !client.phone_chats(PHONE).await?.iter().any(|chat| chat["jid"] == *jid && chat["archived"] == archived) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        times.push(began.elapsed());
    }
    println!("API to phone, {ROUNDS} times: {}", percentiles(&mut times));
    Ok(())
}

async fn unpinned(client: &Client) -> Result<String, Box<dyn Error>> {
    let chats = client.phone_chats(PHONE).await?;
    let chat = chats.iter().find(|chat| chat["pinned"] == false && chat["archived"] == false && chat["type"] == "DM");
    Ok(chat.and_then(|chat| chat["jid"].as_str()).ok_or("no such chat")?.to_owned())
}
