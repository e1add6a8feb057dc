//! Required capability of each field, over HTTP and WebSocket, for every field of the schema and every set of
//! permissions. An undeclared field fails the test.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::support::{Schema, Subscription, TestServer};

/// Every field of every object. `field:capability` requires that capability on every path to the object. `field` alone
/// requires only what its object requires.
const DECLARED: &[(&str, &str)] = &[
    (
        "Query",
        "viewer chats:read chat:read sessions:read session:read node:read nodes:read apiKeys:manage changeCursor:read \
         errorCodes",
    ),
    ("ErrorExplanation", "code retryable reasons"),
    (
        "Mutation",
        "updateChat:send deleteChat:send createSession:manage startSession:manage stopSession:manage \
         requestPairingCode:manage logoutSession:manage resyncSession:manage updateSession:manage \
         deleteSession:manage rejectCall:send createApiKey:manage revokeApiKey:manage",
    ),
    ("Subscription", "chatChanges:events sessionChanges:events incomingCalls:events"),
    ("Viewer", "kind organizationId userId role capabilities"),
    (
        "Chat",
        "id session jid aliases type name archived pinned muted mutedUntil unreadCount markedUnread lastMessageAt \
         lastMessage:read messages:read sync revision",
    ),
    ("ChatSync", "state pending refused"),
    ("Refusal", "field code reason at"),
    ("ChatConnection", "edges nodes pageInfo totalCount changeCursor"),
    ("ChatEdge", "cursor node"),
    ("PageInfo", "hasNextPage hasPreviousPage startCursor endCursor"),
    ("ChatChangeEvent", "cursor change"),
    ("ChatChange", "at kind origin sessionId session chatId cid changed chat mergedIntoId replacesId"),
    ("SessionChange", "sessionId session"),
    ("IncomingCall", "id session from fromName video group at"),
    ("Message", "id chat fromMe sender senderName kind text at edited revoked"),
    ("MessageConnection", "edges nodes pageInfo"),
    ("MessageEdge", "cursor node"),
    (
        "Session",
        "id label status statusReason statusCode bannedUntil jid lid phoneNumber pairing:manage historyImport callAutoReply createdAt \
         lastConnectedAt chats:read chat:read",
    ),
    ("Pairing", "qr qrSvg code expiresAt codeExpiresAt"),
    ("HistoryImport", "percent chats messages incomplete"),
    ("SessionConnection", "edges nodes pageInfo"),
    ("SessionEdge", "cursor node"),
    ("ApiKeyConnection", "edges nodes pageInfo"),
    ("ApiKeyEdge", "cursor node"),
    ("UpdateChatPayload", "chat"),
    ("DeleteChatPayload", "deletedChatId cid sessionId"),
    ("SessionPayload", "session"),
    ("RejectCallPayload", "sent autoReplied"),
    ("DeleteSessionPayload", "deletedSessionId"),
    ("ApiKey", "id name prefix permissions createdAt createdBy expiresAt lastUsedAt"),
    ("ApiKeyCreator", "kind keyId userId"),
    ("CreateApiKeyPayload", "apiKey secret"),
    ("RevokeApiKeyPayload", "revokedId"),
];

/// Arguments of the fields that need some. The mutations change nothing: they set current values or do not find their
/// object.
const ARGUMENTS: &[(&str, &str)] = &[
    ("Query.chat", "cid: \"15550111@s.whatsapp.net\""),
    ("Query.session", "id: \"SESSION\""),
    ("Query.node", "id: \"NODE\""),
    ("Query.nodes", "ids: [\"NODE\"]"),
    ("Session.chat", "cid: \"15550111@s.whatsapp.net\""),
    ("Mutation.updateChat", "input: {cid: \"15550111@s.whatsapp.net\"}"),
    ("Mutation.deleteChat", "input: {cid: \"15550199@s.whatsapp.net\"}"),
    ("Mutation.createSession", "input: {label: \"LONG\"}"),
    ("Mutation.startSession", "input: {sessionId: \"nobody's\"}"),
    ("Mutation.requestPairingCode", "input: {sessionId: \"nobody's\", phoneNumber: \"15550100\"}"),
    ("Mutation.resyncSession", "input: {sessionId: \"nobody's\"}"),
    ("Mutation.stopSession", "input: {sessionId: \"nobody's\"}"),
    ("Mutation.logoutSession", "input: {sessionId: \"nobody's\"}"),
    ("Mutation.updateSession", "input: {sessionId: \"SESSION\"}"),
    ("Mutation.deleteSession", "input: {sessionId: \"nobody's\"}"),
    ("Mutation.rejectCall", "input: {sessionId: \"nobody's\", callId: \"A\", from: \"15550111@s.whatsapp.net\"}"),
    ("Mutation.createApiKey", "input: {name: \"\", permissions: []}"),
    ("Mutation.revokeApiKey", "input: {id: \"nobody's\"}"),
    ("Subscription.chatChanges", "after: \"CURSOR\""),
];

