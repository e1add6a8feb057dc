//! Messages of a companion. It encrypts its message for every device. The owner's phone decrypts its copy and shows the
//! message in the chat, the other companions get theirs, and the server acknowledges it. The recipients receive it, and
//! do not answer.

use std::time::Duration;

use tokio::{sync::MutexGuard, time::sleep};
use whatsapp_rust::{
    wacore::messages::MessageUtils,
    waproto::{
        codec,
        whatsapp::{self as wa, message::protocol_message},
    },
};

use super::{client::Client, fan_out, users::own_device};
use crate::{
    ChatKind, Error, clock,
    lock::locked,
    phone::{
        signal_peers::SignalPeers,
        state::{Chat, Message},
    },
    wire::node::{Node, attr, bytes, children, node},
};

/// Delay of the recipients' delivery receipts.
const RECEIPT_DELAY: Duration = Duration::from_millis(100);

/// Handles a message of a companion.
pub(super) async fn take(client: &Client, message: &Node) {
    if let Some(device) = fan_out::repeated_for(client, message) {
        fan_out::repeat(client, device, message);
        return acknowledge(client, message);
    }
    // Held to the end, so that a companion that is paired meanwhile finds the message in the history or gets it.
    let mut peers = client.account.peers.lock().await;
    if let Err(error) = show(client, &mut peers, message).await {
        tracing::warn!(phone = client.account.number, %error, "Decrypting a companion's message failed");
        client.note(format!("a companion's message cannot be decrypted: {error}"));
    }
    fan_out::forward(client, message);
    drop(peers);
    acknowledge(client, message);
    deliver(client, message);
}

/// Acknowledges the message.
fn acknowledge(client: &Client, message: &Node) {
    let mut ack = node("ack").attr("class", "message").attr("id", attr(message, "id").unwrap_or_default());
    for (name, from) in [("from", "to"), ("participant", "participant")] {
        if let Some(value) = attr(message, from) {
            ack = ack.attr(name, value);
        }
    }
    client.outlet.send(ack.attr("t", clock::seconds(clock::now_ms()).to_string()).build());
}

/// Delivers the message: the recipients' receipts follow a moment later.
fn deliver(client: &Client, message: &Node) {
    let (Some(to), Some(id), None) = (attr(message, "to"), attr(message, "id"), attr(message, "category")) else {
        return;
    };
    let (server, account, device) = (client.server.clone(), client.account.clone(), client.device);
    client.server.services.tasks.spawn(async move {
        tokio::select! {
            () = sleep(RECEIPT_DELAY) => account.delivered(device, &to, &id),
            () = server.services.stop.cancelled() => {}
        }
    });
}

async fn show(client: &Client, peers: &mut MutexGuard<'_, SignalPeers>, message: &Node) -> Result<(), Error> {
    let (account, to) = (&client.account, attr(message, "to").unwrap_or_default());
    let phone = peers.of(&account.jid());
    let copies = message.get_optional_child("participants").map(children).unwrap_or_default();
    let is_the_phone = |copy: &&Node| own_device(account, &attr(copy, "jid").unwrap_or_default()) == Some(0);
    let mut received = None;
    if let Some((kind, ciphertext)) = copies.iter().find(is_the_phone).and_then(|copy| ciphertext(copy)) {
        let mut body = read(&phone.decrypt(client.device, &kind, ciphertext).await?)?;
        if let Some(copy) = body.device_sent_message.take() {
            body = copy.message.into_option().unwrap_or_default();
            received = copy.destination_jid.map(|chat| (chat, body.clone()));
        }
        let key = body.sender_key_distribution_message.into_option();
        if let Some(key) = key.and_then(|key| key.group_id.zip(key.axolotl_sender_key_distribution_message)) {
            phone.groups.process_distribution(&key.0, client.device, &key.1).await?;
        }
    }
    if ChatKind::of(&to) == ChatKind::Group
        && let Some((_, ciphertext)) = ciphertext(message).filter(|(kind, _)| kind == "skmsg")
    {
        let body = read(&phone.groups.decrypt(&to, client.device, ciphertext).await?)?;
        received = Some((to, body));
    }
    let Some((chat, body)) = received else { return Ok(()) };
    let mut state = locked(&account.state);
    if ChatKind::of(&chat) == ChatKind::Group && !state.groups.contains_key(&chat) {
        return Err(Error::UnknownChat(chat));
    }
    apply(state.chat_mut(&chat), attr(message, "id").unwrap_or_default(), body);
    Ok(())
}

/// Applies the owner's message to a chat: a new text, an edit or a revocation.
fn apply(chat: &mut Chat, id: String, mut body: wa::Message) {
    if let Some(protocol) = body.protocol_message.take() {
        let named = protocol.key.into_option().and_then(|key| key.id);
        let named =
            chat.messages.iter_mut().find(|message| message.from.is_none() && Some(&message.id) == named.as_ref());
        let edited = protocol.edited_message.into_option().and_then(text);
        match (named, protocol.r#type, edited) {
            (Some(message), Some(protocol_message::Type::REVOKE), _) => message.change("", true),
            (Some(message), Some(protocol_message::Type::MESSAGE_EDIT), Some(text)) => message.change(&text, false),
            _ => {}
        }
    } else if let Some(text) = text(body) {
        let at = clock::whole_second(clock::now_ms());
        chat.messages.push(Message { id, text, at, ..Message::default() });
        chat.read();
    }
}

/// Returns the ciphertext in a stanza or a copy, and its kind.
fn ciphertext(node: &Node) -> Option<(String, &[u8])> {
    let enc = node.get_optional_child("enc")?;
    Some((attr(enc, "type")?, bytes(enc)?))
}

fn read(padded: &[u8]) -> Result<wa::Message, Error> {
    let plain = MessageUtils::unpad_message_ref(padded, 2)
        .map_err(|error| Error::protocol("a message is not padded", error.into_boxed_dyn_error()))?;
    codec::message_decode(plain).map_err(|error| Error::protocol("a message cannot be read", error))
}

/// Returns the text of a message; `None` if it has none.
fn text(message: wa::Message) -> Option<String> {
    message.conversation.or_else(|| message.extended_text_message.into_option()?.text)
}
