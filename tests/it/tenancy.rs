//! Objects of another organization are indistinguishable, byte for byte, from objects that do not exist. This holds in
//! every place of the schema in which a client names an object.

use serde_json::{Value, json};

use crate::support::{MEI, RAVI, Schema, Subscription, TestServer, small_account};

/// Kind of object that a client names.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Thing {
    Session,
    /// A chat by its address.
    Chat,
    /// A chat by its id.
    ChatId,
    /// Any object with an id.
    Node,
    Key,
    /// A position in a list or in the change log, at this pointer in the first organization's answers.
    Cursor(&'static str),
}

use Thing::{Chat, ChatId, Cursor, Key, Node, Session};

/// Each place, the kind of object, and an operation that names the object as `$x`. A new place without a line fails the
/// test; a cursor's line covers `after` and, if it exists, `before`.
const PLACES: &[(&str, Thing, &str)] = &[
    ("Query.chats(sessionId)", Session, "query($x: ID) { chats(sessionId: $x) { nodes { id } } }"),
    (
        "Query.chats(after)",
        Cursor("/chats/pageInfo/endCursor"),
        "query($x: String) { chats(after: $x) { nodes { id } } }",
    ),
    ("Query.chat(cid)", Chat, "query($x: JID!) { chat(cid: $x) { id } }"),
    ("Query.chat(id)", ChatId, "query($x: ID!) { chat(id: $x) { id } }"),
    (
        "Query.chat(sessionId)",
        Session,
        "query($x: ID) { chat(cid: \"15550111@s.whatsapp.net\", sessionId: $x) { id } }",
    ),
    (
        "Query.sessions(after)",
        Cursor("/sessions/pageInfo/endCursor"),
        "query($x: String) { sessions(after: $x) { nodes { id } } }",
    ),
    ("Query.session(id)", Session, "query($x: ID!) { session(id: $x) { id } }"),
    ("Query.node(id)", Node, "query($x: ID!) { node(id: $x) { id } }"),
    ("Query.nodes(ids)", Node, "query($x: ID!) { nodes(ids: [$x]) { id } }"),
    ("Session.chat(cid)", Chat, "query($x: JID!) { sessions { nodes { chat(cid: $x) { id } } } }"),
    (
        "Session.chats(after)",
        Cursor("/sessions/nodes/0/chats/pageInfo/endCursor"),
        "query($x: String) { sessions { nodes { chats(after: $x) { nodes { id } } } } }",
    ),
    (
        "Chat.messages(after)",
        Cursor("/chat/messages/pageInfo/endCursor"),
        "query($x: String) { chat(cid: \"15550111@s.whatsapp.net\") { messages(after: $x) { nodes { id } } } }",
    ),
    (
        "Mutation.updateChat(input.cid)",
        Chat,
        "mutation($x: JID!) { updateChat(input: {cid: $x, archived: true}) { chat { id } } }",
    ),
    (
        "Mutation.updateChat(input.id)",
        ChatId,
        "mutation($x: ID!) { updateChat(input: {id: $x, archived: true}) { chat { id } } }",
    ),
    ("Mutation.deleteChat(input.id)", ChatId, "mutation($x: ID!) { deleteChat(input: {id: $x}) { deletedChatId } }"),
    (
        "Mutation.updateChat(input.sessionId)",
        Session,
        "mutation($x: ID) { updateChat(input: {cid: \"15550111@s.whatsapp.net\", sessionId: $x, archived: true}) { chat { id } } }",
    ),
    (
        "Mutation.deleteChat(input.cid)",
        Chat,
        "mutation($x: JID!) { deleteChat(input: {cid: $x}) { deletedChatId cid sessionId } }",
    ),
    (
        "Mutation.deleteChat(input.sessionId)",
        Session,
        "mutation($x: ID) { deleteChat(input: {cid: \"15550111@s.whatsapp.net\", sessionId: $x}) { deletedChatId } }",
    ),
    (
        "Mutation.startSession(input.sessionId)",
        Session,
        "mutation($x: ID!) { startSession(input: {sessionId: $x}) { session { id } } }",
    ),
    (
        "Mutation.requestPairingCode(input.sessionId)",
        Session,
        "mutation($x: ID!) { requestPairingCode(input: {sessionId: $x, phoneNumber: \"15550100\"}) { session { id } } }",
    ),
    (
        "Mutation.resyncSession(input.sessionId)",
        Session,
        "mutation($x: ID!) { resyncSession(input: {sessionId: $x}) { session { id } } }",
    ),
    (
        "Mutation.stopSession(input.sessionId)",
        Session,
        "mutation($x: ID!) { stopSession(input: {sessionId: $x}) { session { id } } }",
    ),
    (
        "Mutation.logoutSession(input.sessionId)",
        Session,
        "mutation($x: ID!) { logoutSession(input: {sessionId: $x}) { session { id } } }",
    ),
    (
        "Mutation.updateSession(input.sessionId)",
        Session,
        "mutation($x: ID!) { updateSession(input: {sessionId: $x, label: \"Mine\"}) { session { id } } }",
    ),
    (
        "Mutation.deleteSession(input.sessionId)",
        Session,
        "mutation($x: ID!) { deleteSession(input: {sessionId: $x}) { deletedSessionId } }",
    ),
    (
        "Mutation.rejectCall(input.sessionId)",
        Session,
        "mutation($x: ID!) { rejectCall(input: {sessionId: $x, callId: \"A\", from: \"15550111@s.whatsapp.net\"}) { sent } }",
    ),
    (
        "Query.apiKeys(after)",
        Cursor("/apiKeys/pageInfo/endCursor"),
        "query($x: String) { apiKeys(after: $x) { nodes { id } } }",
    ),
    ("Mutation.revokeApiKey(input.id)", Key, "mutation($x: ID!) { revokeApiKey(input: {id: $x}) { revokedId } }"),
    (
        "Subscription.chatChanges(sessionId)",
        Session,
        "subscription($x: ID) { chatChanges(sessionId: $x) { change { cid } } }",
    ),
    ("Subscription.chatChanges(cid)", Chat, "subscription($x: JID) { chatChanges(cid: $x) { change { cid } } }"),
    ("Subscription.chatChanges(chatId)", ChatId, "subscription($x: ID) { chatChanges(chatId: $x) { change { cid } } }"),
    (
        "Subscription.chatChanges(after)",
        Cursor("/chats/changeCursor"),
        "subscription($x: String) { chatChanges(after: $x) { change { cid } } }",
    ),
    (
        "Subscription.sessionChanges(sessionId)",
        Session,
        "subscription($x: ID) { sessionChanges(sessionId: $x) { sessionId } }",
    ),
    ("Subscription.incomingCalls(sessionId)", Session, "subscription($x: ID) { incomingCalls(sessionId: $x) { id } }"),
];

