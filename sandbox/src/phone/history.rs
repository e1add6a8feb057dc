//! History: messages from before a companion was paired, in chunks, and older messages on request.
//!
//! The first chunk is inside its message if it is small, and so are all small ones; the others are downloaded.

use std::collections::HashMap;

use whatsapp_rust::{
    buffa::MessageField,
    wacore::download::MediaType,
    waproto::{
        codec,
        whatsapp::{
            Conversation, GroupParticipant, HistorySync, HistorySyncMsg, Message, MessageKey, PhoneNumberToLIDMapping,
            Pushname, WebMessageInfo,
            conversation::EndOfHistoryTransferType,
            history_sync::HistorySyncType,
            message::{
                self, FutureProofMessage, HistorySyncNotification, ProtocolMessage,
                peer_data_operation_request_message::HistorySyncOnDemandRequest, protocol_message,
            },
            web_message_info::StubType,
        },
    },
};

use super::{
    account::Account,
    state::{self, Chat, Person, PhoneState},
};
use crate::{
    Error, chat::FOREVER, clock, lock::locked, message_kind::MessageKind, storage::media::Media, wire::node::SERVER,
};

/// Maximum length of an inline chunk, in bytes before compression.
const INLINE_LIMIT: usize = 32 * 1024;
/// Length at which a chunk is complete, in bytes before compression.
const CHUNK_LIMIT: usize = 256 * 1024;
/// Number of recent messages of each chat, for a companion that asked for the full history.
const RECENT_MESSAGES: usize = 20;
/// Default number of older messages in an on-demand response.
const ON_DEMAND_MESSAGES: usize = 50;

/// Creates the messages with the history of an account, in sending order. `full` is true if the companion asked for the
/// full history.
pub(crate) fn notices(account: &Account, media: &Media, full: bool) -> Result<Vec<Message>, Error> {
    let chunks = chunks(account, full);
    let count = chunks.len();
    let mut notices = Vec::with_capacity(count);
    for (index, mut chunk) in chunks.into_iter().enumerate() {
        let order = u32::try_from(index).unwrap_or(u32::MAX);
        let progress = u32::try_from((index + 1) * 100 / count).unwrap_or(100);
        chunk.chunk_order = Some(order);
        chunk.progress = Some(progress);
        notices.push(notice(&chunk, None, media)?);
    }
    Ok(notices)
}

fn chunks(account: &Account, full: bool) -> Vec<HistorySync> {
    let state = locked(&account.state);
    let mut by_age: Vec<_> = state.chats.iter().collect();
    by_age.sort_by_key(|(_, chat)| std::cmp::Reverse(chat.last_message_at()));

    let people = by_jid(&state);
    let mut chunks = vec![HistorySync {
        sync_type: HistorySyncType::INITIAL_BOOTSTRAP,
        phone_number_to_lid_mappings: mappings(&state),
        ..Default::default()
    }];
    let mut older = Vec::new();
    let mut length = 0;
    for (jid, chat) in by_age {
        let mut next = conversation(account, &state, &people, (jid, chat));
        if full && next.messages.len() > RECENT_MESSAGES {
            let messages = next.messages.split_off(RECENT_MESSAGES);
            older.push(Conversation { messages, ..next.clone() });
        }
        let size = whatsapp_rust::buffa::Message::encode_to_vec(&next).len();
        let limit = if chunks.len() == 1 { INLINE_LIMIT } else { CHUNK_LIMIT };
        if length > 0 && length + size > limit {
            chunks.push(HistorySync { sync_type: HistorySyncType::RECENT, ..Default::default() });
            length = 0;
        }
        length += size;
        if let Some(chunk) = chunks.last_mut() {
            chunk.conversations.push(next);
        }
    }
    chunks.push(HistorySync {
        sync_type: HistorySyncType::PUSH_NAME,
        pushnames: push_names(account, &state),
        ..Default::default()
    });
    let mut length = CHUNK_LIMIT;
    for next in older {
        let size = whatsapp_rust::buffa::Message::encode_to_vec(&next).len();
        if length + size > CHUNK_LIMIT {
            chunks.push(HistorySync { sync_type: HistorySyncType::FULL, ..Default::default() });
            length = 0;
        }
        length += size;
        if let Some(chunk) = chunks.last_mut() {
            chunk.conversations.push(next);
        }
    }
    chunks
}

fn mappings(state: &PhoneState) -> Vec<PhoneNumberToLIDMapping> {
    let known = state.people.iter().filter(|person| person.phone.is_some());
    known
        .filter_map(|person| {
            Some(PhoneNumberToLIDMapping { pn_jid: Some(person.jid()), lid_jid: Some(person.lid_jid()?) })
        })
        .collect()
}

