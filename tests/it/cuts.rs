//! The server killed behind each single write that a change of settings makes, and again while it repairs that.

use std::time::Duration;
use std::time::Instant;

use tokio::task::block_in_place;

use crate::support::TestServer;
use crate::support::postgres;

const MEI: &str = "15550111@s.whatsapp.net";
/// More writes than one change of settings makes.
const MANY: u32 = 40;
/// Nothing comes any more when nothing came for so long.
const QUIET: Duration = Duration::from_millis(500);
/// Rows of the version, of check values and of marks of a collection, and of chats and changes.
const TABLES: [(&str, &str); 3] = [("device_record", "AND NEW.kind IN (9, 10, 16)"), ("chat", ""), ("change", "")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_behind_any_write_loses_no_setting() {
    // What is written in which order does not depend on the database, and only SQLite counts in a trigger so easily.
    if postgres().is_some() {
        return;
    }
    let mut server = TestServer::start().await;
    let (mut cuts, began) = (0, Instant::now());
    for writes in 0..MANY {
        arm(&server, writes).await;
        server.phone().archive(MEI, writes % 2 == 0).await.expect("archived");
        if !is_cut_off(&server).await {
            assert!(cuts > 4, "there was too little to cut: {cuts}");
            disarm(&server).await;
            server.agrees().await;
            return;
        }
        // What it repairs is cut off, too, now and then behind the last write.
        rearm(&server, writes % 6).await;
        block_in_place(|| server.restart());
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.kill();
        disarm(&server).await;
        block_in_place(|| server.restart());
        server.agrees().await;
        cuts += 1;
        println!("{cuts} cuts, {:?}", began.elapsed());
    }
    panic!("a change of settings takes more than {MANY} writes");
}

/// Lets the database take so many more writes.
async fn arm(server: &TestServer, writes: u32) {
    let triggers = acts().map(|(table, counted, act)| {
        let row = if act == "DELETE" { counted.replace("NEW", "OLD") } else { counted.to_owned() };
        format!(
            "CREATE TRIGGER before_{act}_{table} BEFORE {act} ON \"{table}\" \
             WHEN (SELECT remaining FROM cut) <= 0 BEGIN SELECT RAISE(ABORT, 'cut here'); END;
             CREATE TRIGGER after_{act}_{table} AFTER {act} ON \"{table}\" WHEN TRUE {row} \
             BEGIN UPDATE cut SET remaining = remaining - 1; END;"
        )
    });
    server
        .execute(&format!("CREATE TABLE cut AS SELECT {writes} AS remaining; {}", triggers.collect::<String>()))
        .await;
}

async fn rearm(server: &TestServer, writes: u32) {
    server.execute(&format!("UPDATE cut SET remaining = {writes}")).await;
}

async fn disarm(server: &TestServer) {
    let triggers =
        acts().map(|(table, _, act)| format!("DROP TRIGGER before_{act}_{table}; DROP TRIGGER after_{act}_{table};"));
    server.execute(&format!("{} DROP TABLE cut", triggers.collect::<String>())).await;
}

fn acts() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let each = |(table, counted)| ["INSERT", "UPDATE", "DELETE"].map(|act| (table, counted, act));
    TABLES.into_iter().flat_map(each)
}

/// Waits until nothing is written any more; tells that it was refused, unless stored copy and phone agree by then.
async fn is_cut_off(server: &TestServer) -> bool {
    let (mut before, mut since) = (None, Instant::now());
    while since.elapsed() < QUIET {
        let remaining = server.number("SELECT remaining FROM cut").await;
        if before.replace(remaining) != Some(remaining) {
            since = Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    before <= Some(0) || !server.agree_now().await
}
