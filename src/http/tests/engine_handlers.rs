//! Comparison with the engine's own axum handlers on the same schema: they must respond like ours, and show the cost of
//! ours.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use async_graphql::{BatchRequest, BatchResponse, Data, Executor, Request, Response};
use async_graphql_axum::GraphQL;
use axum::{
    Router,
    body::{self, Body},
    http,
};
use futures_util::stream::BoxStream;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::fixture::Rig;
use crate::{
    graphql::{self, Caller, GraphqlExecutor},
    http::Config,
};

/// Duration and number of measurements per side.
const ROUND: Duration = Duration::from_millis(500);
const ROUNDS: usize = 7;

/// Executes requests of one client, with the guard or without.
#[derive(Clone)]
struct Stock {
    api: GraphqlExecutor,
    caller: Caller,
    guarded: bool,
}

impl Executor for Stock {
    async fn execute(&self, request: Request) -> Response {
        if self.guarded {
            // The engine's handlers cannot write rendered objects.
            self.api.execute(&self.caller, graphql::by_engine(request)).await
        } else {
            self.api.execute_unguarded(&self.caller, request).await
        }
    }

    /// In sequence, like ours: a query sees the effect of the mutations before it.
    async fn execute_batch(&self, batch: BatchRequest) -> BatchResponse {
        match batch {
            BatchRequest::Single(request) => BatchResponse::Single(self.execute(request).await),
            BatchRequest::Batch(requests) => {
                let mut answers = Vec::new();
                for request in requests {
                    answers.push(self.execute(request).await);
                }
                BatchResponse::Batch(answers)
            }
        }
    }

    fn execute_stream(&self, _: Request, _: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        unreachable!("only POST and GET are compared")
    }
}

/// Returns both routers, on one store.
struct Pair {
    rig: Rig,
    ours: Router,
    stock: Router,
}

impl Pair {
    async fn start(guarded: bool) -> Self {
        let rig = Box::pin(Rig::start(Config::default())).await;
        rig.changes(7).await;
        let caller = rig.caller().await;
        let executor = Stock { api: rig.api.clone(), caller, guarded };
        let stock = Router::new().route_service("/graphql", GraphQL::new(executor));
        Self { ours: rig.router.clone(), stock, rig }
    }

    fn post(&self, payload: &Value) -> http::Request<Body> {
        let request = http::Request::post("/graphql")
            .header("authorization", format!("Bearer {}", self.rig.key))
            .header("content-type", "application/json");
        request.body(Body::from(payload.to_string())).expect("a request")
    }
}

async fn answer(router: &Router, request: http::Request<Body>) -> String {
    let response = router.clone().oneshot(request).await.expect("an answer");
    let body = body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
    String::from_utf8(body.to_vec()).expect("UTF-8")
}

/// Removes what only ours has: error codes and messages.
fn comparable(answer: &str) -> Value {
    let mut answer: Value = serde_json::from_str(answer).expect("JSON");
    let answers =
        if let Value::Array(answers) = &mut answer { answers.iter_mut().collect() } else { vec![&mut answer] };
    for answer in answers {
        if let Some(errors) = answer.get_mut("errors").and_then(Value::as_array_mut) {
            for error in errors {
                *error = json!({ "path": error["path"] });
            }
        }
        if answer["data"].is_null() {
            *answer = json!({"errors": "alone"});
        }
    }
    answer
}

/// Valid and invalid documents, except cases in which the engine violates the specification. It executes a field twice
/// that a fragment selects again. It ignores defaults of variables in directives. It lets an error of a nullable field
/// remove the object around it.
fn payloads() -> Vec<Value> {
    let documents = [
        "{ __typename }",
        "{ viewer { kind organizationId } chats(first: 3) { totalCount nodes { jid name } pageInfo { hasNextPage endCursor } } }",
        "query A { a: chats(first: 1) { nodes { jid } } b: chats(first: 2) { edges { cursor node { id } } } }",
        "{ chats(first: 2) { nodes { ...F } } } fragment F on Chat { jid archived session { id status } }",
        "{ chats(first: 2) { nodes { messages(first: 2) { nodes { id text } } sync { state } } } }",
        "{ chats(first: 1) { nodes { unknown } } }",
        "{ chats(first: \"1\") { totalCount } }",
        "{ chats(first: 1) { nodes } }",
        "query($a: Int) { chats(first: $b) { totalCount } }",
        "{ chats(first: 1",
        "",
        "mutation { revokeApiKey(input: {id: \"key_nothing\"}) { apiKey { id } } }",
    ];
    let mut payloads: Vec<_> = documents.iter().map(|query| json!({"query": query})).collect();
    payloads.push(json!({"query": "query A { viewer { kind } } query B { __typename }", "operationName": "B"}));
    payloads.push(json!({"query": "query A { viewer { kind } } query B { __typename }"}));
    let filtered = "query($n: Int!, $on: Boolean! = true) { chats(first: $n) { nodes { jid @include(if: $on) name @skip(if: $on) } } }";
    payloads.push(json!({"query": filtered, "variables": {"n": 2, "on": true}}));
    payloads.push(json!({"query": filtered, "variables": {"n": 2, "on": false}}));
    payloads.push(json!({"query": filtered, "variables": {}}));
    payloads.push(json!([{"query": "{ __typename }"}, {"query": "{ nothing }"}, {"query": "{ viewer { kind } }"}]));
    payloads
}

#[tokio::test]
async fn the_engines_own_handlers_answer_as_ours_do() {
    for guarded in [true, false] {
        let pair = Pair::start(guarded).await;
        for payload in payloads() {
            let [ours, stock] = [&pair.ours, &pair.stock].map(|router| answer(router, pair.post(&payload)));
            let (ours, stock) = (ours.await, stock.await);
            assert_eq!(comparable(&ours), comparable(&stock), "{payload}, guarded: {guarded}");
        }
    }
}

/// `cargo test --release --workspace --lib transport_overhead -- --ignored --nocapture`
#[tokio::test]
#[ignore = "measures; run by hand on an idle machine, optimised"]
async fn transport_overhead() {
    let pair = Pair::start(true).await;
    let page = "{ chats(first: 7) { nodes { id jid name archived pinned unreadCount } pageInfo { hasNextPage } } }";
    println!("| document | ours µs | stock handlers µs | ratio |\n|---|--:|--:|--:|");
    for (name, query) in [("`{ __typename }`", "{ __typename }"), ("page of 7", page)] {
        let payload = json!({"query": query});
        let (mut ours, mut stock) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(mean(&pair, &pair.ours, &payload).await);
            stock.push(mean(&pair, &pair.stock, &payload).await);
        }
        let [ours, stock] = [ours, stock].map(median);
        println!("| {name} | {ours:.1} | {stock:.1} | {:.2} |", ours / stock);
    }
}

/// Returns the mean time of a request in a round, in µs.
async fn mean(pair: &Pair, router: &Router, payload: &Value) -> f64 {
    let (begun, mut count) = (Instant::now(), 0_u32);
    while begun.elapsed() < ROUND {
        black_box(answer(router, pair.post(payload)).await);
        count += 1;
    }
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(count)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
