//! Addresses in both spellings.

use tracing::debug;

use crate::domain::jid::Jid;

/// The library's address in domain words, without its device; none for a kind that no chat has.
pub(super) fn from_wire(jid: &whatsapp_rust::Jid) -> Option<Jid> {
    parse(&jid.to_string())
}

/// The same from text, as history has it.
pub(super) fn parse(text: &str) -> Option<Jid> {
    match text.parse() {
        Ok(jid) => Some(jid),
        Err(reason) => {
            // Never the text: it may be a person's number.
            debug!(%reason, "An address of an unknown kind was left out");
            None
        }
    }
}

/// A domain address as the library has it.
pub(super) fn to_wire(jid: &Jid) -> whatsapp_rust::Jid {
    jid.as_str().parse().expect("the library knows every server that the domain knows")
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
        ] {
            let jid: Jid = text.parse().unwrap();
            assert_eq!(to_wire(&jid).to_string(), text);
            assert_eq!(from_wire(&to_wire(&jid)), Some(jid));
        }
    }

    #[test]
    fn a_device_is_left_out() {
        let device: whatsapp_rust::Jid = "15550100001:7@s.whatsapp.net".parse().unwrap();
        assert_eq!(from_wire(&device), "15550100001@s.whatsapp.net".parse().ok());
    }
}
