//! Translation of histories, in parts of bounded size.

use std::error::Error;

use whatsapp_rust::{
    types::events::LazyHistorySync,
    wacore::store::{DevicePropsOverride, device::default_history_sync_config},
    waproto::whatsapp::{
        Conversation,
        device_props::{HistorySyncConfig, PlatformType},
    },
};

use super::{jid, message, setting::mute_end, time::from_seconds};
use crate::{
    domain::{
        jid::{Jid, JidKind},
        message::IncomingMessage,
        person::Person,
    },
    session::{
        HistoryChat, HistoryChunk, UpdatedMessage,
        config::{History, HistoryDepth},
    },
};

/// Maximum number of chats in a part…
const MAX_CHATS: usize = 200;
/// …and of messages. The maximum number of names is ten times that of chats.
const MAX_MESSAGES: usize = 2_000;
const MAX_NAMES: usize = 10 * MAX_CHATS;

/// Returns the device properties for the phone, with the requested history.
pub(super) fn wanted(history: History) -> DevicePropsOverride {
    let device = DevicePropsOverride::new().with_os("chatgraph");
    if history.depth == HistoryDepth::Recent {
        return device;
    }
    // WhatsApp's own clients use two combinations of these fields; this is the whole of the other one.
    let year = HistorySyncConfig {
        full_sync_days_limit: Some(365),
        on_demand_ready: Some(true),
        complete_on_demand_ready: Some(true),
        ..default_history_sync_config()
    };
    device.with_platform_type(PlatformType::UWP).with_require_full_sync(true).with_history_sync_config(year)
}

/// Parses a history and passes its parts to `take`, until that returns false. The last part has the progress. Blocks
/// while decompressing and in `take`: not for an async thread.
///
/// `own` is the account's address. Messages before `since`, in milliseconds, are skipped. Returns the number of chats
/// and messages with unsupported addresses.
///
/// # Errors
/// The library's, if the data is corrupt; earlier parts were passed on.
pub(super) fn walk(
    history: &LazyHistorySync,
    own: &Jid,
    since: Option<i64>,
    mut take: impl FnMut(HistoryChunk) -> bool,
) -> Result<u64, Box<dyn Error + Send + Sync>> {
    let mut stream = history.stream();
    let mut part = Part::default();
    let mut untranslatable = 0;
    while let Some(conversation) = stream.next_conversation()? {
        part.chunk.people.extend(person(&conversation));
        let (chats, rewritings) = chats(&conversation, own, since, &mut untranslatable);
        for chat in chats {
            if part.would_overflow(&chat) && !take(part.cut()) {
                return Ok(untranslatable);
            }
            part.add(chat);
        }
        part.chunk.rewritings.extend(rewritings);
    }
    let rest = stream.remainder()?;
    let mut names = rest.pushnames.iter().filter_map(|name| {
        let text = name.pushname.as_deref().filter(|text| !text.trim().is_empty())?;
        Some((jid::parse(name.id.as_deref()?).ok()?, text.to_owned()))
    });
    loop {
        part.chunk.push_names = names.by_ref().take(MAX_NAMES).collect();
        if part.chunk.push_names.len() < MAX_NAMES {
            break;
        }
        if !take(part.cut()) {
            return Ok(untranslatable);
        }
    }
    part.chunk.progress =
        history.progress().or(rest.progress).map(|percent| u8::try_from(percent.min(100)).unwrap_or(100));
    take(part.cut());
    Ok(untranslatable)
}

#[derive(Default)]
struct Part {
    chunk: HistoryChunk,
    messages: usize,
}

impl Part {
    fn would_overflow(&self, chat: &HistoryChat) -> bool {
        !self.chunk.chats.is_empty()
            && (self.chunk.chats.len() == MAX_CHATS || self.messages + chat.messages.len() > MAX_MESSAGES)
    }

    fn add(&mut self, chat: HistoryChat) {
        self.messages += chat.messages.len();
        self.chunk.chats.push(chat);
    }

    fn cut(&mut self) -> HistoryChunk {
        self.messages = 0;
        std::mem::take(&mut self.chunk)
    }
}

/// Translates a conversation; into several pieces if it has more messages than a part may have. Only the first piece
/// has more than messages. Items with unsupported addresses are counted in `untranslatable`.
fn chats(
    conversation: &Conversation,
    own: &Jid,
    since: Option<i64>,
    untranslatable: &mut u64,
) -> (Vec<HistoryChat>, Vec<UpdatedMessage>) {
    let Ok(chat) = jid::parse(&conversation.id) else {
        *untranslatable += 1;
        return (Vec::new(), Vec::new());
    };
    let (mut messages, mut rewritings) = (Vec::with_capacity(conversation.messages.len()), Vec::new());
    for message in conversation.messages.iter().filter_map(|message| message.message.as_option()) {
        match message::recorded(message, &chat, own) {
            Ok(Some((message, rewriting))) if since.is_none_or(|since| message.at >= since) => {
                messages.push(message);
                rewritings.extend(rewriting);
            }
            Ok(_) => {}
            Err(_) => *untranslatable += 1,
        }
    }
    let mut messages = messages.into_iter().peekable();
    // The phone's display name of a person is a number, a push name, or even the owner's own name. Push names arrive
    // separately.
    let displayed = conversation.display_name.as_ref().filter(|_| chat.kind() == JidKind::Group);
    let mut named = conversation.name.as_ref().into_iter().chain(displayed);
    let last = [conversation.conversation_timestamp, conversation.last_msg_timestamp];
    let mut pieces = vec![HistoryChat {
        name: named.find(|name| !name.trim().is_empty()).cloned(),
        archived: conversation.archived,
        // Time of pinning in seconds; zero if it is not pinned.
        pinned: conversation.pinned.map(|at| from_seconds(at.into()).filter(|at| *at > 0)),
        muted_until: conversation.mute_end_time.map(|end| mute_end(end.cast_signed())),
        unread_count: conversation.unread_count,
        marked_unread: conversation.marked_as_unread,
        last_message_at: last.into_iter().flatten().filter(|at| *at > 0).max().and_then(from_seconds),
        ..piece(&chat, messages.by_ref().take(MAX_MESSAGES).collect())
    }];
    while messages.peek().is_some() {
        pieces.push(piece(&chat, messages.by_ref().take(MAX_MESSAGES).collect()));
    }
    (pieces, rewritings)
}

/// Returns the peer of a conversation if it has both addresses.
fn person(conversation: &Conversation) -> Option<Person> {
    let addresses = [Some(&conversation.id), conversation.pn_jid.as_ref(), conversation.lid_jid.as_ref()];
    let jids: Vec<_> = addresses.into_iter().flatten().filter_map(|text| jid::parse(text).ok()).collect();
    jids.iter().find_map(|one| jids.iter().find_map(|other| Person::new(one, other)))
}

fn piece(chat: &Jid, messages: Vec<IncomingMessage>) -> HistoryChat {
    HistoryChat::with_messages(chat.clone(), messages)
}

#[cfg(test)]
mod tests;
