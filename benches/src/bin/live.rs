//! From the phone to a subscriber, from the API to the phone, and what a session costs in memory: a server and a
//! sandbox in a process each.

use std::error::Error;
use std::time::Duration;
use std::time::Instant;

use chatgraph_benches::client::Client;
use chatgraph_benches::percentiles;
use chatgraph_benches::program::Program;
use serde_json::json;

const ROUNDS: usize = 100;
const SESSIONS: usize = 20;
const PHONE: &str = "447700900100";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    start_of_the_demo().await?;
    let folder = tempfile::tempdir()?;
    let database = format!("sqlite:{}", folder.path().join("chatgraph.db").display());
    let sandbox = ["--json", "--demo", "--quiet"];
    let (_sandbox, ready) = Program::start("chatgraph-sandbox", &sandbox, |line| line["url"].is_string())?;
    let (url, public) = (ready["url"].as_str().ok_or("no url")?, ready["key"].as_str().ok_or("no key")?);
    let key = std::process::Command::new(std::env::current_exe()?.with_file_name("chatgraph"))
        .args(["key", "create", "--organization", "bench", "--database", &database])
        .output()?;
    let key = String::from_utf8(key.stdout)?.trim().to_owned();
    let serve = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
        "--database",
        &database,
        "--sandbox-url",
        url,
        "--sandbox-key",
        public,
        "--rate-limit-cost-per-minute",
        "0",
    ];
    let (server, ready) = Program::start("chatgraph", &serve, |line| line["fields"]["message"] == "Serving")?;
    let address = ready["fields"]["address"].as_str().ok_or("no address")?;
    let client = Client::new(format!("http://{address}/graphql"), key, url.to_owned());
    println!("memory without a session: {:.1} MiB", server.resident_mib()?);

    let session = client.attach(PHONE).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let one = server.resident_mib()?;
    println!("memory with 1 session: {one:.1} MiB");
    phone_to_subscriber(&client).await?;
    api_to_phone(&client, &session).await?;

    let before = server.resident_mib()?;
    for number in 1..SESSIONS {
        let phone = format!("1555010{number:04}");
        client.play("/accounts", json!({"phone": phone, "demo": true})).await?;
        client.attach(&phone).await?;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let all = server.resident_mib()?;
    let each = (all - before) / f64::from(u32::try_from(SESSIONS - 1)?);
    println!("memory with {SESSIONS} sessions: {all:.1} MiB, {each:.2} MiB for each after the first");
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

/// The phone pins or unpins; the clock stops when the subscriber has the change.
async fn phone_to_subscriber(client: &Client) -> Result<(), Box<dyn Error>> {
    let mut changes = client.subscribe().await?;
    let jid = unpinned(client).await?;
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let began = Instant::now();
        client.play(&format!("/accounts/{PHONE}/chats/{jid}"), json!({"pinned": round % 2 == 0})).await?;
        changes.until("DEVICE").await?;
        times.push(began.elapsed());
    }
    println!("phone to subscriber, {ROUNDS} times: {}", percentiles(&mut times));
    Ok(())
}

/// A caller mutes or unmutes; the clock stops when the phone shows it.
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
