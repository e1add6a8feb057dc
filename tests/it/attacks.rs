//! Documents that are designed to overload or crash the server. Each gets its error code, by POST and over a WebSocket;
//! the test prints the cost of each.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{EmptyServer, Subscription, TestServer, VIEWER_KIND, error_code};

/// CPU time limit for each document, in an unoptimised build and beside other tests. `docs/performance.md` has the
/// figures of an optimised build.
const MOST: Duration = Duration::from_secs(3);

/// Number of times each document is sent. The median counts, because the server also does background work.
const TIMES: usize = 5;

const LIMIT: &str = "limit_exceeded";
const WRONG: &str = "validation_error";

/// A document with its variables, and the code of the answer.
struct Attack {
    name: &'static str,
    query: String,
    variables: Value,
    code: &'static str,
}

fn attack(name: &'static str, query: impl Into<String>, code: &'static str) -> Attack {
    Attack { name, query: query.into(), variables: json!({}), code }
}

/// Puts `open` and `close` around `inner`, `times` times.
fn nested(times: usize, open: &str, inner: &str, close: &str) -> String {
    format!("{}{inner}{}", open.repeat(times), close.repeat(times))
}

/// Returns `{ ...F0 }` with fragments that each spread the next one `fan` times.
fn fragments(length: usize, fan: usize, last: &str) -> String {
    let fragments = (0..length).map(|at| {
        let spread = format!("...F{} ", at + 1).repeat(fan);
        format!("fragment F{at} on Query {{ {spread} }} ")
    });
    format!("{{ ...F0 }} {} fragment F{length} on Query {{ {last} }}", fragments.collect::<String>())
}