/// The field through which a payload type of several mutations is reached: one that returns an object.
const PAYLOAD: (&str, &str) = ("SessionPayload", "Mutation.updateSession");

type Permissions = BTreeSet<String>;

/// A path from a root to an object: the text before and after a field of it, and the required permissions.
#[derive(Debug, Clone)]
struct Way {
    before: String,
    behind: String,
    requires: Permissions,
}

impl Way {
    fn root(operation: &str) -> Self {
        Self { before: format!("{operation} {{ "), behind: " }".to_owned(), requires: Permissions::new() }
    }

    /// Extends the path through a field of the object to a field of type `target`.
    fn through(&self, call: &str, fragment: Option<&str>, gate: Option<&str>) -> Self {
        let (fragment, end) = fragment.map_or((String::new(), ""), |name| (format!("... on {name} {{ "), " }"));
        let before = format!("{}{call} {{ {fragment}", self.before);
        let behind = format!("{end} }}{}", self.behind);
        let requires = self.requires.iter().cloned().chain(gate.map(str::to_owned)).collect();
        Self { before, behind, requires }
    }

    fn ask(&self, selection: &str) -> String {
        format!("{}{selection}{}", self.before, self.behind)
    }
}

/// Ids and cursors from the server, which fill in [`ARGUMENTS`].
struct Samples {
    session: String,
    chat: String,
    message: String,
    cursor: String,
}

impl Samples {
    async fn of(server: &TestServer) -> Self {
        let query = "{ chats { changeCursor } chat(cid: \"15550111@s.whatsapp.net\") { id lastMessage { id } } }";
        let data = server.query(query).await["data"].clone();
        let text = |pointer: &str| data.pointer(pointer).and_then(Value::as_str).expect("text").to_owned();
        Self {
            session: server.session.clone(),
            chat: text("/chat/id"),
            message: text("/chat/lastMessage/id"),
            cursor: text("/chats/changeCursor"),
        }
    }

    fn fill(&self, arguments: &str, target: &str) -> String {
        let node = match target {
            "Session" => &self.session,
            "Message" => &self.message,
            _ => &self.chat,
        };
        let filled = arguments.replace("SESSION", &self.session).replace("NODE", node);
        filled.replace("CURSOR", &self.cursor).replace("LONG", &"x".repeat(101))
    }
}

/// Returns the declared capabilities by type and field.
fn gates() -> BTreeMap<&'static str, BTreeMap<&'static str, Option<&'static str>>> {
    let fields = |text: &'static str| {
        let fields = text.split_whitespace().map(|field| match field.split_once(':') {
            Some((field, capability)) => (field, Some(capability)),
            None => (field, None),
        });
        fields.collect()
    };
    DECLARED.iter().map(|(name, text)| (*name, fields(text))).collect()
}

/// Returns every query with its required permissions: each field of each object, and each protected field again through
/// every field that leads to its object.
fn questions(contract: &Schema, samples: &Samples) -> Vec<(String, Permissions)> {
    let (gates, mut ways, mut questions) = (gates(), BTreeMap::new(), Vec::new());
    let mut queue: VecDeque<(String, Way)> =
        ["Query", "Mutation", "Subscription"].map(|root| (root.to_owned(), Way::root(&root.to_lowercase()))).into();
    while let Some((name, way)) = queue.pop_front() {
        if ways.contains_key(&name) {
            continue;
        }
        ways.insert(name.clone(), way.clone());
        for field in &contract.find(&name).expect("a type").fields {
            let gate =
                *gates[&*name].get(&*field.name).unwrap_or_else(|| panic!("{name}.{} is not declared", field.name));
            let place = format!("{name}.{}", field.name);
            let arguments = ARGUMENTS.iter().find(|(of, _)| *of == place).map(|(_, arguments)| *arguments);
            assert!(arguments.is_some() || !field.needs_arguments, "{place} needs arguments");
            let call = |target: &str| match arguments {
                Some(arguments) => format!("{}({})", field.name, samples.fill(arguments, target)),
                None => field.name.clone(),
            };
            let requires: Permissions = way.requires.iter().cloned().chain(gate.map(str::to_owned)).collect();
            let targets = contract.find(&field.type_name).filter(|target| !target.fields.is_empty());
            let Some(target) = targets else {
                questions.push((way.ask(&call("")), requires));
                continue;
            };
            questions.push((way.ask(&format!("{} {{ __typename }}", call(""))), requires));
            if target.name == PAYLOAD.0 && place != PAYLOAD.1 {
                continue;
            }
            let objects = if target.possible.is_empty() { vec![target.name.clone()] } else { target.possible.clone() };
            for object in objects {
                let fragment = (object != target.name).then_some(&*object);
                let further = way.through(&call(&object), fragment, gate);
                for (gated, gate) in &gates[&*object] {
                    let Some(gate) = gate else { continue };
                    let arguments = ARGUMENTS.iter().find(|(of, _)| *of == format!("{object}.{gated}"));
                    let arguments = arguments.map_or(String::new(), |(_, arguments)| format!("({arguments})"));
                    let requires = further.requires.iter().cloned().chain([(*gate).to_owned()]).collect();
                    questions.push((further.ask(&format!("{gated}{arguments} {{ __typename }}")), requires));
                }
                queue.push_back((object, further));
            }
        }
    }
    let reached: BTreeSet<_> = ways.into_keys().collect();
    assert_eq!(reached, gates.keys().map(|name| (*name).to_owned()).collect(), "some types are not reached");
    questions
}

