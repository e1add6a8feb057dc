//! Stanzas of a logged-in companion: one arm for each kind.

use std::sync::Arc;

use super::{
    Server, Who,
    disconnect::conflict,
    fan_out, iq, outbound,
    outlet::Outlet,
    peer,
    queue::{Content, Queue},
};
use crate::{
    locked,
    phone::account::Account,
    wire::node::{Node, attr, children, empty, node},
};

/// A companion on a connection.
pub(crate) struct Seat {
    pub(crate) server: Arc<Server>,
    pub(crate) account: Arc<Account>,
    pub(crate) device: u16,
    pub(crate) link: Outlet,
}

/// Handles a stanza.
pub(crate) async fn route(seat: &Seat, stanza: &Node) {
    match stanza.tag.as_ref() {
        "iq" => iq::answer(seat, stanza).await,
        "receipt" => receipt(seat, stanza).await,
        "ack" if attr(stanza, "class").as_deref() == Some("receipt") => {
            seat.confirmed(attr(stanza, "id"), Queue::confirm_receipt);
        }
        "ack" => seat.confirm(attr(stanza, "id")),
        "message" if attr(stanza, "category").as_deref() == Some("peer") => peer::take(seat, stanza).await,
        "message" => outbound::take(seat, stanza).await,
        "call" => seat.link.send(seat.account.hear_call(stanza)),
        // No answer needed: session marks, presence, typing.
        "ib" | "presence" | "chatstate" => {}
        other => seat.note(format!("unknown stanza <{other}>")),
    }
}

/// A receipt confirms the messages it names; a read receipt also empties the chat's count.
async fn receipt(seat: &Seat, receipt: &Node) {
    let id = attr(receipt, "id");
    let kind = attr(receipt, "type");
    if kind.as_deref() == Some("retry") {
        return retry(seat, id.unwrap_or_default(), receipt).await;
    }
    let listed = receipt.get_optional_child("list").map(children).unwrap_or_default();
    for id in std::iter::once(id).chain(listed.iter().map(|item| attr(item, "id"))) {
        seat.confirm(id);
    }
    if let (Some("read" | "read-self"), Some(chat)) = (kind.as_deref(), attr(receipt, "to")) {
        let mut book = locked(&seat.account.book);
        if book.chat(&chat).is_some() {
            book.chat_mut(&chat).read();
        }
    }
}

/// Handles that the companion cannot decrypt a message: its author encrypts it again, in a new session.
async fn retry(seat: &Seat, id: String, receipt: &Node) {
    tracing::warn!(phone = seat.account.number, message = id, "A companion could not decrypt a message");
    if let Some(author) = fan_out::ask_again(seat, &id, receipt) {
        return seat.note(format!("companion {author} is asked to repeat {id}"));
    }
    match seat.account.reseal(seat.device, &id).await {
        Ok(true) => seat.note(format!("message {id} encrypted again")),
        Ok(false) => seat.note(format!("asked to repeat {id}, which is no longer queued")),
        Err(error) => seat.note(format!("message {id} cannot be encrypted again: {error}")),
    }
}

impl Seat {
    fn who(&self) -> Who {
        (Some(self.account.number.clone()), Some(self.device))
    }

    /// Adds a note about this companion to the log.
    pub(crate) fn note(&self, text: impl Into<String>) {
        self.server.note(self.who(), text);
    }

    fn confirm(&self, id: Option<String>) {
        self.confirmed(id, Queue::confirm);
    }

    fn confirmed(&self, id: Option<String>, drop_from: fn(&mut Queue, &str) -> bool) {
        let Some(id) = id else { return };
        let mut companions = locked(&self.account.companions);
        let confirmed = companions.get_mut(self.device).is_some_and(|companion| drop_from(&mut companion.queue, &id));
        drop(companions);
        if confirmed {
            self.account.notify();
        }
    }

    /// Activates the companion: sends everything in its queue, then later stanzas directly.
    ///
    /// An earlier connection is notified that this one replaces it.
    pub(crate) fn activate(&self) {
        let mut companions = locked(&self.account.companions);
        let Some(companion) = companions.get_mut(self.device) else { return };
        if let Some(older) = companion.link.replace(self.link.clone()).filter(|older| !older.is(&self.link)) {
            older.send(conflict("replaced"));
            older.close("replaced by a newer connection");
        }
        let count = companion.queue.len();
        if count > 0 {
            self.mark(preview(&companion.queue));
        }
        for item in companion.queue.items() {
            let mut late = item.node.clone();
            late.attrs.insert("offline", "0");
            self.link.send(late);
        }
        self.mark(node("offline").attr("count", count.to_string()).build());
        drop(companions);
        self.account.notify();
    }

    fn mark(&self, content: Node) {
        self.link.send(node("ib").attr("from", crate::wire::node::SERVER).children([content]).build());
    }

    /// Removes the closed connection from its companion.
    pub(crate) fn leave(&self) {
        let mut companions = locked(&self.account.companions);
        if let Some(companion) = companions.get_mut(self.device) {
            companion.link.take_if(|link| link.is(&self.link));
        }
        drop(companions);
        self.account.notify();
    }

    /// Sends an empty response.
    pub(crate) fn ok(&self, request: &Node) {
        self.link.send(crate::wire::node::result(request).build());
    }
}

/// Creates the preview of queued stanzas, by kind.
fn preview(queue: &Queue) -> Node {
    let messages = queue.items().filter(|item| item.is_message()).count();
    let receipts = queue.items().filter(|item| matches!(item.content, Content::Receipt)).count();
    let mut preview = empty("offline_preview");
    for (kind, count) in [
        ("count", queue.len()),
        ("message", messages),
        ("notification", queue.len() - messages - receipts),
        ("receipt", receipts),
        ("call", 0),
        ("appdata", 0),
        ("status", 0),
    ] {
        preview.attrs.insert(kind, count.to_string());
    }
    preview
}