/// Texts that name no object, or only match within the client's own organization.
const OWN_TEXTS: &[&str] = &[
    "Mutation.createApiKey(input.idempotencyKey)",
    "Mutation.createApiKey(input.name)",
    "Mutation.createSession(input.idempotencyKey)",
    "Mutation.createSession(input.label)",
    "Mutation.requestPairingCode(input.phoneNumber)",
    "Mutation.rejectCall(input.callId)",
    "Mutation.rejectCall(input.from)",
    "Mutation.updateSession(input.label)",
    "Mutation.updateSession(input.callAutoReply)",
    "Query.chats(filter.search)",
    "Session.chats(filter.search)",
];

/// Query for the first organization's cursors and ids.
const OWN: &str = "query { apiKeys { nodes { id } pageInfo { endCursor } } chats { changeCursor pageInfo { endCursor } } \
    sessions { pageInfo { endCursor } nodes { id chats { pageInfo { endCursor } } } } \
    chat(cid: \"15550111@s.whatsapp.net\") { id messages { pageInfo { endCursor } } lastMessage { id } } }";

/// Returns an object of the first organization, and an unknown one in the same format.
fn foreign_and_unknown(thing: Thing, own: &Value, contract: &Schema) -> Vec<(String, String)> {
    let at = |pointer: &str| own.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer}: {own}"));
    let id = |pointer: &str| {
        let foreign = at(pointer).to_owned();
        let unknown = format!("{}01ARZ3NDEKTSV4RRFFQ69G5FAV", &foreign[..4]);
        (foreign, unknown)
    };
    match thing {
        Session => vec![id("/sessions/nodes/0/id")],
        ChatId => vec![id("/chat/id")],
        Chat => vec![(RAVI.to_owned(), "15550199@s.whatsapp.net".to_owned())],
        Node => {
            let nodes = &contract.find("Node").expect("the interface").possible;
            let of_type = |name: &String| match &**name {
                "Session" => id("/sessions/nodes/0/id"),
                "Chat" => id("/chat/id"),
                "Message" => id("/chat/lastMessage/id"),
                other => panic!("no id of a {other}"),
            };
            nodes.iter().map(of_type).collect()
        }
        Key => vec![id("/apiKeys/nodes/0/id")],
        Cursor(pointer) => vec![(at(pointer).to_owned(), "A".repeat(at(pointer).len()))],
    }
}

