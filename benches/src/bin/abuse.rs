//! The cost of each kind of abuse for the server, and the latency of a good client: `abuse [FOLDER [NAME]]` with the
//! folder of the programs, by default this one's, and a part of an abuse's name. Prints a table in Markdown.
//!
//! Each abuse meets a server of its own with default limits, on SQLite, with 3,000 chats of the organization that
//! attacks and the demo's chats of the good client's. The attackers have one thread, and share the machine with the
//! server.

use std::{
    error::Error,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use chatgraph_benches::{
    abuse::{ABUSES, Abuse, Target},
    environment::Stage,
};
use serde_json::{Value, json};
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
    task::block_in_place,
};

/// Durations of the measurements: of the quiet server, and of the server under attack.
const QUIET: Duration = Duration::from_secs(3);
const ATTACK: Duration = Duration::from_secs(6);
/// The good client's pause between two pages.
const PAUSE: Duration = Duration::from_millis(10);
const CHATS: u64 = 3_000;
const PHONE: &str = "15550200000";
const PAGE: &str = "{ chats(first: 50) { nodes { id name unreadCount lastMessage { text } } } }";

/// The figures of a period.
struct Figures {
    /// Milliseconds of CPU in a second.
    cpu: f64,
    /// The most resident memory, in MiB.
    resident: f64,
    /// A page of the good client, in milliseconds.
    median: f64,
    p99: f64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let own = std::env::current_exe()?.with_file_name("");
    let folder = std::env::args().nth(1).map_or(own, PathBuf::from);
    let wanted = std::env::args().nth(2).unwrap_or_default();
    println!(
        "| abuse | attempts/s | CPU ms/s | of that quiet | MiB held | page p50, quiet ms | p50 ratio | p99, quiet ms | p99 ratio |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    for abuse in ABUSES.iter().filter(|abuse| abuse.name.contains(&wanted)) {
        measure(abuse, &folder).await?;
    }
    Ok(())
}

async fn measure(abuse: &Abuse, folder: &Path) -> Result<(), Box<dyn Error>> {
    let stage = Stage::of(folder, None, &[])?;
    stage.client.attach("447700900100").await?;
    let attacker = stage.another("attacker")?;
    attacker.play("/accounts", account()).await?;
    attacker.attach_sized(PHONE, CHATS).await?;
    let target = Target {
        address: stage.address.parse()?,
        key: attacker.key().to_owned(),
        attempts: Arc::default(),
        http: reqwest::Client::builder().local_address(IpAddr::from([127, 0, 0, 66])).build()?,
    };
    // The first pages warm up.
    observe(&stage, Duration::from_secs(1)).await?;
    let quiet = observe(&stage, QUIET).await?;
    let before = stage.server.resident_mib()?;
    let attempts = Arc::clone(&target.attempts);
    let attackers = Builder::new_current_thread().enable_all().build()?;
    let under_load = std::thread::scope(|scope| {
        let (stop, stopped) = oneshot::channel::<()>();
        scope.spawn(move || {
            attackers.block_on(async {
                tokio::select! { () = abuse.run(target) => {}, _ = stopped => {} }
            });
        });
        let under_load = block_in_place(|| Handle::current().block_on(observe(&stage, ATTACK)));
        drop(stop);
        under_load
    })?;
    let attempts = f64::from(u32::try_from(attempts.load(Ordering::Relaxed))?) / ATTACK.as_secs_f64();
    println!(
        "| {} | {:.0} | {:.0} | {:.0} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} |",
        abuse.name,
        attempts,
        under_load.cpu,
        quiet.cpu,
        (under_load.resident - before).max(0.0),
        quiet.median,
        under_load.median / quiet.median,
        quiet.p99,
        under_load.p99 / quiet.p99,
    );
    Ok(())
}

/// Asks for pages as a good client does, and looks at the server meanwhile.
async fn observe(stage: &Stage, time: Duration) -> Result<Figures, Box<dyn Error>> {
    let (began, cpu) = (Instant::now(), stage.server.cpu_ms()?);
    let (mut waits, mut resident) = (Vec::new(), 0.0_f64);
    while began.elapsed() < time {
        let asked = Instant::now();
        stage.client.query(PAGE, json!({})).await?;
        waits.push(asked.elapsed().as_secs_f64() * 1_000.0);
        resident = resident.max(stage.server.resident_mib()?);
        tokio::time::sleep(PAUSE).await;
    }
    waits.sort_unstable_by(f64::total_cmp);
    let at = |percent: usize| waits[(waits.len() * percent / 100).min(waits.len() - 1)];
    let cpu = f64::from(u32::try_from(stage.server.cpu_ms()? - cpu)?) / began.elapsed().as_secs_f64();
    Ok(Figures { cpu, resident, median: at(50), p99: at(99) })
}

/// A phone with many chats.
fn account() -> Value {
    let number = |chat: u64| format!("1555{:07}", 3_000_000 + chat);
    let history = (0..CHATS).map(|chat| {
        let at = 1_700_000_000_000 + chat * 1_000;
        let message =
            |place: u64| json!({"from": number(chat), "text": format!("Message {place} of {chat}"), "at": at + place});
        json!({"jid": format!("{}@s.whatsapp.net", number(chat)), "messages": (0..10).map(message).collect::<Vec<_>>()})
    });
    json!({"phone": PHONE, "name": "Ada", "history": history.collect::<Vec<_>>()})
}
