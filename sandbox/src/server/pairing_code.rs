//! Pairing requests of a client that shows a code to type on the phone.

use super::Server;
use crate::{
    pairing::registry::{Finish, Offer},
    wire::node::{Node, attr, child_bytes, node, refusal, result},
};

/// Answers a request of a client that is not paired.
pub(crate) fn answer(server: &Server, offer: &Offer, request: &Node) {
    let requested = request.get_optional_child("link_code_companion_reg");
    let Some(requested) = requested.filter(|_| attr(request, "type").as_deref() == Some("set")) else { return };
    let done = match attr(requested, "stage").as_deref() {
        Some("companion_hello") => hello(server, offer, requested).map(|answer| vec![answer]),
        Some("companion_finish") => finish(server, requested).map(|()| Vec::new()),
        _ => None,
    };
    offer.outlet.send(match done {
        Some(content) => result(request).children(content).build(),
        None => refusal(request, 400, "bad-request"),
    });
}

/// Handles a client's request for a code of a phone; the account must exist.
fn hello(server: &Server, offer: &Offer, requested: &Node) -> Option<Node> {
    let number = attr(requested, "jid")?.split('@').next()?.to_owned();
    server.account(&number)?;
    let wrapped = child_bytes(requested, "link_code_pairing_wrapped_companion_ephemeral_pub")?.to_vec();
    if child_bytes(requested, "companion_server_auth_key_pub")? != offer.noise {
        return None;
    }
    let reference = server.services.pairings.ask(number, offer, wrapped).ok()?;
    let reference = node("link_code_pairing_ref").bytes(reference.into_bytes()).build();
    let answer = node("link_code_companion_reg").attr("stage", "companion_hello").children([reference]);
    Some(answer.build())
}

/// Handles a client's answer to a phone.
fn finish(server: &Server, requested: &Node) -> Option<()> {
    let reference = std::str::from_utf8(child_bytes(requested, "link_code_pairing_ref")?).ok()?;
    let identity = child_bytes(requested, "companion_identity_public")?.try_into().ok()?;
    let bundle = child_bytes(requested, "link_code_pairing_wrapped_key_bundle")?.to_vec();
    server.services.pairings.finish(reference, Finish { identity, bundle });
    Some(())
}
