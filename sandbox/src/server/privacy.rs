//! Privacy requests: privacy settings, and the block list.

use super::client::Client;
use crate::{
    lock::locked,
    phone::{Phone, address},
    wire::node::{Node, attr, children, refusal, result},
};

/// Privacy settings.
pub(super) fn settings(client: &Client, request: &Node) -> Node {
    result(request).children([locked(&client.account.state).privacy.node()]).build()
}

/// Sets one or more categories, and returns them.
pub(super) async fn set(client: &Client, request: &Node) {
    let requested = request.get_optional_child("privacy").map(children).unwrap_or_default();
    let requested = requested.iter().map(|category| attr(category, "name").zip(attr(category, "value")));
    let done = match requested.collect::<Option<Vec<_>>>().filter(|requested| !requested.is_empty()) {
        Some(requested) => phone(client).set_privacy_from(&requested, Some(client.device)).await.ok(),
        None => None,
    };
    client.outlet.send(match done {
        Some(categories) => result(request).children([categories]).build(),
        None => refusal(request, 400, "bad-request"),
    });
}

/// Returns the block list.
pub(super) fn blocked(client: &Client, request: &Node) -> Node {
    result(request).children([locked(&client.account.state).privacy.list()]).build()
}

/// Blocks or unblocks a contact. Servers only accept LIDs.
pub(super) async fn block(client: &Client, request: &Node) {
    let item = request.get_optional_child("item");
    let requested = item.and_then(|item| attr(item, "jid").zip(attr(item, "action")));
    let requested = requested.map(|(jid, action)| (address::person(&jid), action));
    let done = match requested {
        Some((jid, action)) if address::is_lid(&jid) && matches!(action.as_str(), "block" | "unblock") => {
            phone(client).block_from(&jid, action == "block", Some(client.device)).await.is_ok()
        }
        _ => false,
    };
    client.outlet.send(if done { blocked(client, request) } else { refusal(request, 400, "bad-request") });
}

fn phone(client: &Client) -> Phone {
    Phone::new(client.server.services.clone(), client.account.clone())
}
