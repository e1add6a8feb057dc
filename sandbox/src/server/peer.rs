//! Peer requests of a companion to the phone, between the owner's own devices. The message is encrypted for the phone
//! only, and the phone answers with a message of the same kind.

use whatsapp_rust::{
    wacore::messages::MessageUtils,
    waproto::{codec, whatsapp as wa},
};

use super::client::Client;
use crate::{
    Error, clock,
    phone::address,
    wire::node::{Node, attr, bytes, node},
};

/// Handles a peer request, which the phone answers.
pub(super) async fn take(client: &Client, message: &Node) {
    let id = attr(message, "id").unwrap_or_default();
    let mut ack = node("ack").attr("class", "message").attr("id", id.as_str());
    if let Some(to) = attr(message, "to") {
        ack = ack.attr("from", to);
    }
    client.outlet.send(ack.attr("t", clock::seconds(clock::now_ms()).to_string()).build());
    let answered = match decrypt(client, message).await {
        Ok(body) => client.account.answer(&client.server.services.media, client.device, &id, &body).await,
        Err(error) => Err(error),
    };
    if let Err(error) = answered {
        tracing::warn!(phone = client.account.number, %error, "Answering a peer request failed");
        client.note(format!("the phone cannot answer {id}: {error}"));
    }
}

async fn decrypt(client: &Client, message: &Node) -> Result<wa::Message, Error> {
    let to = attr(message, "to").unwrap_or_default();
    let account = &client.account;
    let own = [account.jid(), format!("{}@lid", account.lid)].contains(&address::person(&to));
    if !own || to.contains(':') {
        return Err(Error::Unsupported("a peer request to a device other than the phone"));
    }
    let ciphertext = message.get_optional_child("enc").and_then(|enc| Some((attr(enc, "type")?, bytes(enc)?)));
    let (kind, ciphertext) = ciphertext.ok_or(Error::Unsupported("an unencrypted peer request"))?;
    let plain = account.peers.lock().await.of(&account.jid()).decrypt(client.device, &kind, ciphertext).await?;
    let plain = MessageUtils::unpad_message_ref(&plain, 2)
        .map_err(|error| Error::protocol("a message is not padded", error.into_boxed_dyn_error()))?;
    codec::message_decode(plain).map_err(|error| Error::protocol("a message cannot be read", error))
}
