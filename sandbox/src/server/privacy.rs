//! Privacy requests: privacy settings, and the block list.

use super::client::Client;
use crate::{
    lock::locked,
    phone::{Phone, address},
    wire::node::{Node, attr, children, refusal, result},
};

/// Privacy settings.
pub(super) fn settings(client: &Client, request: &Node) -> Node {
    result(request).children([locked(&client.account.book).privacy.node()]).build()
}

/// Sets one or more categories, and returns them.
pub(super) async fn set(client: &Client, request: &Node) {
    let asked = request.get_optional_child("privacy").map(children).unwrap_or_default();
    let asked = asked.iter().map(|category| attr(category, "name").zip(attr(category, "value")));
    let done = match asked.collect::<Option<Vec<_>>>().filter(|asked| !asked.is_empty()) {
        Some(asked) => phone(client).set_privacy_from(&asked, Some(client.device)).await.ok(),
        None => None,
    };
    client.link.send(match done {
        Some(categories) => result(request).children([categories]).build(),
        None => refusal(request, 400, "bad-request"),
    });
}

/// Returns the block list.
pub(super) fn blocked(client: &Client, request: &Node) -> Node {
    result(request).children([locked(&client.account.book).privacy.list()]).build()
}

/// Blocks or unblocks a contact. Servers only accept LIDs.
pub(super) async fn block(client: &Client, request: &Node) {
    let item = request.get_optional_child("item");
    let asked = item.and_then(|item| attr(item, "jid").zip(attr(item, "action")));
    let asked = asked.map(|(jid, action)| (address::person(&jid), action));
    let done = match asked {
        Some((jid, action)) if address::is_lid(&jid) && matches!(action.as_str(), "block" | "unblock") => {
            phone(client).block_from(&jid, action == "block", Some(client.device)).await.is_ok()
        }
        _ => false,
    };
    client.link.send(if done { blocked(client, request) } else { refusal(request, 400, "bad-request") });
}

fn phone(client: &Client) -> Phone {
    Phone::new(client.server.services.clone(), client.account.clone())
}
