//! Compares a page of 50 chats, one chat, and archiving with the same SQL and JSON written by hand, in one run and in
//! turn; with 200 and with 200,000 chats in the session. Then the same page again and again, with stored responses.
//! `api DATABASE…` measures on each given empty database.

use std::{
    cell::Cell,
    error::Error,
    time::{Duration, Instant},
};

use chatgraph_benches::{
    data::{self, jid},
    program::Program,
};
use futures_util::future::try_join_all;
use reqwest::RequestBuilder;
use serde_json::json;

const SIZES: [usize; 2] = [200, 200_000];
/// Concurrent requests.
const CALLERS: usize = 16;
/// Duration of one measurement, and number of rounds.
const SECONDS: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;

const FIELDS: &str = "id jid name archived pinned muted mutedUntil unreadCount markedUnread lastMessageAt";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let databases: Vec<_> = std::env::args().skip(1).collect();
    if databases.is_empty() {
        return Err("which databases?".into());
    }
    println!(
        "| database | chats | what | chatgraph CPU µs | floor CPU µs | ratio | chatgraph p50 ms | floor p50 ms | ratio |"
    );
    println!("|---|--:|---|--:|--:|--:|--:|--:|--:|");
    for database in databases {
        measure(&database).await?;
    }
    Ok(())
}

async fn measure(database: &str) -> Result<(), Box<dyn Error>> {
    let name = database.split(':').next().unwrap_or_default();
    let store = data::open(database).await?;
    let mut sessions = Vec::new();
    for size in SIZES {
        let session = data::add_session(&store).await?;
        data::add_chats(&store, session, size).await?;
        sessions.push((size, session.to_string()));
    }
    drop(store);
    let key = std::process::Command::new(std::env::current_exe()?.with_file_name("chatgraph"))
        .args(["key", "create", "--organization", data::ORGANIZATION, "--permission", "read,send,manage,events"])
        .args(["--database", database])
        .output()?;
    let key = String::from_utf8(key.stdout)?.trim().to_owned();
    let (server, address) = serve(database, "0")?;
    let (floor, ready) = Program::start("baseline", &[database], |line| line["address"].is_string())?;
    let below = ready["address"].as_str().ok_or("no address")?.to_owned();
    let http = reqwest::Client::new();
    let ask =
        |query: String| http.post(format!("http://{address}/graphql")).bearer_auth(&key).json(&json!({"query": query}));
    for (size, session) in &sessions {
        let page = || {
            ask(format!(
                "{{ chats(sessionId: \"{session}\", first: 50) {{ nodes {{ {FIELDS} }} pageInfo {{ hasNextPage }} }} }}"
            ))
        };
        let floors = || http.get(format!("http://{below}/page/{session}"));
        compare(name, *size, "page of 50", (&server, |_| page()), (&floor, |_| floors())).await?;
        let chat = |place: usize| {
            ask(format!("{{ chat(sessionId: \"{session}\", cid: \"{}\") {{ {FIELDS} }} }}", jid(place % size)))
        };
        let floors = |place: usize| http.get(format!("http://{below}/chat/{session}/{}", jid(place % size)));
        compare(name, *size, "one chat", (&server, chat), (&floor, floors)).await?;
        let archive = |place: usize| {
            ask(format!(
                "mutation {{ updateChat(input: {{sessionId: \"{session}\", cid: \"{}\", archived: {}}}) {{ chat {{ {FIELDS} }} }} }}",
                jid(place % size),
                (place / size).is_multiple_of(2)
            ))
        };
        let floors = |place: usize| {
            http.post(format!(
                "http://{below}/archive/{session}/{}/{}",
                jid(place % size),
                (place / size).is_multiple_of(2)
            ))
        };
        compare(name, *size, "archive", (&server, archive), (&floor, floors)).await?;
    }
    drop(server);
    let (server, address) = serve(database, "32")?;
    let Some((size, session)) = sessions.first() else { return Ok(()) };
    let page = format!(
        "{{ chats(sessionId: \"{session}\", first: 50) {{ nodes {{ {FIELDS} }} pageInfo {{ hasNextPage }} }} }}"
    );
    let url = format!("http://{address}/graphql");
    let floors = |_| http.get(format!("http://{below}/page/{session}"));
    let post = |_| http.post(&url).bearer_auth(&key).json(&json!({"query": page}));
    compare(name, *size, "page of 50, again", (&server, post), (&floor, floors)).await?;
    let by_url = reqwest::Url::parse_with_params(&url, [("query", &page)])?;
    let tag = http.get(by_url.clone()).bearer_auth(&key).send().await?.headers()["etag"].clone();
    let get = |_| http.get(by_url.clone()).bearer_auth(&key).header("if-none-match", &tag);
    compare(name, *size, "page of 50, not modified", (&server, get), (&floor, floors)).await
}