/// Returns true if the answer has a `forbidden` error; for a subscription, its first event with data counts.
async fn is_forbidden(server: &TestServer, key: &str, question: &str) -> bool {
    let refused = |errors: &Value| {
        errors.as_array().is_some_and(|errors| errors.iter().any(|error| error["extensions"]["code"] == "forbidden"))
    };
    if !question.starts_with("subscription") {
        return refused(&server.query_as(key, question, json!({})).await["errors"]);
    }
    let mut subscription = Subscription::open(server, key, question, json!({})).await;
    // The first event of `chatChanges` has only a cursor, the second has the change after it.
    let events = if question.contains("chatChanges") { 2 } else { 1 };
    for _ in 0..events {
        let message: Value = serde_json::from_str(&subscription.first_text().await).expect("JSON");
        if message["type"] == "error" {
            return refused(&message["payload"]);
        }
        if refused(&message["payload"]["errors"]) {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn every_field_has_a_declared_capability() {
    let server = TestServer::start().await;
    let contract = Schema::of(&server).await;
    let objects = contract.types().iter().filter(|found| found.is_object);
    let fields = objects.flat_map(|object| object.fields.iter().map(|field| format!("{}.{}", object.name, field.name)));
    let fields: BTreeSet<_> = fields.collect();
    let declared = gates();
    let declared: BTreeSet<_> =
        declared.iter().flat_map(|(name, fields)| fields.keys().map(move |field| format!("{name}.{field}"))).collect();
    let undeclared: Vec<_> = fields.difference(&declared).collect();
    assert!(undeclared.is_empty(), "fields without a declared capability: {undeclared:?}");
    let gone: Vec<_> = declared.difference(&fields).collect();
    assert!(gone.is_empty(), "{gone:?} are not in the schema");
}

#[tokio::test]
async fn every_field_obeys_its_declaration_for_all_permission_sets() {
    let server = TestServer::start().await;
    let samples = Samples::of(&server).await;
    // The subscription reads this change after the cursor.
    server.update_chat("15550111@s.whatsapp.net", "read: true").await;
    server.assert_in_sync().await;
    let questions = questions(&Schema::of(&server).await, &samples);
    assert!(questions.len() > 120, "only {} questions", questions.len());
    let all = ["read", "send", "manage", "events"];
    let asking = async {
        for set in 1..16_u32 {
            let held: Vec<_> =
                all.iter().enumerate().filter(|(bit, _)| set & 1 << bit != 0).map(|(_, name)| *name).collect();
            let key = server.create_key("org_1", &held);
            let asked = questions.iter().map(async |(question, requires)| {
                let forbidden = requires.iter().any(|capability| !held.contains(&&**capability));
                (is_forbidden(&server, &key, question).await != forbidden).then(|| {
                    format!(
                        "{question} requires {requires:?} and is {}",
                        if forbidden { "answered" } else { "forbidden" }
                    )
                })
            });
            let wrong: Vec<_> = stream::iter(asked).buffered(8).filter_map(async |wrong| wrong).collect().await;
            assert!(wrong.is_empty(), "with {held:?}:\n{}", wrong.join("\n"));
        }
    };
    // A subscription to calls needs calls.
    let calling = async {
        loop {
            server.phone().call("15550111", false, None).await.expect("a call");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = asking => {}
        () = calling => {}
    }
}
