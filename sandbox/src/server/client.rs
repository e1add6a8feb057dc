//! A companion that is logged in on a connection.

use std::sync::Arc;

use super::Server;
use crate::{
    companion::{
        disconnect::conflict,
        outlet::Outlet,
        queue::{Content, Queue},
    },
    lock::locked,
    log::LogSource,
    phone::account::Account,
    wire::node::{Node, SERVER, empty, node, result},
};

/// A companion on a connection.
pub(crate) struct Client {
    pub(crate) server: Arc<Server>,
    pub(crate) account: Arc<Account>,
    pub(crate) device: u16,
    pub(crate) outlet: Outlet,
}

impl Client {
    fn log_source(&self) -> LogSource {
        (Some(self.account.number.clone()), Some(self.device))
    }

    /// Adds a note about this companion to the log.
    pub(crate) fn note(&self, text: impl Into<String>) {
        self.server.note(self.log_source(), text);
    }

    pub(crate) fn confirm(&self, id: Option<String>) {
        self.confirmed(id, Queue::confirm);
    }

    pub(crate) fn confirmed(&self, id: Option<String>, drop_from: fn(&mut Queue, &str) -> bool) {
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
        if let Some(older) = companion.outlet.replace(self.outlet.clone()).filter(|older| !older.is(&self.outlet)) {
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
            self.outlet.send(late);
        }
        self.mark(node("offline").attr("count", count.to_string()).build());
        drop(companions);
        self.account.notify();
    }

    fn mark(&self, content: Node) {
        self.outlet.send(node("ib").attr("from", SERVER).children([content]).build());
    }

    /// Removes the closed connection from its companion.
    pub(crate) fn disconnect(&self) {
        let mut companions = locked(&self.account.companions);
        if let Some(companion) = companions.get_mut(self.device) {
            companion.outlet.take_if(|outlet| outlet.is(&self.outlet));
        }
        drop(companions);
        self.account.notify();
    }

    /// Sends an empty response.
    pub(crate) fn ok(&self, request: &Node) {
        self.outlet.send(result(request).build());
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
