//! Requests about pictures: those of people and groups, and the owner's own.

use super::client::Client;
use crate::{
    lock::locked,
    phone::Phone,
    wire::node::{Node, attr, bytes, children, node, refusal, result},
};

/// URL prefix of pictures; a client of this sandbox uses the sandbox for any host.
const HOST: &str = "https://pps.whatsapp.net";

/// Returns the location of a profile picture.
pub(super) fn show(client: &Client, request: &Node) -> Node {
    let phone = phone(client);
    let requested = request.get_optional_child("picture");
    let Some(picture) = phone.picture(&target(client, request)) else {
        return refusal(request, 404, "item-not-found");
    };
    let id = picture.id.to_string();
    let answer = node("picture");
    if requested.and_then(|requested| attr(requested, "id")).as_ref() == Some(&id) {
        return result(request).children([answer.attr("status", "304").build()]).build();
    }
    let kind = requested.and_then(|requested| attr(requested, "type")).unwrap_or_else(|| "image".to_owned());
    let answer = answer
        .attr("id", id)
        .attr("type", kind)
        .attr("url", format!("{HOST}{}", picture.path))
        .attr("direct_path", picture.path);
    result(request).children([answer.build()]).build()
}

/// Sets or removes the picture of the owner, or of a group they are in.
pub(super) async fn set(client: &Client, request: &Node) {
    let (whose, phone) = (target(client, request), phone(client));
    let own = [phone.jid(), phone.lid()].contains(&whose);
    let is_member = locked(&client.account.state)
        .groups
        .get(&whose)
        .is_some_and(|group| group.members.contains(&client.account.number));
    let image = children(request).iter().find(|picture| attr(picture, "type").as_deref() != Some("preview"));
    let image = image.map(|picture| bytes(picture).unwrap_or_default());
    let done = match image {
        _ if !own && !is_member => Err((403, "forbidden")),
        Some([]) => Err((400, "bad-request")),
        image => {
            phone.set_picture_from(&whose, image, Some(client.device)).await.map_err(|_| (500, "internal-server-error"))
        }
    };
    client.outlet.send(match done {
        Ok(id) => {
            let picture = id.map(|id| node("picture").attr("id", id.to_string()).build());
            result(request).children(picture).build()
        }
        Err((code, text)) => refusal(request, code, text),
    });
}

/// Returns the target of a request: the owner, if it names none.
fn target(client: &Client, request: &Node) -> String {
    attr(request, "target").unwrap_or_else(|| client.account.jid())
}

fn phone(client: &Client) -> Phone {
    Phone::new(client.server.services.clone(), client.account.clone())
}
