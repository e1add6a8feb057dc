//! Cost of encrypting a record of a session's device state: of its write with the commit, and of its read. `sealing
//! [DATABASE]`, by default an SQLite file.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use chatgraph::{
    clock::SystemClock,
    store::{
        Config, MasterKeys, Store, new_master_key,
        whatsapp_device::{DeviceState, Record, RecordKind},
    },
};
use chatgraph_benches::data;
use tokio_util::task::TaskTracker;

const ROUNDS: u32 = 500;
const KEY: &[u8] = b"15550111:1";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = format!("sqlite:{}", folder.path().join("chatgraph.db").display());
    let config: Config = std::env::args().nth(1).unwrap_or(file).parse()?;
    let tasks = TaskTracker::new();
    let (plain, sealed) = (MasterKeys::default(), new_master_key().parse()?);
    for (how, keys) in [("plain", plain), ("sealed", sealed)] {
        let store = Store::open_sealed(&config, &keys, Arc::new(SystemClock), &tasks).await?;
        for length in [100, 1_000, 10_000] {
            let state = store.device_state(&data::ORGANIZATION.parse()?, data::add_session(&store).await?);
            let (written, read) = measure(&state, length).await?;
            println!("{length} bytes, {how}: written in {written:.0} µs, read in {read:.0} µs");
        }
    }
    Ok(())
}

/// The medians, in microseconds, of writing a value of some length and of reading it.
async fn measure(state: &DeviceState, length: usize) -> Result<(f64, f64), Box<dyn Error>> {
    let (mut writes, mut reads) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // SQLite skips the write of an unchanged value.
        let mut value = vec![7; length];
        value[..4].copy_from_slice(&round.to_be_bytes());
        let began = Instant::now();
        state.put_records(vec![Record { kind: RecordKind::Session, key: KEY.to_vec(), value, at: None }]).await?;
        writes.push(began.elapsed());
        let began = Instant::now();
        state.record(RecordKind::Session, KEY).await?.ok_or("not there")?;
        reads.push(began.elapsed());
    }
    Ok((median(writes), median(reads)))
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e6
}
