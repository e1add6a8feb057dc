//! Tests of splitting histories into parts of bounded size and translating them to the domain.

use whatsapp_rust::{
    buffa::Message as _,
    waproto::whatsapp::{HistorySync, HistorySyncMsg, Message, MessageKey, Pushname, WebMessageInfo},
};

use super::*;
use crate::domain::clock::FOREVER;

const CHAT: &str = "15550100001@s.whatsapp.net";

/// Zlib data in stored (uncompressed) blocks.
fn zlib(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut blocks = data.chunks(65_535).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap();
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    let (a, b) = data.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    out.extend((b << 16 | a).to_be_bytes());
    out
}

fn lazy(history: &HistorySync) -> LazyHistorySync {
    let bytes = history.encode_to_vec();
    LazyHistorySync::new(zlib(&bytes).into(), bytes.len(), 0, Some(1), Some(40))
}

fn parts(history: &HistorySync) -> Vec<HistoryChunk> {
    parts_since(history, None)
}

fn parts_since(history: &HistorySync, since: Option<i64>) -> Vec<HistoryChunk> {
    let own = "15550100000@s.whatsapp.net".parse().unwrap();
    let mut parts = Vec::new();
    let untranslatable = walk(&lazy(history), &own, since, |part| {
        parts.push(part);
        true
    });
    assert_eq!(untranslatable.unwrap(), 0);
    parts
}

fn conversation(id: impl Into<String>, messages: usize) -> Conversation {
    let id = id.into();
    let message = |number| HistorySyncMsg {
        message: Some(WebMessageInfo {
            key: Some(MessageKey {
                remote_jid: Some(id.clone()),
                from_me: Some(false),
                id: Some(format!("3EB{number}")),
                participant: None,
            })
            .into(),
            message: Some(Message { conversation: Some("hello".into()), ..Message::default() }).into(),
            message_timestamp: Some(1_700_000_000),
            ..WebMessageInfo::default()
        })
        .into(),
        ..HistorySyncMsg::default()
    };
    Conversation { id: id.clone(), messages: (0..messages).map(message).collect(), ..Conversation::default() }
}

fn history(conversations: Vec<Conversation>) -> HistorySync {
    HistorySync { conversations, ..HistorySync::default() }
}

#[test]
fn a_chat_has_its_settings_in_domain_words() {
    let parts = parts(&history(vec![Conversation {
        name: Some("Mei Tanaka".into()),
        archived: Some(true),
        pinned: Some(1_699_000_000),
        mute_end_time: Some(1_800_000_000),
        unread_count: Some(3),
        marked_as_unread: Some(false),
        conversation_timestamp: Some(1_700_000_000),
        last_msg_timestamp: Some(1_700_000_005),
        ..conversation(CHAT, 1)
    }]));
    let [part] = &parts[..] else { panic!("one part") };
    assert_eq!(part.progress, Some(40));
    let [chat] = &part.chats[..] else { panic!("one chat") };
    assert_eq!(chat.jid, CHAT.parse().unwrap());
    assert_eq!(chat.name.as_deref(), Some("Mei Tanaka"));
    assert_eq!((chat.archived, chat.pinned), (Some(true), Some(Some(1_699_000_000_000))));
    assert_eq!(chat.muted_until, Some(Some(1_800_000_000_000)));
    assert_eq!((chat.unread_count, chat.marked_unread), (Some(3), Some(false)));
    assert_eq!(chat.last_message_at, Some(1_700_000_005_000));
    assert_eq!(chat.messages[0].text.as_deref(), Some("hello"));
}

#[test]
fn messages_older_than_wanted_are_left_out_but_not_their_chat() {
    let history = history(vec![Conversation { last_msg_timestamp: Some(1_700_000_000), ..conversation(CHAT, 2) }]);
    for (since, messages) in [(1_700_000_000_000, 2), (1_700_000_000_001, 0)] {
        let parts = parts_since(&history, Some(since));
        let [chat] = &parts[0].chats[..] else { panic!("one chat") };
        assert_eq!((chat.messages.len(), chat.last_message_at), (messages, Some(1_700_000_000_000)));
    }
}

#[test]
fn a_year_is_asked_for_by_all_that_belongs_to_it() {
    let recent = wanted(History::default());
    assert_eq!((recent.os.as_deref(), recent.require_full_sync), (Some("chatgraph"), None));
    let year = wanted(History { depth: HistoryDepth::Full, days: None });
    assert_eq!((year.platform_type, year.require_full_sync), (Some(PlatformType::UWP), Some(true)));
    assert_eq!(year.history_sync_config.and_then(|config| config.full_sync_days_limit), Some(365));
}

