//! Columns of positions among the messages of a chat: a time, and the WhatsApp ids of its messages.

use super::{error::StoreError, sanitize};
use crate::domain::message_marker::MessageMarker;

/// Converts a position into its two columns.
pub(super) fn to_columns(place: Option<&MessageMarker>) -> (Option<i64>, Option<String>) {
    let ids = |place: &MessageMarker| {
        let ids: Vec<_> = place.wa_ids.iter().map(|id| sanitize::strip_nul(id)).collect();
        serde_json::to_string(&ids).ok()
    };
    (place.map(|place| place.at), place.and_then(ids))
}

/// Parses the result of [`to_columns`]; `table` and `column` name the ids in an error.
pub(super) fn from_columns(
    at: Option<i64>,
    ids: Option<&str>,
    table: &'static str,
    column: &'static str,
) -> Result<Option<MessageMarker>, StoreError> {
    let Some(at) = at else { return Ok(None) };
    let ids = ids.map(serde_json::from_str).transpose();
    let wa_ids = ids.map_err(|_| StoreError::Corrupt { table, column })?.unwrap_or_default();
    Ok(Some(MessageMarker { at, wa_ids }))
}
