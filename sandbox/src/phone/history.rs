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
const RECENT: usize = 20;
/// Default number of older messages in an on-demand response.
const ON_DEMAND: usize = 50;

/// Creates the messages with the history of an account, in sending order. `full` is true if the companion asked for the full
/// history.
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
    let book = locked(&account.book);
    let mut by_age: Vec<_> = book.chats.iter().collect();
    by_age.sort_by_key(|(_, chat)| std::cmp::Reverse(chat.last_message_at()));

    let people = by_jid(&book);
    let mut chunks = vec![HistorySync {
        sync_type: HistorySyncType::INITIAL_BOOTSTRAP,
        phone_number_to_lid_mappings: mappings(&book),
        ..Default::default()
    }];
    let mut older = Vec::new();
    let mut length = 0;
    for (jid, chat) in by_age {
        let mut next = conversation(account, &book, &people, (jid, chat));
        if full && next.messages.len() > RECENT {
            let messages = next.messages.split_off(RECENT);
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
        pushnames: push_names(account, &book),
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

fn mappings(book: &PhoneState) -> Vec<PhoneNumberToLIDMapping> {
    let known = book.people.iter().filter(|person| person.phone.is_some());
    known
        .filter_map(|person| {
            Some(PhoneNumberToLIDMapping { pn_jid: Some(person.jid()), lid_jid: Some(person.lid_jid()?) })
        })
        .collect()
}

fn push_names(account: &Account, book: &PhoneState) -> Vec<Pushname> {
    let own = Pushname { id: Some(account.jid()), pushname: Some(book.name.clone()) };
    let others = book
        .people
        .iter()
        .filter_map(|person| Some(Pushname { id: Some(person.jid()), pushname: Some(person.push_name.clone()?) }));
    std::iter::once(own).chain(others).collect()
}

/// Indexes the people by each of their JIDs: a phone may know many, and each message names one.
fn by_jid(book: &PhoneState) -> HashMap<String, &Person> {
    let mut people = HashMap::new();
    for person in &book.people {
        for jid in [Some(person.jid()), person.lid_jid()].into_iter().flatten() {
            people.entry(jid).or_insert(person);
        }
    }
    people
}

fn conversation(
    account: &Account,
    book: &PhoneState,
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
    if let Some(group) = book.groups.get(jid) {
        conversation.name = Some(group.subject.clone());
        conversation.created_at = Some(clock::seconds(account.made_at));
        conversation.participant = group.members.iter().map(|member| participant(book.member(group, member))).collect();
    } else if let Some(person) = people.get(jid) {
        conversation.name.clone_from(&person.name);
        conversation.display_name.clone_from(&person.push_name);
        conversation.pn_jid = person.phone.as_ref().map(|phone| format!("{phone}@{SERVER}"));
        conversation.lid_jid = person.lid_jid();
    }
    let numbered = chat.messages.iter().enumerate();
    // The newest first, numbered from the oldest, as phones send them.
    conversation.messages =
        numbered.rev().map(|(order, message)| past(book, people, jid, message, order as u64)).collect();
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
    book: &PhoneState,
    people: &HashMap<String, &Person>,
    jid: &str,
    message: &state::Message,
    order: u64,
) -> HistorySyncMsg {
    let group = book.groups.get(jid);
    let sender = group.and_then(|group| message.from.as_deref().map(|from| book.member(group, from)));
    let writer = message.from.as_deref().and_then(|from| people.get(from));
    let key = MessageKey {
        remote_jid: Some(jid.to_owned()),
        from_me: Some(message.from.is_none()),
        id: Some(message.id.clone()),
        participant: sender.clone(),
    };
    let changed_at = message.changed_at.unwrap_or(message.at);
    let message = WebMessageInfo {
        message: said(message, &key),
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
fn said(message: &state::Message, key: &MessageKey) -> MessageField<Message> {
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
    asked: &HistorySyncOnDemandRequest,
) -> Result<Message, Error> {
    let chunk = {
        let book = locked(&account.book);
        let jid = asked.chat_jid.clone().unwrap_or_default();
        let said = book.chat(&jid).map(|chat| chat.messages.as_slice()).unwrap_or_default();
        let named = said.iter().position(|message| Some(&message.id) == asked.oldest_msg_id.as_ref());
        let before = |at: i64| said.iter().take_while(|message| message.at < at).count();
        let end = named.or_else(|| asked.oldest_msg_timestamp_ms.map(before)).unwrap_or(said.len());
        let count = asked.on_demand_msg_count.and_then(|count| usize::try_from(count).ok()).unwrap_or(ON_DEMAND);
        let start = end.saturating_sub(count);
        let people = by_jid(&book);
        let older = said.iter().enumerate().take(end).skip(start).rev();
        let messages = older.map(|(order, message)| past(&book, &people, &jid, message, order as u64)).collect();
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
    let book = locked(&account.book);
    let mut all = book.chats.iter().flat_map(|(jid, chat)| chat.messages.iter().map(move |said| (jid, said)));
    let (jid, said) = all.find(|(_, said)| said.id == id)?;
    past(&book, &by_jid(&book), jid, said, 0).message.into_option()
}

/// Creates the message that announces a chunk; `asked` is the id of a companion's request.
fn notice(chunk: &HistorySync, asked: Option<&str>, media: &Media) -> Result<Message, Error> {
    let plain = codec::history_sync_to_vec(chunk);
    let packed = zlib(&plain);
    let mut notice = HistorySyncNotification {
        sync_type: Some(kind(chunk)),
        chunk_order: chunk.chunk_order,
        progress: chunk.progress,
        peer_data_request_session_id: asked.map(ToOwned::to_owned),
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
