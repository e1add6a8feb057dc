//! Kinds of messages, and their form on the wire. No file is uploaded.

use serde::{Deserialize, Serialize};
use whatsapp_rust::{
    buffa::MessageField,
    waproto::whatsapp::{
        Message,
        message::{
            AudioMessage, CallLogMessage, ContactMessage, DocumentMessage, ImageMessage, LocationMessage,
            PollCreationMessage, StickerMessage, VideoMessage, poll_creation_message::Option as PollOption,
        },
    },
};

/// The kind of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MessageKind {
    /// Plain text.
    #[default]
    Text,
    /// A photo; its text is the caption. Like other media, it has no file.
    Image,
    /// A video; its text is the caption.
    Video,
    /// A voice message, without a text.
    Audio,
    /// A file; its text is the caption.
    Document,
    /// A sticker, without a text.
    Sticker,
    /// A place; its text is the name of the place.
    Location,
    /// A contact; its text is the name of the person.
    Contact,
    /// A poll; its text is the question.
    Poll,
    /// A missed call, without a text.
    Call,
    /// A message to be viewed once. Companions learn that it exists, and cannot decrypt it.
    ViewOnce,
}

impl MessageKind {
    /// Returns whether a message of this kind has a text.
    pub(crate) fn has_text(self) -> bool {
        !matches!(self, Self::Audio | Self::Sticker | Self::Call | Self::ViewOnce)
    }

    /// Creates the message with this text.
    pub(crate) fn message(self, text: &str) -> Message {
        let text = text.to_owned();
        let caption = Some(text.clone()).filter(|text| !text.is_empty());
        let (path, key) = (Some("/v/t62.0-0/not-uploaded".to_owned()), Some(vec![0; 32]));
        let mut message = Message::default();
        match self {
            Self::Text => message.conversation = Some(text),
            Self::Image => {
                let mimetype = Some("image/jpeg".to_owned());
                let image = ImageMessage { mimetype, caption, direct_path: path, media_key: key, ..Default::default() };
                message.image_message = MessageField::some(image);
            }
            Self::Video => {
                let mimetype = Some("video/mp4".to_owned());
                let video = VideoMessage { mimetype, caption, direct_path: path, media_key: key, ..Default::default() };
                message.video_message = MessageField::some(video);
            }
            Self::Audio => {
                let (mimetype, ptt) = (Some("audio/ogg; codecs=opus".to_owned()), Some(true));
                let audio = AudioMessage { mimetype, ptt, direct_path: path, media_key: key, ..Default::default() };
                message.audio_message = MessageField::some(audio);
            }
            Self::Document => {
                let (mimetype, file_name) = (Some("application/pdf".to_owned()), Some("document.pdf".to_owned()));
                let document = DocumentMessage {
                    mimetype,
                    file_name,
                    caption,
                    direct_path: path,
                    media_key: key,
                    ..Default::default()
                };
                message.document_message = MessageField::some(document);
            }
            Self::Sticker => {
                let mimetype = Some("image/webp".to_owned());
                let sticker = StickerMessage { mimetype, direct_path: path, media_key: key, ..Default::default() };
                message.sticker_message = MessageField::some(sticker);
            }
            Self::Location => {
                let location = LocationMessage {
                    degrees_latitude: Some(52.52),
                    degrees_longitude: Some(13.405),
                    name: Some(text),
                    ..Default::default()
                };
                message.location_message = MessageField::some(location);
            }
            Self::Contact => {
                let vcard = format!("BEGIN:VCARD\nVERSION:3.0\nFN:{text}\nTEL:+15550100999\nEND:VCARD");
                let contact = ContactMessage { display_name: Some(text), vcard: Some(vcard), ..Default::default() };
                message.contact_message = MessageField::some(contact);
            }
            Self::Poll => {
                let option = |name: &str| PollOption { option_name: Some(name.to_owned()), ..Default::default() };
                let poll = PollCreationMessage {
                    name: Some(text),
                    options: vec![option("Yes"), option("No")],
                    selectable_options_count: Some(1),
                    ..Default::default()
                };
                message.poll_creation_message_v3 = MessageField::some(poll);
            }
            Self::Call => {
                let call = CallLogMessage { is_video: Some(false), ..Default::default() };
                message.call_log_messsage = MessageField::some(call);
            }
            Self::ViewOnce => {}
        }
        message
    }

    /// Returns the `type` of the stanza, and the `mediatype` of its encrypted part.
    pub(crate) fn on_the_wire(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Text | Self::Call => ("text", None),
            Self::Image => ("media", Some("image")),
            Self::Video => ("media", Some("video")),
            Self::Audio => ("media", Some("ptt")),
            Self::Document => ("media", Some("document")),
            Self::Sticker => ("media", Some("sticker")),
            Self::Location => ("media", Some("location")),
            Self::Contact => ("media", Some("vcard")),
            Self::Poll => ("poll", None),
            Self::ViewOnce => ("media", None),
        }
    }
}
