//! Translation of addresses.

use whatsapp_rust::{Server, types::message::MessageSource};

use crate::domain::jid::{InvalidJid, Jid, JidKind};

/// An unsupported address, so that its event cannot be translated.
///
/// Never contains the address itself, which may be a person's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("addresses of server {server:?} are not supported")]
pub(super) struct Untranslatable {
    /// Server of the address; `None` if it is not one of WhatsApp's servers.
    pub(super) server: Option<Server>,
    /// The cause.
    #[source]
    pub(super) reason: InvalidJid,
}

/// Translates the library's address, without its device.
///
/// # Errors
/// [`Untranslatable`] if no chat and no person can have such an address.
pub(super) fn from_wire(jid: &whatsapp_rust::Jid) -> Result<Jid, Untranslatable> {
    let (user, server) = (jid.user.as_str(), jid.server.as_str());
    let text = match jid.server {
        // The messenger's number is part of the address, but the library does not print it.
        Server::Interop if jid.integrator > 0 => format!("{}-{user}@{server}", jid.integrator),
        Server::Bot | Server::Interop | Server::Messenger if jid.agent > 0 => format!("{user}.{}@{server}", jid.agent),
        _ => format!("{user}@{server}"),
    };
    text.parse().map_err(|reason| Untranslatable { server: Some(jid.server), reason })
}

/// Returns the chat of a message. A message that another person sends to a broadcast list is in the direct chat with
/// them.
///
/// # Errors
/// As [`from_wire`].
pub(super) fn chat_of(source: &MessageSource) -> Result<Jid, Untranslatable> {
    let chat = from_wire(&source.chat)?;
    if chat.kind() == JidKind::Broadcast && !source.is_from_me { from_wire(&source.sender) } else { Ok(chat) }
}

/// Parses an address from text, as in a history.
///
/// # Errors
/// As [`from_wire`].
pub(super) fn parse(text: &str) -> Result<Jid, Untranslatable> {
    let server = text.split_once('@').and_then(|(_, server)| Server::parse_known(server));
    text.parse().map_err(|reason| Untranslatable { server, reason })
}

/// Translates a domain address for the library.
pub(super) fn to_wire(jid: &Jid) -> whatsapp_rust::Jid {
    let mut wire: whatsapp_rust::Jid =
        jid.as_str().parse().expect("the library knows every server that the domain knows");
    if wire.server == Server::Interop
        && let Some((integrator, user)) = jid.user().split_once('-')
        && let Ok(integrator) = integrator.parse()
    {
        (wire.integrator, wire.user) = (integrator, user.into());
    }
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_address_goes_there_and_back() {
        for text in [
            "15550100001@s.whatsapp.net",
            "100000000000001@lid",
            "120363000000000001@g.us",
            "15550100001-1400000000@g.us",
            "120363000000000002@newsletter",
            "1400000000@broadcast",
            "status@broadcast",
            "867051314767696@bot",
            "100000000000007@msgr",
            "sam_7@interop",
        ] {
            let jid: Jid = text.parse().unwrap();
            assert_eq!(to_wire(&jid).to_string(), text);
            assert_eq!(from_wire(&to_wire(&jid)), Ok(jid));
        }
    }

    #[test]
    fn a_device_is_left_out() {
        for (device, person) in [
            ("15550100001:7@s.whatsapp.net", "15550100001@s.whatsapp.net"),
            ("15550100001:99@hosted", "15550100001@s.whatsapp.net"),
            ("100000000000001:99@hosted.lid", "100000000000001@lid"),
            ("867051314767696:3@bot", "867051314767696@bot"),
        ] {
            let wire: whatsapp_rust::Jid = device.parse().unwrap();
            assert_eq!(from_wire(&wire), Ok(person.parse().unwrap()), "{device}");
            assert_eq!(parse(device), Ok(person.parse().unwrap()), "{device}");
        }
    }

    #[test]
    fn people_on_two_messengers_are_two() {
        let mut wire: whatsapp_rust::Jid = "sam@interop".parse().unwrap();
        wire.integrator = 2;
        let one = from_wire(&wire).unwrap();
        wire.integrator = 3;
        let other = from_wire(&wire).unwrap();
        assert_ne!(one, other);
        assert_eq!(to_wire(&other), wire);
    }

    /// The match is exhaustive: a new server of the library fails to compile here.
    #[test]
    fn each_server_is_translated_or_gives_an_error() {
        for server in [
            Server::Pn,
            Server::Lid,
            Server::Group,
            Server::Broadcast,
            Server::Newsletter,
            Server::Hosted,
            Server::HostedLid,
            Server::Messenger,
            Server::Interop,
            Server::Bot,
            Server::Legacy,
            Server::Call,
        ] {
            let kind = match server {
                Server::Pn | Server::Hosted | Server::Legacy => Some("s.whatsapp.net"),
                Server::Lid | Server::HostedLid => Some("lid"),
                Server::Group
                | Server::Broadcast
                | Server::Newsletter
                | Server::Messenger
                | Server::Interop
                | Server::Bot => Some(server.as_str()),
                // A call is not a chat.
                Server::Call => None,
            };
            let wire = whatsapp_rust::Jid::new("15550100001", server);
            let read = from_wire(&wire);
            assert_eq!(parse(&wire.to_string()), read);
            assert_eq!(read.clone().ok().map(|jid| jid.to_string()), kind.map(|kind| format!("15550100001@{kind}")));
            if kind.is_none() {
                assert_eq!(read, Err(Untranslatable { server: Some(server), reason: InvalidJid::UnknownServer }));
            }
            // A server alone is not an address.
            assert!(from_wire(&whatsapp_rust::Jid::new("", server)).is_err(), "{server}");
        }
    }
}
