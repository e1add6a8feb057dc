//! Forwarding of a companion's message to the account's other companions. The author has encrypted it for each of them.
//! If a companion cannot decrypt it, the author encrypts it again.

use super::{
    client::Client,
    users::{own_companion, own_device},
};
use crate::{
    ChatKind, clock,
    companion::queue::{Content, Item},
    lock::locked,
    phone::address,
    wire::node::{Node, SERVER, attr, children, node},
};

/// Forwards a companion's message to the other companions that have the history; the rest find it there.
pub(super) fn forward(client: &Client, message: &Node) {
    let to = attr(message, "to").unwrap_or_default();
    let in_group = ChatKind::of(&to) == ChatKind::Group;
    let copies = message.get_optional_child("participants").map(children).unwrap_or_default();
    let id = attr(message, "id").unwrap_or_default();
    let stanza = forwarded(client, message, &to);
    for (device, companion) in locked(&client.account.companions).all_mut() {
        if device == client.device || !companion.bootstrapped {
            continue;
        }
        let own = |copy: &&Node| own_companion(&client.account, &attr(copy, "jid").unwrap_or_default()) == Some(device);
        let copy = copies.iter().find(own).map(children).unwrap_or_default();
        // In a group, a companion with the sender key needs no copy of its own.
        if copy.is_empty() && !in_group {
            continue;
        }
        let parts = copy.iter().chain(parts(message)).cloned();
        let mut whole = node("message").children(parts).build();
        whole.attrs = stanza.attrs.clone();
        companion.push(Item { id: id.clone(), node: whole, content: Content::Forwarded { author: client.device } });
    }
}

/// Creates the stanza without its content, from the companion that wrote it.
fn forwarded(client: &Client, message: &Node, to: &str) -> Node {
    let state = locked(&client.account.state);
    let by_lid = state.groups.get(to).map_or_else(|| address::is_lid(to), |group| group.by_lid);
    let author = own_address(client, client.device, by_lid);
    let mut stanza = node("message")
        .attr("id", attr(message, "id").unwrap_or_default())
        .attr("type", attr(message, "type").unwrap_or_else(|| "text".to_owned()))
        .attr("t", clock::seconds(clock::now_ms()).to_string())
        .attr("notify", state.name.as_str());
    if let Some(edit) = attr(message, "edit") {
        stanza = stanza.attr("edit", edit);
    }
    if ChatKind::of(to) == ChatKind::Group {
        let mode = if by_lid { "lid" } else { "pn" };
        return stanza.attr("from", to).attr("participant", author).attr("addressing_mode", mode).build();
    }
    stanza.attr("from", author).attr("recipient", to).build()
}

/// The parts of a message that are the same for every recipient: a group message's text, and the author's device
/// identity.
fn parts(message: &Node) -> impl Iterator<Item = &Node> {
    children(message).iter().filter(|part| matches!(part.tag.as_ref(), "enc" | "device-identity"))
}

fn own_address(client: &Client, device: u16, by_lid: bool) -> String {
    let (user, server) = if by_lid { (&client.account.lid, "lid") } else { (&client.account.number, SERVER) };
    format!("{user}:{device}@{server}")
}

/// Asks the companion that wrote a message to encrypt it again for this one, and returns its device number; `None` if
/// no companion wrote it.
pub(super) fn ask_again(client: &Client, id: &str, receipt: &Node) -> Option<u16> {
    let mut companions = locked(&client.account.companions);
    let item = companions.get_mut(client.device)?.queue.find(id)?;
    let Content::Forwarded { author } = item.content else { return None };
    let in_group = attr(&item.node, "participant");
    let by_lid = in_group.clone().or_else(|| attr(&item.node, "from")).is_some_and(|author| address::is_lid(&author));
    let asking = own_address(client, client.device, by_lid);
    let request =
        node("receipt").attr("id", id).attr("type", "retry").attr("t", clock::seconds(clock::now_ms()).to_string());
    let request = match (in_group, attr(&item.node, "recipient")) {
        (Some(_), _) => request.attr("from", attr(&item.node, "from")?).attr("participant", asking),
        (None, recipient) => request.attr("from", asking).attr("recipient", recipient?),
    };
    let request = request.children(children(receipt).iter().cloned()).build();
    companions.get_mut(author)?.push(Item { id: id.to_owned(), node: request, content: Content::Receipt });
    Some(author)
}

/// Returns the device of this account for which a message was encrypted again.
pub(super) fn repeated_for(client: &Client, message: &Node) -> Option<u16> {
    if attr(message, "category").as_deref() == Some("peer") || message.get_optional_child("enc").is_none() {
        return None;
    }
    let to = attr(message, "participant").or_else(|| attr(message, "to"))?;
    own_device(&client.account, &to).filter(|_| to.contains(':'))
}

/// Passes a message that was encrypted again to the companion that requested it, replacing the first one.
pub(super) fn repeat(client: &Client, device: u16, message: &Node) {
    let id = attr(message, "id").unwrap_or_default();
    let mut companions = locked(&client.account.companions);
    let Some(companion) = companions.get_mut(device) else { return };
    let Some(item) = companion.queue.find(&id) else { return };
    if !matches!(item.content, Content::Forwarded { author } if author == client.device) {
        return;
    }
    let mut again = node("message").children(parts(message).cloned()).build();
    again.attrs = item.node.attrs.clone();
    item.node = again.clone();
    if let Some(outlet) = &companion.outlet {
        outlet.send(again);
    }
}