fn push_names(account: &Account, state: &PhoneState) -> Vec<Pushname> {
    let own = Pushname { id: Some(account.jid()), pushname: Some(state.name.clone()) };
    let others = state
        .people
        .iter()
        .filter_map(|person| Some(Pushname { id: Some(person.jid()), pushname: Some(person.push_name.clone()?) }));
    std::iter::once(own).chain(others).collect()
}

/// Indexes the people by each of their JIDs: a phone may know many, and each message names one.
fn by_jid(state: &PhoneState) -> HashMap<String, &Person> {
    let mut people = HashMap::new();
    for person in &state.people {
        for jid in [Some(person.jid()), person.lid_jid()].into_iter().flatten() {
            people.entry(jid).or_insert(person);
        }
    }
    people
}

fn conversation(
    account: &Account,
    state: &PhoneState,
    people: &HashMap<String, &Person>,
    (jid, chat): (&str, &Chat),
) -> Conversation {
    let mut conversation = Conversation {
        id: jid.to_owned(),
        archived: Some(chat.archived),
        // In seconds, and 0 for a chat that is not pinned.
        pinned: Some(chat.pinned_at.map_or(0, |at| u32::try_from(clock::seconds(at)).unwrap_or(u32::MAX))),
        mute_end_time: chat.muted_until.map(mute_end),
        unread_count: Some(chat.unread),
        marked_as_unread: Some(chat.marked_unread),
        conversation_timestamp: chat.last_message_at().map(clock::seconds),
        last_msg_timestamp: chat.last_message_at().map(clock::seconds),
        ..Default::default()
    };
    if let Some(group) = state.groups.get(jid) {
        conversation.name = Some(group.subject.clone());
        conversation.created_at = Some(clock::seconds(account.made_at));
        conversation.participant =
            group.members.iter().map(|member| participant(state.member(group, member))).collect();
    } else if let Some(person) = people.get(jid) {
        conversation.name.clone_from(&person.name);
        conversation.display_name.clone_from(&person.push_name);
        conversation.pn_jid = person.phone.as_ref().map(|phone| format!("{phone}@{SERVER}"));
        conversation.lid_jid = person.lid_jid();
    }
    let numbered = chat.messages.iter().enumerate();
    // The newest first, numbered from the oldest, as phones send them.
    conversation.messages =
        numbered.rev().map(|(order, message)| past(state, people, jid, message, order as u64)).collect();
    conversation
}

/// In seconds, unlike in app state; all bits set for a mute without end.
fn mute_end(until: i64) -> u64 {
    if until >= FOREVER { u64::MAX } else { clock::seconds(until) }
}

fn participant(jid: String) -> GroupParticipant {
    GroupParticipant { user_jid: jid, ..Default::default() }
}

fn past(
    state: &PhoneState,
    people: &HashMap<String, &Person>,
    jid: &str,
    message: &state::Message,
    order: u64,
) -> HistorySyncMsg {
    let group = state.groups.get(jid);
    let sender = group.and_then(|group| message.from.as_deref().map(|from| state.member(group, from)));
    let writer = message.from.as_deref().and_then(|from| people.get(from));
    let key = MessageKey {
        remote_jid: Some(jid.to_owned()),
        from_me: Some(message.from.is_none()),
        id: Some(message.id.clone()),
        participant: sender.clone(),
    };
    let changed_at = message.changed_at.unwrap_or(message.at);
    let message = WebMessageInfo {
        message: content(message, &key),
        key: MessageField::some(key),
        message_timestamp: Some(clock::seconds(message.at)),
        message_stub_type: message.revoked.then_some(StubType::REVOKE),
        revoke_message_timestamp: message.revoked.then(|| clock::seconds(changed_at)),
        participant: sender,
        push_name: writer.and_then(|person| person.push_name.clone()),
        ..Default::default()
    };
    HistorySyncMsg { message: MessageField::some(message), msg_order_id: Some(order) }
}

/// Returns the present content of a message: empty if it was revoked, or its edit.
fn content(message: &state::Message, key: &MessageKey) -> MessageField<Message> {
    let text = || MessageField::some(message.kind.message(&message.text));
    match message.changed_at {
        _ if message.revoked || message.kind == MessageKind::ViewOnce => MessageField::none(),
        None => text(),
        Some(at) => {
            let edit = ProtocolMessage {
                key: MessageField::some(key.clone()),
                r#type: Some(protocol_message::Type::MESSAGE_EDIT),
                edited_message: text(),
                timestamp_ms: Some(at),
                ..Default::default()
            };
            let edit = Message { protocol_message: MessageField::some(edit), ..Default::default() };
            let envelope = FutureProofMessage { message: MessageField::some(edit) };
            MessageField::some(Message { edited_message: MessageField::some(envelope), ..Default::default() })
        }
    }
}

