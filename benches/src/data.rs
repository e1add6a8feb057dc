//! A database with many chats.

use std::{error::Error, sync::Arc};

use chatgraph::{
    clock::SystemClock,
    domain::{
        change::Origin,
        chat::Chat,
        id::{ChatId, OrganizationId, SessionId},
        message::{IncomingMessage, MessageKind},
        session::{Session, SessionStatus},
        setting::Versioned,
    },
    store::{Store, error::StoreError},
};
use tokio_util::task::TaskTracker;

/// Organization of the chats.
pub const ORGANIZATION: &str = "bench";
/// Chats per transaction.
const PART: usize = 250;
/// Time of the first chat's activity, in milliseconds; the others follow second by second.
const BEGAN: i64 = 1_700_000_000_000;

/// Opens the database, and creates it if it is missing.
///
/// # Errors
/// If it cannot be opened.
pub async fn open(url: &str) -> Result<Store, Box<dyn Error>> {
    Ok(Store::open(&url.parse()?, Arc::new(SystemClock), &TaskTracker::new()).await?)
}

/// Adds a stopped session.
///
/// # Errors
/// If the database fails.
pub async fn add_session(store: &Store) -> Result<SessionId, Box<dyn Error>> {
    let organization: OrganizationId = ORGANIZATION.parse()?;
    let id = SessionId::new(BEGAN);
    let whose = organization.clone();
    let stored: Result<(), StoreError> = store
        .write(&organization, move |unit| Box::pin(async move { unit.insert_session(&session(id, whose)).await }))
        .await;
    stored?;
    Ok(id)
}

fn session(id: SessionId, organization: OrganizationId) -> Session {
    Session {
        id,
        organization,
        label: None,
        status: SessionStatus::Stopped,
        status_reason: None,
        wanted: false,
        jid: None,
        lid: None,
        created_at: BEGAN,
        last_connected_at: None,
        paired_at: None,
        call_auto_reply: None,
        history_import: None,
        damaged: None,
        removed: false,
    }
}

/// Adds this number of chats with a name and a message each; every tenth is archived, every seventh has unread
/// messages.
///
/// # Errors
/// If the database fails.
pub async fn add_chats(store: &Store, session: SessionId, count: usize) -> Result<(), Box<dyn Error>> {
    let organization: OrganizationId = ORGANIZATION.parse()?;
    for first in (0..count).step_by(PART) {
        let stored: Result<(), StoreError> = store
            .write(&organization, move |unit| {
                Box::pin(async move {
                    for number in first..(first + PART).min(count) {
                        let mut chat = chat(session, number);
                        unit.insert_chat(&chat).await?;
                        let message = message(&chat, number);
                        let now = message.at;
                        unit.insert_messages(session, chat.id, &[message], 0).await?;
                        chat.last_message = unit.last_message(chat.id).await?;
                        unit.save_chat(&chat).await?;
                        unit.record(chat.created(now, Origin::Import));
                    }
                    Ok(())
                })
            })
            .await;
        stored?;
    }
    Ok(())
}

/// Address of a session's chat.
#[must_use]
pub fn jid(number: usize) -> String {
    format!("1555{number:07}@s.whatsapp.net")
}

fn chat(session: SessionId, number: usize) -> Chat {
    let at = BEGAN + i64::try_from(number).unwrap_or_default() * 1_000;
    let mut chat = Chat::new(ChatId::new(at), session, jid(number).parse().expect("a JID"), at);
    chat.names.contact = Some(format!("Contact number {number}"));
    chat.settings.archived = Versioned { value: number.is_multiple_of(10), as_of: at };
    chat.unread_count = if number.is_multiple_of(7) { 3 } else { 0 };
    chat
}

fn message(chat: &Chat, number: usize) -> IncomingMessage {
    IncomingMessage {
        chat: chat.jid.clone(),
        wa_id: format!("3EB0{number:016X}"),
        sender: chat.jid.clone(),
        sender_name: None,
        from_me: false,
        kind: MessageKind::Text,
        text: Some("See you at six, and bring the papers along, please".into()),
        at: chat.created_at,
    }
}
