//! The plain fields of sessions (see [`crate::graphql::rendering`]).

use async_graphql::parser::types::Field;

use super::object::{SessionStatus, SessionStatusCode};
use crate::{
    domain::{jid::Jid, session::Session},
    graphql::rendering::{Needs, PlainFields, WriteField, write},
};

impl PlainFields for Session {
    const NAME: &str = "Session";

    fn plain(field: &Field, _: &mut Needs) -> Option<WriteField<Self>> {
        match field.name.node.as_str() {
            "id" => write(|session: &Self, _, json| json.id(session.id)),
            "label" => write(|session: &Self, _, json| json.text(session.label.as_deref())),
            "status" => write(|session: &Self, _, json| json.name(SessionStatus::from(session.status))),
            "statusReason" => write(|session: &Self, _, json| {
                json.text(session.status_reason.as_ref().map(|reason| &*reason.words));
            }),
            "statusCode" => write(|session: &Self, _, json| {
                let code = session.status_reason.as_ref().map(|reason| SessionStatusCode::from(reason.code));
                json.name::<SessionStatusCode>(code);
            }),
            "bannedUntil" => write(|session: &Self, _, json| {
                json.number(session.status_reason.as_ref().and_then(|reason| reason.banned_until));
            }),
            "jid" => write(|session: &Self, _, json| json.text(session.jid.as_ref().map(Jid::as_str))),
            "lid" => write(|session: &Self, _, json| json.text(session.lid.as_ref().map(Jid::as_str))),
            "phoneNumber" => write(|session: &Self, _, json| {
                json.text(session.jid.as_ref().and_then(Jid::phone_number).as_deref());
            }),
            "callAutoReply" => write(|session: &Self, _, json| json.text(session.call_auto_reply.as_deref())),
            "createdAt" => write(|session: &Self, _, json| json.number(session.created_at)),
            "lastConnectedAt" => write(|session: &Self, _, json| json.number(session.last_connected_at)),
            // `pairing` requires `manage`, `historyImport` is rare, and the chats have pages of their own.
            _ => None,
        }
    }
}
