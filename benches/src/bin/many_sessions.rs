//! A hundred sessions in one process: memory per session, and messages per second of one session and of all together,
//! beside those of the WhatsApp library alone.
//! `many_sessions [DATABASE]`, by default an SQLite file.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use chatgraph_benches::{environment::Stage, library};
use futures_util::{StreamExt as _, stream};
use serde_json::json;

const SESSIONS: usize = 100;
const MESSAGES: u32 = 5_000;
/// Number of people who write at the same time.
const WRITERS: usize = 16;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let database = std::env::args().nth(1);
    let stage = Stage::start(database.as_deref())?;
    let mut phones = Vec::new();
    for number in 0..SESSIONS {
        let phone = format!("1555010{number:04}");
        stage.client.play("/accounts", json!({"phone": phone, "demo": true})).await?;
        stage.client.attach(&phone).await?;
        phones.push(phone);
        if [1, 20, SESSIONS].contains(&phones.len()) {
            tokio::time::sleep(Duration::from_secs(2)).await;
            println!("memory with {} sessions: {:.1} MiB", phones.len(), stage.server.resident_mib()?);
        }
    }
    for receivers in [&phones[..1], &phones[..]] {
        let mut changes = stage.client.subscribe().await?;
        take_in(&stage, receivers, "server", async || changes.until("MESSAGE").await).await?;
    }
    println!("memory after that: {:.1} MiB", stage.server.resident_mib()?);
    let mut others = Vec::new();
    for number in 0..SESSIONS {
        let phone = format!("1555011{number:04}");
        stage.client.play("/accounts", json!({"phone": phone, "demo": true})).await?;
        others.push(phone);
    }
    let mut received = library::link(&stage, &others).await?;
    for receivers in [&others[..1], &others[..]] {
        take_in(&stage, receivers, "library alone", async || received.recv().await.ok_or_else(|| "closed".into()))
            .await?;
    }
    Ok(())
}

/// Sends messages to these phones in turn, as fast as the sandbox can; the time ends with the last call of `next`, which
/// waits for one message.
async fn take_in(
    stage: &Stage,
    phones: &[String],
    receiver: &str,
    mut next: impl AsyncFnMut() -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let writer = stage.client.phone_chats(&phones[0]).await?;
    let writer = writer.iter().find(|chat| chat["type"] == "DM").ok_or("no chat")?["jid"].clone();
    let (began, cpu) = (Instant::now(), (stage.server.cpu_ms()?, stage.sandbox.cpu_ms()?));
    let writing = async {
        let all = phones.iter().cycle().take(MESSAGES as usize);
        let write = |phone: &String| {
            let path = format!("/accounts/{phone}/messages");
            let message = json!({"from": writer, "chat": writer, "text": "A line of the usual length, more or less"});
            async move { stage.client.play(&path, message).await }
        };
        let mut written = stream::iter(all.map(write)).buffer_unordered(WRITERS);
        while let Some(done) = written.next().await {
            done?;
        }
        Ok::<_, Box<dyn Error>>(())
    };
    let heard = async {
        for _ in 0..MESSAGES {
            next().await?;
        }
        Ok(())
    };
    tokio::try_join!(writing, heard)?;
    let took = began.elapsed().as_secs_f64();
    let each = |milliseconds: u64| milliseconds * 1_000 / u64::from(MESSAGES);
    let (server, sandbox) = (stage.server.cpu_ms()? - cpu.0, stage.sandbox.cpu_ms()? - cpu.1);
    println!(
        "{receiver}, {MESSAGES} messages to {} sessions: {:.0} a second; CPU a message: {} µs in the server, {} µs in \
         the sandbox",
        phones.len(),
        f64::from(MESSAGES) / took,
        each(server),
        each(sandbox)
    );
    Ok(())
}
