//! GraphQL requests over HTTP.

use serde_json::{Value, json};

use super::{
    TestServer,
    queries::{session_query, update_chat_mutation},
    wait::ANSWER_TIMEOUT,
};

impl TestServer {
    /// Sends a query without variables, with the server's key.
    pub(crate) async fn query(&self, query: &str) -> Value {
        self.query_with(query, json!({})).await
    }

    /// Sends a query with the server's key.
    pub(crate) async fn query_with(&self, query: &str, variables: Value) -> Value {
        self.query_as(&self.key, query, variables).await
    }

    /// Sends a query with another key.
    pub(crate) async fn query_as(&self, key: &str, query: &str, variables: Value) -> Value {
        let body = json!({"query": query, "variables": variables});
        let sent = client().post(&self.url).bearer_auth(key).json(&body).send().await;
        sent.expect("an answer").json().await.expect("JSON")
    }

    /// Updates a chat, and returns the chat in the answer.
    pub(crate) async fn update_chat(&self, cid: &str, fields: &str) -> Value {
        let selection = "jid archived pinned muted mutedUntil unreadCount markedUnread sync { state pending }";
        let answer = self.query(&update_chat_mutation(cid, fields, selection)).await;
        assert_eq!(answer["errors"], Value::Null, "{answer}");
        answer["data"]["updateChat"]["chat"].clone()
    }

    /// Returns these fields of a session.
    pub(crate) async fn session_fields(&self, session: &str, fields: &str) -> Value {
        self.query_with(&session_query(fields), json!({"id": session})).await["data"]["session"].clone()
    }

    /// Returns a chat from the API.
    pub(crate) async fn chat(&self, cid: &str) -> Value {
        let query = "query($cid: JID!) { chat(cid: $cid) { id jid name type archived pinned muted mutedUntil \
                     unreadCount markedUnread lastMessageAt lastMessage { text fromMe sender senderName kind at } \
                     sync { state pending } } }";
        let answer = self.query_with(query, json!({"cid": cid})).await;
        answer["data"]["chat"].clone()
    }
}

/// Returns an HTTP client with a time limit.
pub(super) fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(ANSWER_TIMEOUT).build().expect("a client")
}

/// Returns the code of an answer's only error.
pub(crate) fn error_code(answer: &Value) -> &str {
    assert_eq!(answer["errors"].as_array().map(Vec::len), Some(1), "{answer}");
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("")
}

/// Returns the input field that an answer's only error names.
pub(crate) fn error_field(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["field"].as_str().unwrap_or("")
}