fn nestings() -> Vec<Attack> {
    vec![
        attack("open lists", format!("{{ node(id: {}", "[".repeat(20_000)), LIMIT),
        attack("lists", format!("{{ node(id: {}) {{ id }} }}", nested(1_500, "[", "1", "]")), LIMIT),
        attack("objects", format!("{{ node(id: {}) {{ id }} }}", nested(900, "{a:", "1", "}")), LIMIT),
        attack("types", format!("query($a: {}) {{ viewer {{ kind }} }}", nested(1_500, "[", "Int", "]")), LIMIT),
        attack("selections", nested(1_500, "{ a ", "", "}"), LIMIT),
        attack("inline fragments", format!("{{ {} }}", nested(40, "... { ", "__typename", "}")), LIMIT),
        attack("defaults", format!("query($a: Int = {}) {{ viewer {{ kind }} }}", nested(1_000, "[", "1", "]")), LIMIT),
        attack(
            "lists behind a block string",
            format!(r#"{{ node(id: """\\""" """ a: {} b: """ """) {{ id }} }}"#, "[".repeat(5_000)),
            LIMIT,
        ),
        attack("strings without an end", format!("{{ node(id: [{}", r#""\\""""#.repeat(10_000)), WRONG),
        attack("circles of the introspection", circles(), LIMIT),
    ]
}

fn circles() -> String {
    format!("{{ __schema {{ types {{ {} }} }} }}", nested(8, "fields { type { ", "name", "} }"))
}

fn expansions() -> Vec<Attack> {
    let itself = "{ ...F } fragment F on Query { ...F }";
    let each_other = "{ ...F } fragment F on Query { ...G } fragment G on Query { viewer { kind } ...F }";
    let deep = "chats(first: 200) { nodes { messages(first: 200) { nodes { id } } } }";
    vec![
        attack("fragments, twice each", fragments(28, 2, "__typename"), LIMIT),
        attack("fragments, ten times each", fragments(20, 10, "__typename"), LIMIT),
        attack("fragments in a chain", fragments(400, 1, "__typename"), LIMIT),
        attack("fragments in a fan", fragments(1, 1_500, "a: __typename"), LIMIT),
        attack("fragments for nothing", fragments(28, 2, "a").replacen("...F0", "__typename", 1), WRONG),
        attack("a fragment within itself", itself, WRONG),
        attack("fragments within each other", each_other, WRONG),
        attack("aliases", format!("{{ {} }}", many(1_000, |at| format!("a{at}: __typename"))), LIMIT),
        attack("aliases in fragments", fragments(5, 3, "a: __typename"), LIMIT),
        attack("directives", format!("{{ __typename {} }}", "@skip(if: false) ".repeat(500)), LIMIT),
        attack("directives in fragments", fragments(5, 3, "__typename @skip(if: false)"), LIMIT),
        attack("type names", format!("{{ {} }}", "__typename ".repeat(3_900)), LIMIT),
        // The server reads up to the maximum number of tokens before it rejects these.
        attack("fragments in the widest fan", fragments(1, 700, "a: __typename"), LIMIT),
        attack("type names, twice", fragments(1, 2, &"__typename ".repeat(1_470)), LIMIT),
        attack("type names without an end", format!("{{ {}", "__typename ".repeat(1_490)), WRONG),
        attack("fields of the query", format!("{{ {} }}", "viewer { kind } ".repeat(200)), LIMIT),
        attack("operations", many(900, |at| format!("query A{at} {{ viewer {{ kind }} }} ")), LIMIT),
        attack("pages of pages", format!("{{ {deep} }}"), LIMIT),
        attack(
            "pages of pages, in variables",
            "query($n: Int = 200) { chats(first: $n) { edges { node { messages(last: $n) { __typename } } } } }",
            LIMIT,
        ),
    ]
}

fn sizes() -> Vec<Attack> {
    let ids = "query($i: [ID!]!) { nodes(ids: $i) { id } }";
    let filter = "query($f: ChatFilter) { chats(filter: $f) { nodes { id } } }";
    let deep = nested(100, "[", "", "]").parse::<Value>().expect("JSON");
    let with = |name, query: &str, variables, code| Attack { variables, ..attack(name, query, code) };
    vec![
        attack("tokens", format!("{{ {} }}", "a ".repeat(30_000)), LIMIT),
        attack("bytes", format!("{{ __typename }} #{}", "x".repeat(64 * 1024)), LIMIT),
        attack("a long name", format!("{{ {} }}", "a".repeat(60_000)), LIMIT),
        attack("unknown fields", format!("{{ {} }}", many(29, |at| format!("{}{at}", "v".repeat(250)))), WRONG),
        attack("unknown fields below", format!("{{ viewer {{ {} }} }}", many(1_480, |at| format!("kind_{at}"))), WRONG),
        attack(
            "variables for nothing",
            format!("query({}) {{ __typename }}", many(300, |at| format!("$v{at}: Int "))),
            WRONG,
        ),
        attack("a number beyond all", "{ chats(first: 1e99999) { totalCount } }", WRONG),
        attack("a number with many digits", format!("{{ chats(first: {}) {{ totalCount }} }}", "9".repeat(250)), WRONG),
        with("many items", ids, json!({"i": vec!["x"; 200_000]}), LIMIT),
        with("a long text", filter, json!({"f": {"search": "x".repeat(900_000)}}), WRONG),
        with("a deep variable", filter, json!({"f": {"search": deep}}), WRONG),
        with(
            "many fields",
            filter,
            json!({"f": (0..50_000).map(|at| (at.to_string(), json!(1))).collect::<serde_json::Map<_, _>>()}),
            LIMIT,
        ),
    ]
}

fn many(times: usize, one: impl Fn(usize) -> String) -> String {
    (0..times).map(|at| one(at) + " ").collect()
}

#[tokio::test]
async fn no_document_keeps_the_server_busy_or_ends_it() {
    // Together they cost more than one client's rate limit.
    let mut server = TestServer::with_arguments(&["--rate-limit-cost-per-minute", "0"]).await;
    for Attack { name, query, variables, code } in nestings().into_iter().chain(expansions()).chain(sizes()) {
        let mut costs = Vec::new();
        for time in 0..TIMES {
            // The text differs each time, so that no cached document is used.
            let text = format!("{query} # {time}");
            let before = server.cpu();
            let answer = server.query_with(&text, variables.clone()).await;
            costs.push(server.cpu().saturating_sub(before));
            let first = &answer["errors"][0]["extensions"]["code"];
            assert_eq!(first, code, "{name}: {}", answer.to_string().chars().take(300).collect::<String>());
        }
        costs.sort_unstable();
        let by_post = costs[TIMES / 2];
        let mut socket = Subscription::open(&server, &server.key, &query, variables).await;
        let message = socket.any().await;
        let errors = if message["type"] == "error" { &message["payload"] } else { &message["payload"]["errors"] };
        assert_eq!(errors[0]["extensions"]["code"], code, "{name}, on a socket: {message}");
        println!("{:>9.3} ms  {code:16} {name}", by_post.as_secs_f64() * 1000.0);
        assert!(by_post < MOST, "{name} took {by_post:?}");
    }
    assert!(server.is_running());
}

/// Documents at each limit; with `more` over 0, each exceeds its limit.
fn at_the_limits(more: usize) -> Vec<(&'static str, String)> {
    let of_viewer = |fields: &str| format!("{{ viewer {{ {fields} }} }}");
    let expanded = format!("{} {}", "...F ".repeat(20), "kind ".repeat(19 + more));
    let fragment = format!("fragment F on Viewer {{ {} }}", "kind ".repeat(98));
    let types = nested(18 + more, "ofType { ", "name ", "} ");
    vec![
        ("bytes", format!("{{ __typename }}{}", " ".repeat(64 * 1024 - 14 + more))),
        ("tokens", of_viewer(&"kind ".repeat(1_495 + more))),
        ("nesting", format!("{{ node(id: {}) {{ id }} }}", nested(46 + more, "[", "", "]"))),
        ("depth", format!("{{ __type(name: \"Chat\") {{ {types} }} }}")),
        ("fields", format!("{} {fragment}", of_viewer(&expanded))),
        ("aliases", of_viewer(&many(30 + more, |at| format!("a{at}: kind")))),
        ("directives", of_viewer(&"kind @include(if: true) ".repeat(64 + more))),
        ("fields of the query", format!("{{ {} }}", "__typename ".repeat(30 + more))),
    ]
}

#[tokio::test]
async fn a_document_at_each_limit_is_accepted_and_above_it_rejected() {
    let server = EmptyServer::start(&[]).await;
    for ((name, most), (_, too_much)) in at_the_limits(0).into_iter().zip(at_the_limits(1)) {
        let answer = server.query(&most).await;
        assert_ne!(answer["errors"][0]["extensions"]["code"], LIMIT, "{name}: {answer}");
        let answer = server.query(&too_much).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], LIMIT, "{name}: {answer}");
    }
}

#[tokio::test]
async fn variables_without_an_end_are_no_json() {
    let server = TestServer::start().await;
    let body = format!(r#"{{"query": "{{ viewer {{ kind }} }}", "variables": {{"a": {}}}}}"#, "[".repeat(9_000));
    let request = reqwest::Client::new().post(&server.url).bearer_auth(&server.key);
    let sent = request.header("Content-Type", "application/json").body(body).send().await.expect("an answer");
    assert_eq!(sent.status(), 400);
    let answer = sent.json::<Value>().await.expect("JSON");
    assert_eq!(error_code(&answer), WRONG);
    assert_eq!(server.query(VIEWER_KIND).await["data"]["viewer"]["kind"], "API_KEY");
}

#[tokio::test]
async fn fields_are_answered_in_the_order_of_the_question() {
    let server = TestServer::start().await;
    let query = "{ a: sessions { nodes { id } } __typename chats(first: 2) { pageInfo { hasNextPage } changeCursor nodes { \
                 lastMessage { id } name session { label id } ...F } totalCount } viewer { kind } } \
                 fragment F on Chat { messages(first: 1) { nodes { at id } } jid id }";
    let request = reqwest::Client::new().post(&server.url).bearer_auth(&server.key);
    let answer = request.json(&json!({"query": query})).send().await.expect("an answer").text().await.expect("text");
    let expected = [
        "\"a\"",
        "__typename",
        "chats",
        "pageInfo",
        "changeCursor",
        "nodes",
        "lastMessage",
        "\"name\"",
        "session\"",
        "label",
        "messages",
        "\"at\"",
        "jid",
        "totalCount",
        "viewer",
    ];
    let mut rest = &answer[..];
    for key in expected {
        let at = rest.find(key).unwrap_or_else(|| panic!("{key} is not where the query requested it: {answer}"));
        rest = &rest[at..];
    }
}

#[tokio::test]
async fn a_page_of_everything_is_not_too_much() {
    let server = TestServer::start().await;
    let query = "{ viewer { kind } sessions(first: 50) { nodes { id label status } } \
                 chats(first: 50, order: INBOX) { totalCount changeCursor pageInfo { hasNextPage endCursor } \
                 edges { cursor node { id jid aliases type name archived pinned muted mutedUntil unreadCount \
                 markedUnread lastMessageAt lastMessage { id text fromMe sender senderName kind at } \
                 session { id label status } sync { state pending refused { field } } \
                 messages(first: 50) { nodes { id text fromMe sender senderName kind at } } } } } }";
    let answer = server.query(query).await;
    assert_eq!(answer["data"]["viewer"]["kind"], "API_KEY", "{answer}");
}