/// Returns the raw answer, or the first message of a subscription.
async fn answer(server: &TestServer, key: &str, document: &str, x: &str) -> String {
    if document.starts_with("subscription") {
        let mut subscription = Subscription::open(server, key, document, json!({"x": x})).await;
        return subscription.first_text().await;
    }
    let body = json!({"query": document, "variables": {"x": x}});
    let sent = reqwest::Client::new().post(&server.url).bearer_auth(key).json(&body).send().await.expect("an answer");
    let (status, mut headers) = (sent.status(), sent.headers().clone());
    for name in ["x-request-id", "date", "ratelimit"] {
        headers.remove(name).unwrap_or_else(|| panic!("no {name}"));
    }
    format!("{status} {headers:?} {}", sent.text().await.expect("text"))
}

#[tokio::test]
async fn every_place_of_the_schema_is_tested() {
    let server = TestServer::start().await;
    let places = Schema::of(&server).await.places();
    let covered = |place: &str| PLACES.iter().any(|(name, _, _)| *name == place) || OWN_TEXTS.contains(&place);
    let missing: Vec<_> = places.iter().filter(|place| !covered(&place.replace("(before)", "(after)"))).collect();
    assert!(missing.is_empty(), "places without a test operation: {missing:?}");
    let gone: Vec<_> = PLACES.iter().map(|(name, _, _)| *name).filter(|name| !places.contains(*name)).collect();
    assert!(gone.is_empty() && places.len() > 20, "{gone:?} are not in the schema: {places:?}");
}

#[tokio::test]
async fn another_organizations_things_answer_exactly_as_unknown_ones() {
    let server = TestServer::start().await;
    let key = server.create_key("org_2", &[]);
    let phone = server.sandbox.create_account(small_account("15550200")).expect("an account");
    server.pair_as(&key, &phone).await;
    let contract = Schema::of(&server).await;
    let places = contract.places();
    let own = server.query(OWN).await["data"].clone();
    let mut compared = 0;
    for (place, thing, document) in PLACES {
        let before = (place.replace("(after)", "(before)"), document.replace("after:", "before:"));
        let both = [((*place).to_owned(), (*document).to_owned()), before];
        for (place, document) in both.into_iter().filter(|(place, _)| places.contains(place)) {
            for (foreign, unknown) in foreign_and_unknown(*thing, &own, &contract) {
                let told = answer(&server, &key, &document, &foreign).await;
                assert_eq!(told, answer(&server, &key, &document, &unknown).await, "{place} of {foreign}");
                compared += 1;
                // The organization itself gets a different answer, so the comparison is meaningful. Subscriptions send
                // nothing at first.
                if document.starts_with("query") {
                    let own = answer(&server, &server.key, &document, &foreign).await;
                    let nothing = answer(&server, &server.key, &document, &unknown).await;
                    assert_ne!(own, nothing, "{place} of {foreign}");
                }
            }
        }
    }
    assert!(compared >= PLACES.len(), "only {compared} objects were compared");
    // None of the first organization's data has changed.
    let after = server.query(OWN).await["data"].clone();
    assert_eq!(after, own);
    server.assert_in_sync().await;
    assert_eq!(server.chat(MEI).await["archived"], false);
}
