//! Storage format of quarantined events: JSON with a format number. A stored event outlives the version that wrote it.
//! A new field therefore needs `#[serde(default)]`, and an incompatible change a new number.

use serde::{Deserialize, Deserializer, Serialize};

use super::SessionEvent;

/// Format number of new events.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct StoredEvent<'e> {
    format: u32,
    event: &'e SessionEvent,
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

#[derive(Deserialize)]
struct Read {
    event: SessionEvent,
}

/// Reason why a stored event cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StoredEventError {
    /// It has an unsupported format.
    #[error("the event is stored in format {0}, which this version does not support")]
    Format(u32),
    /// It is corrupt.
    #[error("the stored event is corrupt")]
    Damaged,
}

impl SessionEvent {
    /// Serialises the event; `None` for an event that is of no use later, such as a status.
    #[must_use]
    pub fn to_stored(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(&StoredEvent { format: FORMAT, event: self }).ok()
    }

    /// Parses the result of [`Self::to_stored`].
    ///
    /// # Errors
    /// [`StoredEventError`], without any content of the event.
    pub fn from_stored(stored: &[u8]) -> Result<Self, StoredEventError> {
        let Format { format } = serde_json::from_slice(stored).map_err(|_| StoredEventError::Damaged)?;
        if format != FORMAT {
            return Err(StoredEventError::Format(format));
        }
        let read: Read = serde_json::from_slice(stored).map_err(|_| StoredEventError::Damaged)?;
        Ok(read.event)
    }

    /// Kind of the event, for the operator.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::Paired { .. } => "paired",
            Self::PairingRenewed => "pairing_renewed",
            Self::Barrier => "milestone",
            Self::Setting { .. } => "setting",
            Self::SamePerson { .. } => "same_person",
            Self::ReadOnOtherDevice { .. } => "read_elsewhere",
            Self::Message(_) | Self::Delivered { .. } => "message",
            Self::MessageUpdated(_) => "rewritten",
            Self::ChatCleared { .. } => "emptied",
            Self::CallOffered(_) => "calling",
            Self::CallEnded { .. } => "call_ended",
            Self::History(_) => "history",
            Self::HistoryAnnounced { .. } => "history_announced",
            Self::HistoryPartDone { .. } => "history_told",
            Self::HistoryExpected => "history_expected",
            Self::HistoryLost => "history_lost",
            Self::Untranslated(_) => "untranslated",
            Self::CollectionSynced { .. } => "settings_told",
            Self::ContactNamed { .. } => "contact_named",
            Self::ContactRemoved { .. } => "contact_removed",
            Self::UnarchivesChats { .. } => "unarchives_chats",
            Self::BusinessNamed { .. } => "business_named",
            Self::NumberChanged { .. } => "number_changed",
            Self::GroupNamed { .. } => "group_named",
            Self::ActionSent { .. } => "action_sent",
            Self::ActionRejected { .. } => "action_refused",
        }
    }
}

/// Deserialises a field that may be null; a missing field is `None`.
pub(super) fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{message_marker::MessageMarker, setting::SettingValue},
        session::{HistoryChat, HistoryChunk},
    };

    #[test]
    fn an_event_reads_back_and_says_its_format() {
        let chat: crate::domain::jid::Jid = "15550100@s.whatsapp.net".parse().expect("a JID");
        let mute = |muted_until| {
            SessionEvent::History(HistoryChunk {
                chats: vec![HistoryChat { muted_until, ..HistoryChat::with_messages(chat.clone(), Vec::new()) }],
                ..HistoryChunk::default()
            })
        };
        let setting = SessionEvent::Setting {
            chat: chat.clone(),
            value: SettingValue::MutedUntil(None),
            as_of: 5,
            up_to: Some(MessageMarker { at: 7, wa_ids: vec!["A".into()] }),
            replayed: true,
        };
        for event in [setting, mute(None), mute(Some(None)), mute(Some(Some(9)))] {
            let stored = event.to_stored().expect("kept");
            assert_eq!(SessionEvent::from_stored(&stored).expect("reads"), event);
        }
        let newer = br#"{"format":9,"event":{"Unheard":1}}"#;
        assert!(matches!(SessionEvent::from_stored(newer), Err(StoredEventError::Format(9))));
        assert!(matches!(SessionEvent::from_stored(b"{"), Err(StoredEventError::Damaged)));
    }

    #[test]
    fn text_of_an_earlier_version_is_read() {
        let stored = br#"{"format":1,"event":{"Message":{"chat":"15550100@s.whatsapp.net","wa_id":"A","sender":"15550100@s.whatsapp.net","sender_name":null,"from_me":false,"kind":"Text","text":"Hello","at":5000}}}"#;
        assert!(matches!(SessionEvent::from_stored(stored), Ok(SessionEvent::Message(message)) if message.at == 5_000));
    }

    #[test]
    fn how_the_session_stood_is_not_kept() {
        let status = crate::domain::session::SessionStatus::Working;
        assert!(SessionEvent::Status { status, reason: None }.to_stored().is_none());
        assert!(SessionEvent::Barrier.to_stored().is_none());
    }
}
