//! Privacy requests: privacy settings, and the block list.

use super::router::Seat;
use crate::{
    locked,
    phone::{Phone, address},
    wire::node::{Node, attr, children, refusal, result},
};

/// Privacy settings.
pub(super) fn settings(seat: &Seat, request: &Node) -> Node {
    result(request).children([locked(&seat.account.book).privacy.node()]).build()
}

/// Sets one or more categories, and returns them.
pub(super) async fn set(seat: &Seat, request: &Node) {
    let asked = request.get_optional_child("privacy").map(children).unwrap_or_default();
    let asked = asked.iter().map(|category| attr(category, "name").zip(attr(category, "value")));
    let done = match asked.collect::<Option<Vec<_>>>().filter(|asked| !asked.is_empty()) {
        Some(asked) => phone(seat).set_privacy_from(&asked, Some(seat.device)).await.ok(),
        None => None,
    };
    seat.link.send(match done {
        Some(categories) => result(request).children([categories]).build(),
        None => refusal(request, 400, "bad-request"),
    });
}

/// Returns the block list.
pub(super) fn blocked(seat: &Seat, request: &Node) -> Node {
    result(request).children([locked(&seat.account.book).privacy.list()]).build()
}

/// Blocks or unblocks a contact. Servers only accept LIDs.
pub(super) async fn block(seat: &Seat, request: &Node) {
    let item = request.get_optional_child("item");
    let asked = item.and_then(|item| attr(item, "jid").zip(attr(item, "action")));
    let asked = asked.map(|(jid, action)| (address::person(&jid), action));
    let done = match asked {
        Some((jid, action)) if address::is_lid(&jid) && matches!(action.as_str(), "block" | "unblock") => {
            phone(seat).block_from(&jid, action == "block", Some(seat.device)).await.is_ok()
        }
        _ => false,
    };
    seat.link.send(if done { blocked(seat, request) } else { refusal(request, 400, "bad-request") });
}

fn phone(seat: &Seat) -> Phone {
    Phone::new(seat.server.clone(), seat.account.clone())
}
