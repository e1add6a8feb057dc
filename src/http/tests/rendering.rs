//! Comparison of rendered responses with the engine's, which are the definition: random documents on the schema have the
//! same response, byte for byte, whether hot objects are written as text or resolved field by field.

use std::{collections::HashMap, fmt::Write as _, sync::Arc};

use async_graphql::{
    Request,
    parser::types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition},
};

use super::fixture::Rig;
use crate::{
    auth::viewer::Viewer,
    domain::{
        capability::{Capabilities, Capability},
        change::ChatField,
        chat::{Chat, LastMessage},
        jid::Jid,
        message::{IncomingMessage, MessageKind},
        peer::Period,
    },
    graphql::{self, AnswerSlots, Caller},
    http::Config,
    store::error::StoreError,
};

const DOCUMENTS: u64 = 600;
/// The depth of a document below its root field.
const DEPTH: usize = 4;

/// Pseudo-random choices, the same in every run.
pub(super) struct Choices(pub(super) u64);

impl Choices {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % below
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.next(100) < percent
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.next(items.len())]
    }
}

/// The fields of each object type and interface of the schema.
pub(super) struct Types(HashMap<String, Vec<FieldDefinition>>);

impl Types {
    pub(super) fn of_schema() -> Self {
        let document = async_graphql::parser::parse_schema(graphql::sdl()).expect("the schema we print is a schema");
        let types = document.definitions.into_iter().filter_map(|definition| {
            let TypeSystemDefinition::Type(definition) = definition else { return None };
            let fields = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                _ => return None,
            };
            Some((definition.node.name.node.to_string(), fields.into_iter().map(|field| field.node).collect()))
        });
        Self(types.collect())
    }

    /// A random selection of fields of this type. Plain fields are more likely than others, of which one suffices for
    /// the engine to resolve the object.
    pub(super) fn selection(&self, of: &str, depth: usize, choices: &mut Choices) -> String {
        let (mut text, unusual) = (String::from("{"), choices.chance(10));
        if choices.chance(10) {
            text.push_str(" __typename");
        }
        for field in &self.0[of] {
            let (name, below) = (field.name.node.as_str(), named(&field.ty.node));
            let is_rare =
                ["messages", "refused", "totalCount", "historyImport", "pairing", "chats", "chat"].contains(&name);
            if !choices.chance(if is_rare && !unusual { 1 } else { 45 }) {
                continue;
            }
            let is_object = self.0.contains_key(below);
            if is_object && depth == 0 {
                continue;
            }
            let alias = if choices.chance(10) { "other: " } else { "" };
            let arguments = match name {
                "chats" | "messages" => "(first: 2)",
                "chat" if of == "Session" => "(cid: \"15550000001@s.whatsapp.net\")",
                _ => "",
            };
            let directive = *choices.pick(&["", "", "", "", "", "", " @include(if: true)", " @skip(if: true)"]);
            let alias = if text.contains("other:") { "" } else { alias };
            write!(text, " {alias}{name}{arguments}{directive}").expect("memory");
            if is_object {
                text.push_str(&self.selection(below, depth - 1, choices));
            }
        }
        if text.len() == 1 {
            text.push_str(" __typename");
        }
        if choices.chance(10) {
            write!(text, " ... on {of} {{ __typename }}").expect("memory");
        }
        text + " }"
    }
}

fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => named(item),
    }
}

/// A chat with every kind of content, a named one, an archived group without messages, and several plain ones.
async fn fill(rig: &Rig) -> Chat {
    rig.changes(4).await;
    let mut chat = rig.store.add_chat(10, 9_000).await;
    chat.names.contact = Some("Mei \"\u{7}\u{2028}\\ 🙂".into());
    (chat.settings.muted_until.value, chat.settings.pinned.value, chat.unread_count) =
        (Some(253_402_300_799_999), true, 3);
    chat.pending = [ChatField::Pinned, ChatField::MutedUntil].into_iter().collect();
    let mut group = rig.store.add_chat(11, 8_000).await;
    (group.settings.archived.value, group.settings.marked_unread.value) = (true, true);
    group.settings.muted_until.value = Some(1);
    (group.names.subject, group.refused) = (Some(String::new()), ChatField::Archived.into());
    let (session, mut full) = (rig.store.session, chat.clone());
    let stored: Result<Chat, StoreError> = rig
        .store
        .store
        .write(&rig.store.organization, move |unit| {
            Box::pin(async move {
                let message = IncomingMessage {
                    chat: full.jid.clone(),
                    wa_id: "3EB0".into(),
                    sender: full.jid.clone(),
                    sender_name: Some("Mei".into()),
                    from_me: false,
                    kind: MessageKind::Image,
                    text: Some("a\tb\n\u{0}</script>".replace('\u{0}', "")),
                    at: 9_000,
                };
                unit.insert_messages(session, full.id, &[message], 1).await?;
                full.last_message = unit.last_message(full.id).await?;
                let peer = unit.peer_of_chat(full.id).await?.expect("its peer");
                let jid: Jid = "100000000000001@lid".parse().expect("a JID");
                unit.insert_period(session, &Period { jid, peer: peer.id, from: 0, until: None }).await?;
                unit.save_chat(&full).await?;
                group.last_message = Some(LastMessage { id: None, at: 8_000 });
                unit.save_chat(&group).await?;
                Ok(full)
            })
        })
        .await;
    stored.expect("stored")
}