/// Creates the response with messages of a chat that are older than a given one, for the request `id`.
pub(super) fn on_demand(
    account: &Account,
    media: &Media,
    id: &str,
    requested: &HistorySyncOnDemandRequest,
) -> Result<Message, Error> {
    let chunk = {
        let state = locked(&account.state);
        let jid = requested.chat_jid.clone().unwrap_or_default();
        let messages_of_chat = state.chat(&jid).map(|chat| chat.messages.as_slice()).unwrap_or_default();
        let named = messages_of_chat.iter().position(|message| Some(&message.id) == requested.oldest_msg_id.as_ref());
        let before = |at: i64| messages_of_chat.iter().take_while(|message| message.at < at).count();
        let end = named.or_else(|| requested.oldest_msg_timestamp_ms.map(before)).unwrap_or(messages_of_chat.len());
        let count =
            requested.on_demand_msg_count.and_then(|count| usize::try_from(count).ok()).unwrap_or(ON_DEMAND_MESSAGES);
        let start = end.saturating_sub(count);
        let people = by_jid(&state);
        let older = messages_of_chat.iter().enumerate().take(end).skip(start).rev();
        let messages = older.map(|(order, message)| past(&state, &people, &jid, message, order as u64)).collect();
        let left = if start > 0 {
            EndOfHistoryTransferType::COMPLETE_BUT_MORE_MESSAGES_REMAIN_ON_PRIMARY
        } else {
            EndOfHistoryTransferType::COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY
        };
        HistorySync {
            sync_type: HistorySyncType::ON_DEMAND,
            conversations: vec![Conversation {
                id: jid,
                messages,
                end_of_history_transfer_type: Some(left),
                ..Default::default()
            }],
            chunk_order: Some(0),
            progress: Some(100),
            ..Default::default()
        }
    };
    notice(&chunk, Some(id), media)
}

/// Returns the message with this id, in the format of a history.
pub(super) fn message(account: &Account, id: &str) -> Option<WebMessageInfo> {
    let state = locked(&account.state);
    let mut all = state.chats.iter().flat_map(|(jid, chat)| chat.messages.iter().map(move |message| (jid, message)));
    let (jid, message) = all.find(|(_, message)| message.id == id)?;
    past(&state, &by_jid(&state), jid, message, 0).message.into_option()
}

/// Creates the message that announces a chunk; `requested` is the id of a companion's request.
fn notice(chunk: &HistorySync, requested: Option<&str>, media: &Media) -> Result<Message, Error> {
    let plain = codec::history_sync_to_vec(chunk);
    let packed = zlib(&plain);
    let mut notice = HistorySyncNotification {
        sync_type: Some(kind(chunk)),
        chunk_order: chunk.chunk_order,
        progress: chunk.progress,
        peer_data_request_session_id: requested.map(ToOwned::to_owned),
        ..Default::default()
    };
    if plain.len() <= INLINE_LIMIT {
        notice.initial_hist_bootstrap_inline_payload = Some(packed);
    } else {
        let blob = media.store(&packed, MediaType::History)?;
        notice.direct_path = Some(blob.path);
        notice.media_key = Some(blob.key);
        notice.file_sha256 = Some(blob.sha256);
        notice.file_enc_sha256 = Some(blob.encrypted_sha256);
        notice.file_length = Some(blob.length);
    }
    let protocol = ProtocolMessage {
        r#type: Some(protocol_message::Type::HISTORY_SYNC_NOTIFICATION),
        history_sync_notification: MessageField::some(notice),
        ..Default::default()
    };
    Ok(Message { protocol_message: MessageField::some(protocol), ..Default::default() })
}

fn kind(chunk: &HistorySync) -> message::HistorySyncType {
    match chunk.sync_type {
        HistorySyncType::RECENT => message::HistorySyncType::RECENT,
        HistorySyncType::FULL => message::HistorySyncType::FULL,
        HistorySyncType::PUSH_NAME => message::HistorySyncType::PUSH_NAME,
        HistorySyncType::ON_DEMAND => message::HistorySyncType::ON_DEMAND,
        _ => message::HistorySyncType::INITIAL_BOOTSTRAP,
    }
}

/// Encodes the zlib format without compression: only the format matters here.
fn zlib(plain: &[u8]) -> Vec<u8> {
    const MODULUS: u32 = 65_521;
    let mut packed = vec![0x78, 0x01];
    let mut blocks = plain.chunks(usize::from(u16::MAX)).peekable();
    if blocks.peek().is_none() {
        packed.extend_from_slice(&[1, 0, 0, 0xFF, 0xFF]);
    }
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        packed.push(u8::from(blocks.peek().is_none()));
        packed.extend_from_slice(&length.to_le_bytes());
        packed.extend_from_slice(&(!length).to_le_bytes());
        packed.extend_from_slice(block);
    }
    let (low, high) = plain.iter().fold((1, 0), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % MODULUS;
        (low, (high + low) % MODULUS)
    });
    packed.extend_from_slice(&(high << 16 | low).to_be_bytes());
    packed
}