#[test]
fn missing_fields_stay_unknown() {
    let parts = parts(&history(vec![conversation(CHAT, 0)]));
    let chat = &parts[0].chats[0];
    assert_eq!((chat.archived, chat.pinned, chat.muted_until), (None, None, None));
    assert_eq!((chat.name.as_deref(), chat.unread_count, chat.last_message_at), (None, None, None));
}

#[test]
fn a_mute_ends_in_seconds_in_milliseconds_or_never() {
    let muted = |end| {
        let chat = Conversation { mute_end_time: Some(end), ..conversation(CHAT, 0) };
        parts(&history(vec![chat]))[0].chats[0].muted_until
    };
    assert_eq!(muted(1_800_000_000), Some(Some(1_800_000_000_000)));
    assert_eq!(muted(1_800_000_000_000), Some(Some(1_800_000_000_000)));
    assert_eq!(muted(u64::MAX), Some(Some(FOREVER)));
    assert_eq!(muted(0), Some(None));
}

#[test]
fn no_part_has_too_many_chats() {
    let chats = (0..450).map(|number| conversation(format!("{}@s.whatsapp.net", 15_550_100_000_u64 + number), 1));
    let parts = parts(&history(chats.collect()));
    assert_eq!(parts.iter().map(|part| part.chats.len()).collect::<Vec<_>>(), [200, 200, 50]);
    assert_eq!(parts.iter().map(|part| part.progress).collect::<Vec<_>>(), [None, None, Some(40)]);
}

#[test]
fn parts_have_a_maximum_size_and_long_chats_are_split() {
    let mut long = conversation(CHAT, 4_500);
    long.archived = Some(true);
    let parts = parts(&history(vec![conversation("15550100002@s.whatsapp.net", 10), long]));
    let sizes: Vec<Vec<usize>> =
        parts.iter().map(|part| part.chats.iter().map(|chat| chat.messages.len()).collect()).collect();
    assert_eq!(sizes, [vec![10], vec![2_000], vec![2_000], vec![500]]);
    let archived: Vec<_> = parts[1..].iter().map(|part| part.chats[0].archived).collect();
    assert_eq!(archived, [Some(true), None, None], "the settings come once");
}

#[test]
fn names_come_in_parts_too() {
    let name = |number| Pushname {
        id: Some(format!("{}@s.whatsapp.net", 15_550_100_000_u64 + number)),
        pushname: Some("mei".into()),
    };
    let parts = parts(&HistorySync { pushnames: (0..2_500).map(name).collect(), ..HistorySync::default() });
    assert_eq!(parts.iter().map(|part| part.push_names.len()).collect::<Vec<_>>(), [2_000, 500]);
    assert_eq!(parts[0].push_names[0], ("15550100000@s.whatsapp.net".parse().unwrap(), "mei".into()));
    assert_eq!(parts[1].progress, Some(40));
}

#[test]
fn a_closed_receiver_ends_the_import() {
    let chats = (0..450).map(|number| conversation(format!("{}@s.whatsapp.net", 15_550_100_000_u64 + number), 0));
    let mut taken = 0;
    let own = CHAT.parse().unwrap();
    walk(&lazy(&history(chats.collect())), &own, None, |_| {
        taken += 1;
        false
    })
    .unwrap();
    assert_eq!(taken, 1);
}

#[test]
fn damaged_data_is_an_error_and_not_a_panic() {
    let own = CHAT.parse().unwrap();
    let damaged = LazyHistorySync::new(vec![0x78, 0x01, 0x42].into(), 100, 0, None, None);
    assert!(walk(&damaged, &own, None, |_| true).is_err());
}

#[test]
fn chats_at_any_server_are_stored_or_counted() {
    let servers = ["hosted", "hosted.lid", "bot", "interop", "msgr", "call"];
    let conversations = servers.map(|server| conversation(format!("15550100001@{server}"), 1));
    let mut group = conversation("120363000000000001@g.us", 2);
    for (message, participant) in group.messages.iter_mut().zip(["15550100001:99@hosted", "15550100001@call"]) {
        message.message.as_option_mut().unwrap().participant = Some(participant.to_owned());
    }
    let history = history(conversations.into_iter().chain([group]).collect());
    let mut chats = Vec::new();
    let untranslatable = walk(&lazy(&history), &CHAT.parse().unwrap(), None, |part| {
        chats.extend(part.chats);
        true
    });
    let chats: Vec<_> = chats.iter().map(|chat| (chat.jid.as_str(), chat.messages.len())).collect();
    let expected = [
        (CHAT, 1),
        ("15550100001@lid", 1),
        ("15550100001@bot", 1),
        ("15550100001@interop", 1),
        ("15550100001@msgr", 1),
        ("120363000000000001@g.us", 1),
    ];
    assert_eq!(chats, expected);
    assert_eq!(untranslatable.unwrap(), 2, "a chat with a call, and a message from one");
}