/// The response with and without rendered objects.
async fn both(rig: &Rig, caller: &Caller, document: &str) -> [String; 2] {
    let rendered = rig.api.execute(caller, Request::new(document)).await;
    let resolved = rig.api.execute(caller, graphql::by_engine(Request::new(document))).await;
    [graphql::json(&rendered), graphql::json(&resolved)]
}

/// A caller with every capability except this one.
pub(super) fn without(caller: &Caller, capability: Capability) -> Caller {
    let others = Capabilities::all() - capability;
    let viewer = Viewer { capabilities: others, ..(*caller.viewer).clone() };
    Caller { viewer: Arc::new(viewer), request_id: Arc::clone(&caller.request_id) }
}

pub(super) async fn start() -> (Rig, Caller, Chat) {
    let api = graphql::Config { rate_limit_cost_per_minute: 0, ..graphql::Config::default() };
    let rig = Rig::with_api(Config::default(), &api).await;
    let (chat, caller) = (fill(&rig).await, rig.caller().await);
    (rig, caller, chat)
}

#[tokio::test]
async fn rendered_responses_are_the_engines_byte_for_byte() {
    let (rig, caller, chat) = Box::pin(start()).await;
    let (types, session) = (Types::of_schema(), rig.store.session);
    let jid = chat.jid.as_str();
    let roots = [
        ("chats(first: 3)", "ChatConnection"),
        ("chats(order: INBOX, filter: {includeEmpty: true})", "ChatConnection"),
        (&format!("chats(sessionId: \"{session}\", last: 2)"), "ChatConnection"),
        (&format!("chat(cid: \"{jid}\")"), "Chat"),
        (&format!("chat(id: \"{}\")", chat.id), "Chat"),
        ("chat(cid: \"15559999999@s.whatsapp.net\")", "Chat"),
        (&format!("session(id: \"{session}\")"), "Session"),
        ("sessions", "SessionConnection"),
        (&format!("node(id: \"{}\")", chat.id), "Node"),
    ];
    let before = rig.api.metrics().rendered_counts();
    let mut limited = 0;
    for seed in 0..DOCUMENTS {
        let mut choices = Choices(seed);
        for _ in 0..4 {
            choices.next(1);
        }
        let (root, of) = *choices.pick(&roots);
        let document = format!("{{ {root} {} }}", types.selection(of, DEPTH, &mut choices));
        let [rendered, resolved] = both(&rig, &caller, &document).await;
        assert_eq!(rendered, resolved, "{document}");
        limited += u64::from(rendered.contains("limit_exceeded"));
    }
    let (text, engine) = rig.api.metrics().rendered_counts();
    let (text, engine) = (text - before.0, engine - before.1);
    println!("{DOCUMENTS} documents, {limited} over a limit: {text} objects as text, {engine} by the engine");
    assert!(text > DOCUMENTS / 2, "only {text} objects were rendered");
    assert!(engine > text, "the engine resolves each of them, and others");
    assert!(limited < DOCUMENTS / 10, "{limited} documents exceed a limit");
}

#[tokio::test]
async fn rendered_changes_are_the_engines_whatever_the_viewer_may_do() {
    const EVENTS: usize = 5;
    let (rig, caller, chat) = Box::pin(start()).await;
    let types = Types::of_schema();
    let update = format!("mutation {{ updateChat(input: {{cid: \"{}\", archived: true}})", chat.jid);
    rig.api.execute(&caller, Request::new(format!("{update} {{ __typename }} }}"))).await;
    for seed in 0..60 {
        let mut choices = Choices(seed * 7_919);
        for capability in [Capability::Manage, Capability::Read] {
            let caller = without(&caller, capability);
            let selection = types.selection("Chat", 2, &mut choices);
            // It changes nothing any more.
            let document = format!("{update} {{ chat {selection} }} }}");
            let [rendered, resolved] = both(&rig, &caller, &document).await;
            assert_eq!(rendered, resolved, "{document}");
            let after = rig.beginning();
            let document = format!(
                "subscription {{ chatChanges(after: \"{after}\") {{ cursor change {{ kind chat {selection} }} }} }}"
            );
            let slots = AnswerSlots::new(1);
            let events = async |request| {
                let mut operation = rig.api.start(caller.clone(), rig.api.prepare(&caller, request), &slots);
                let mut answers = Vec::new();
                while answers.len() < EVENTS {
                    answers.push(operation.next().await.expect("an event").json().into_owned());
                }
                answers
            };
            let rendered = events(Request::new(&document)).await;
            assert_eq!(rendered, events(graphql::by_engine(Request::new(&document))).await, "{document}");
            assert_eq!(rendered.len(), EVENTS, "{rendered:?}");
        }
    }
    assert!(rig.api.metrics().rendered_counts().0 > 200);
}
