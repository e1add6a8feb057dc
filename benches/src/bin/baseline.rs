//! Baseline server for the measurements: the same answers with axum, with SQL and JSON written by hand, and without
//! GraphQL or authentication.
//!
//! `baseline DATABASE` prints its address as a line of JSON. It uses rusqlite on SQLite and tokio-postgres on
//! PostgreSQL, both with prepared statements.

use std::{error::Error, sync::Arc};

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use chatgraph_benches::baseline::{Floor, Row};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let database = std::env::args().nth(1).ok_or("which database?")?;
    let floor = Arc::new(Floor::open(&database).await?);
    let router = Router::new()
        .route("/page/{session}", get(page))
        .route("/chat/{session}/{jid}", get(chat))
        .route("/archive/{session}/{jid}/{archived}", post(archive))
        .with_state(floor);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{{\"address\":\"{}\"}}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

async fn page(State(floor): State<Arc<Floor>>, Path(session): Path<String>) -> Response {
    let rows = floor.page(&session).await;
    answer(rows.map(|mut rows| {
        let more = rows.len() > 50;
        rows.truncate(50);
        let mut json = String::with_capacity(16_384);
        json.push_str("{\"data\":{\"chats\":{\"nodes\":[");
        for (place, row) in rows.iter().enumerate() {
            if place > 0 {
                json.push(',');
            }
            write(&mut json, row);
        }
        json.push_str("],\"pageInfo\":{\"hasNextPage\":");
        json.push_str(if more { "true" } else { "false" });
        json.push_str("}}}}");
        json
    }))
}

async fn chat(State(floor): State<Arc<Floor>>, Path((session, jid)): Path<(String, String)>) -> Response {
    answer(floor.chat(&session, &jid).await.map(|row| {
        let mut json = String::from("{\"data\":{\"chat\":");
        write(&mut json, &row);
        json.push_str("}}");
        json
    }))
}

async fn archive(
    State(floor): State<Arc<Floor>>,
    Path((session, jid, archived)): Path<(String, String, bool)>,
) -> Response {
    answer(floor.archive(&session, &jid, archived).await.map(|row| {
        let mut json = String::from("{\"data\":{\"updateChat\":{\"chat\":");
        write(&mut json, &row);
        json.push_str("}}}");
        json
    }))
}

fn answer(json: Result<String, Box<dyn Error + Send + Sync>>) -> Response {
    match json {
        Ok(json) => ([(CONTENT_TYPE, "application/json")], json).into_response(),
        Err(failed) => (StatusCode::INTERNAL_SERVER_ERROR, failed.to_string()).into_response(),
    }
}

fn write(json: &mut String, row: &Row) {
    use std::fmt::Write as _;
    let text = |text: &str| serde_json::to_string(text).expect("text is JSON");
    let number = |number: Option<i64>| number.map_or_else(|| "null".to_owned(), |number| number.to_string());
    let written = write!(
        json,
        "{{\"id\":\"{}\",\"jid\":{},\"name\":{},\"archived\":{},\"pinned\":{},\"muted\":{},\"mutedUntil\":{},\
         \"unreadCount\":{},\"markedUnread\":{},\"lastMessageAt\":{}}}",
        row.id,
        text(&row.jid),
        row.name.as_deref().map_or_else(|| "null".to_owned(), text),
        row.archived,
        row.pinned,
        row.muted_until.is_some(),
        number(row.muted_until),
        row.unread_count,
        row.marked_unread,
        number(row.last_message_at),
    );
    written.expect("writing to a String cannot fail");
}
