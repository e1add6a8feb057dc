//! What a companion writes. It seals its message once for every device; here the owner's phone opens its copy, shows the
//! message in the chat, and the server says that it has it. Nobody else reads it, for nobody answers.

use whatsapp_rust::{wacore::messages::MessageUtils, waproto::codec};

use super::router::Seat;
use crate::{
    Error, clock, locked,
    phone::book::Message,
    wire::node::{Node, attr, bytes, children, node},
};

/// Takes a message of a companion.
pub(super) async fn take(seat: &Seat, message: &Node) {
    if let Err(error) = show(seat, message).await {
        tracing::warn!(phone = seat.account.number, %error, "A companion's message cannot be opened");
        seat.note(format!("a companion's message cannot be opened: {error}"));
    }
    let mut ack = node("ack").attr("class", "message").attr("id", attr(message, "id").unwrap_or_default());
    if let Some(to) = attr(message, "to") {
        ack = ack.attr("from", to);
    }
    seat.link.send(ack.attr("t", clock::seconds(clock::now_ms()).to_string()).build());
}

async fn show(seat: &Seat, message: &Node) -> Result<(), Error> {
    let account = &seat.account;
    let copies = message.get_optional_child("participants").map(children).unwrap_or_default();
    let own = copies.iter().find(|copy| is_the_phone(seat, copy));
    let enc = own.and_then(|copy| copy.get_optional_child("enc"));
    let Some((enc, sealed)) = enc.and_then(|enc| Some((enc, bytes(enc)?))) else { return Ok(()) };
    let kind = attr(enc, "type").unwrap_or_default();
    let plain = account.parties.lock().await.of(&account.jid()).open(seat.device, &kind, sealed).await?;
    let plain = MessageUtils::unpad_message_ref(&plain, 2)
        .map_err(|error| Error::protocol("a message is not padded", error.into_boxed_dyn_error()))?;
    let body = codec::message_decode(plain).map_err(|error| Error::protocol("a message cannot be read", error))?;
    let Some(copy) = body.device_sent_message.as_option() else { return Ok(()) };
    let (Some(chat), Some(text)) = (&copy.destination_jid, &copy.message.conversation) else { return Ok(()) };
    let said = Message {
        id: attr(message, "id").unwrap_or_default(),
        text: text.clone(),
        at: clock::whole_second(clock::now_ms()),
        ..Message::default()
    };
    let mut book = locked(&account.book);
    let chat = book.chat_mut(chat);
    chat.messages.push(said);
    chat.read();
    Ok(())
}

/// Whether a copy is for the owner's phone, which is device 0.
fn is_the_phone(seat: &Seat, copy: &Node) -> bool {
    let jid = attr(copy, "jid").unwrap_or_default();
    let (user, server) = jid.split_once('@').unwrap_or_default();
    let (user, device) = user.split_once(':').unwrap_or((user, "0"));
    let own = match server {
        "lid" => user == seat.account.lid,
        _ => user == seat.account.number,
    };
    own && device == "0"
}
