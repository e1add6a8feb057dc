//! Text of messages.

use whatsapp_rust::{proto_helpers::MessageExt as _, waproto::whatsapp::Message};

/// Returns the text or caption of a message.
pub(super) fn text(message: &Message) -> Option<String> {
    let text = message.text_content().or_else(|| message.get_caption());
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}
