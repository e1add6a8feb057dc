//! Throughput of one organization's change log: 500 sessions on PostgreSQL with commits of 2 ms, and 2,000 inbound
//! changes a second. `commit_throughput DATABASE` needs an empty database whose settings it may change; fails below the
//! rate.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use chatgraph::{
    clock::SystemClock,
    domain::{id::OrganizationId, setting::SettingValue},
    service::inbound::{InboundWorker, Notifiers},
    session::{EventSender, InboundEvent, SessionEvent, SessionKey},
};
use chatgraph_benches::{data, percentiles};
use futures_util::future::try_join_all;
use tokio::sync::oneshot;
use tokio_postgres::NoTls;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const SESSIONS: usize = 500;
const RATE: usize = 2_000;
const SECONDS: usize = 10;
/// Duration of a commit's flush, in microseconds.
const FLUSH: u32 = 2_000;
/// Time within which half of the changes must be stored.
const WITHIN: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let database = std::env::args().nth(1).ok_or("which database?")?;
    let filling = data::open(&database).await?;
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        let session = data::add_session(&filling).await?;
        data::add_chats(&filling, session, 1).await?;
        sessions.push(session);
    }
    // Later connections are slow.
    slow_down(&database).await?;
    let store = data::open(&database).await?;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let inbox = InboundWorker::new(store.clone(), Notifiers::default(), Arc::new(SystemClock), tasks, stop);
    let organization: OrganizationId = data::ORGANIZATION.parse()?;
    let open = |session| inbox.open(SessionKey { organization: organization.clone(), session });
    let lanes: Vec<_> = sessions.into_iter().map(open).collect();
    let before = store.log_head(&organization).await?.number;
    let began = Instant::now();
    let sessions = lanes.iter().enumerate().map(|(number, lane)| play(lane, number, began));
    let mut times: Vec<Duration> = try_join_all(sessions).await?.concat();
    let took = began.elapsed();
    let stored = usize::try_from(store.log_head(&organization).await?.number - before)?;
    let rate = f64::from(u32::try_from(stored)?) / took.as_secs_f64();
    println!(
        "{SESSIONS} sessions of one organization, a flush of {} ms: {stored} changes in {:.1} s, {rate:.0} a second; from \
         the event to the commit {}",
        FLUSH / 1_000,
        took.as_secs_f64(),
        percentiles(&mut times)
    );
    let wanted = RATE * SECONDS;
    if stored != wanted {
        return Err(format!("{wanted} changes were made and {stored} stored").into());
    }
    // The last changes are stored a moment after the last second.
    if took > Duration::from_secs(SECONDS as u64) + WITHIN * 2 || times[times.len() / 2] > WITHIN {
        return Err(format!("the log does not keep up with {RATE} changes a second").into());
    }
    Ok(())
}

/// Delays every commit of the database, also a single one.
async fn slow_down(database: &str) -> Result<(), Box<dyn Error>> {
    let (client, connection) = tokio_postgres::connect(database, NoTls).await?;
    let talking = async {
        let name: String = client.query_one("SELECT current_database()", &[]).await?.get(0);
        let slow =
            format!("ALTER DATABASE {name} SET commit_delay = {FLUSH}; ALTER DATABASE {name} SET commit_siblings = 0");
        client.batch_execute(&slow).await
    };
    tokio::select! {
        talked = talking => Ok(talked?),
        ended = connection => Err(ended.err().map_or("the connection ended".into(), Into::into)),
    }
}

/// Archives and unarchives the chat of one session at an even rate; returns the latency of each commit.
async fn play(lane: &EventSender, number: usize, began: Instant) -> Result<Vec<Duration>, Box<dyn Error>> {
    let (pace, count) =
        (Duration::from_secs(1) * u32::try_from(SESSIONS)? / u32::try_from(RATE)?, RATE * SECONDS / SESSIONS);
    let first = pace * u32::try_from(number)? / u32::try_from(SESSIONS)?;
    let mut times = Vec::new();
    for round in 0..count {
        let due = began + first + pace * u32::try_from(round)?;
        tokio::time::sleep_until(due.into()).await;
        let (committed, told) = oneshot::channel();
        // The first chat is archived at the start.
        let value = SettingValue::Archived(round % 2 == 1);
        let as_of = 1_800_000_000_000 + i64::try_from(round)?;
        let event = SessionEvent::Setting { chat: data::jid(0).parse()?, value, as_of, up_to: None, replayed: false };
        lane.send(InboundEvent { event, committed: Some(committed) }).await?;
        told.await?;
        times.push(due.elapsed());
    }
    Ok(times)
}