/// Starts a server without rate limits, and returns its address.
fn serve(database: &str, response_cache_mib: &str) -> Result<(Program, String), Box<dyn Error>> {
    let (listen, unlimited) = (["--listen", "127.0.0.1:0"], ["--rate-limit-cost-per-minute", "0"]);
    let cache = ["--response-cache-mib", response_cache_mib];
    let serve = [&["serve", "--log-format", "json", "--database", database], &listen[..], &unlimited, &cache].concat();
    let (server, ready) = Program::start("chatgraph", &serve, |line| line["fields"]["message"] == "Serving")?;
    Ok((server, ready["fields"]["address"].as_str().ok_or("no address")?.to_owned()))
}

/// Measures both in turn, and prints the medians and their ratio.
async fn compare(
    database: &str,
    size: usize,
    what: &str,
    (server, ours): (&Program, impl Fn(usize) -> RequestBuilder),
    (floor, floors): (&Program, impl Fn(usize) -> RequestBuilder),
) -> Result<(), Box<dyn Error>> {
    let (mut above, mut below) = (Vec::new(), Vec::new());
    let mut place = 0;
    for _ in 0..ROUNDS {
        above.push(load(server, &ours, &mut place).await?);
        below.push(load(floor, &floors, &mut place).await?);
    }
    let (cpu, cpu_floor) = (median(above.iter().map(|load| load.0)), median(below.iter().map(|load| load.0)));
    let (time, time_floor) = (median(above.iter().map(|load| load.1)), median(below.iter().map(|load| load.1)));
    println!(
        "| {database} | {size} | {what} | {cpu:.0} | {cpu_floor:.0} | {:.2} | {time:.2} | {time_floor:.2} | {:.2} |",
        cpu / cpu_floor,
        time / time_floor,
    );
    Ok(())
}

/// Returns the CPU time per request in µs, and the median latency in ms.
async fn load(
    program: &Program,
    request: impl Fn(usize) -> RequestBuilder,
    place: &mut usize,
) -> Result<(f64, f64), Box<dyn Error>> {
    let (before, until) = (program.cpu_ms()?, Instant::now() + SECONDS);
    let counter = Cell::new(*place);
    let callers = (0..CALLERS).map(|_| caller(&request, &counter, until));
    let mut times: Vec<f64> = try_join_all(callers).await?.concat();
    *place = counter.get();
    let cpu = program.cpu_ms()? - before;
    times.sort_by(f64::total_cmp);
    let count = u32::try_from(times.len())?;
    Ok((f64::from(u32::try_from(cpu)?) * 1_000.0 / f64::from(count), times[times.len() / 2]))
}

async fn caller(
    request: &impl Fn(usize) -> RequestBuilder,
    counter: &Cell<usize>,
    until: Instant,
) -> Result<Vec<f64>, Box<dyn Error>> {
    let mut times = Vec::new();
    while Instant::now() < until {
        let place = counter.replace(counter.get() + 1);
        let began = Instant::now();
        let answer = request(place).send().await?;
        let status = answer.status();
        let answer = answer.text().await?;
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
        if !(status.is_success() || status.as_u16() == 304) || answer.contains("\"errors\"") {
            return Err(answer.into());
        }
    }
    Ok(times)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
