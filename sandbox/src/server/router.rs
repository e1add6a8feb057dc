//! Stanzas of a logged-in companion: one arm for each kind.

use super::{client::Client, fan_out, iq, outbound, peer};
use crate::{
    companion::queue::Queue,
    lock::locked,
    wire::node::{Node, attr, children},
};

/// Handles a stanza.
pub(crate) async fn route(client: &Client, stanza: &Node) {
    match stanza.tag.as_ref() {
        "iq" => iq::answer(client, stanza).await,
        "receipt" => receipt(client, stanza).await,
        "ack" if attr(stanza, "class").as_deref() == Some("receipt") => {
            client.confirmed(attr(stanza, "id"), Queue::confirm_receipt);
        }
        "ack" => client.confirm(attr(stanza, "id")),
        "message" if attr(stanza, "category").as_deref() == Some("peer") => peer::take(client, stanza).await,
        "message" => outbound::take(client, stanza).await,
        "call" => client.outlet.send(client.account.handle_call(stanza)),
        // No answer needed: session marks, presence, typing.
        "ib" | "presence" | "chatstate" => {}
        other => client.note(format!("unknown stanza <{other}>")),
    }
}

/// A receipt confirms the messages it names; a read receipt also empties the chat's count.
async fn receipt(client: &Client, receipt: &Node) {
    let id = attr(receipt, "id");
    let kind = attr(receipt, "type");
    if kind.as_deref() == Some("retry") {
        return retry(client, id.unwrap_or_default(), receipt).await;
    }
    let listed = receipt.get_optional_child("list").map(children).unwrap_or_default();
    for id in std::iter::once(id).chain(listed.iter().map(|item| attr(item, "id"))) {
        client.confirm(id);
    }
    if let (Some("read" | "read-self"), Some(chat)) = (kind.as_deref(), attr(receipt, "to")) {
        let mut state = locked(&client.account.state);
        if state.chat(&chat).is_some() {
            state.chat_mut(&chat).read();
        }
    }
}

/// Handles that the companion cannot decrypt a message: its author encrypts it again, in a new session.
async fn retry(client: &Client, id: String, receipt: &Node) {
    tracing::warn!(phone = client.account.number, message = id, "A companion could not decrypt a message");
    if let Some(author) = fan_out::ask_again(client, &id, receipt) {
        return client.note(format!("companion {author} is asked to repeat {id}"));
    }
    match client.account.encrypt_again(client.device, &id).await {
        Ok(true) => client.note(format!("message {id} encrypted again")),
        Ok(false) => client.note(format!("asked to repeat {id}, which is no longer queued")),
        Err(error) => client.note(format!("message {id} cannot be encrypted again: {error}")),
    }
}
