//! Addresses of people: by number, by LID, as a device that WhatsApp hosts, or at a server of their own.

use crate::wire::node::SERVER;

/// Returns the person's JID: without the device, and by the number or LID of a hosted one.
pub(crate) fn person(address: &str) -> String {
    let Some((user, server)) = address.split_once('@') else { return address.to_owned() };
    let user = user.split(':').next().unwrap_or_default();
    match server {
        "hosted" => format!("{user}@{SERVER}"),
        "hosted.lid" => format!("{user}@lid"),
        _ => format!("{user}@{server}"),
    }
}

/// Returns whether the address has a device or server that the person's JID lacks: messages from it carry it.
pub(crate) fn is_special(address: &str) -> bool {
    person(address) != address
}

/// Returns whether people at this server have neither number nor LID.
pub(crate) fn is_elsewhere(server: &str) -> bool {
    matches!(server, "bot" | "interop" | "msgr")
}

/// Returns whether this is a broadcast list. Its messages are encrypted for each device, unlike a group's.
pub(crate) fn is_list(address: &str) -> bool {
    address.ends_with("@broadcast")
}

/// Returns whether this is a channel. Its messages are not encrypted.
pub(crate) fn is_channel(address: &str) -> bool {
    address.ends_with("@newsletter")
}

/// Returns whether a group's member is addressed by LID.
pub(crate) fn is_lid(address: &str) -> bool {
    address.ends_with("@lid") || address.ends_with("@hosted.lid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hosted_device_is_the_person_with_its_number_or_lid() {
        for (address, jid) in [
            ("15550100002:99@hosted", "15550100002@s.whatsapp.net"),
            ("200000000000002:99@hosted.lid", "200000000000002@lid"),
            ("15550100002:3@s.whatsapp.net", "15550100002@s.whatsapp.net"),
        ] {
            assert_eq!((person(address).as_str(), is_special(address)), (jid, true), "{address}");
            assert!(!is_special(jid));
        }
        assert_eq!(person("867051314767696@bot"), "867051314767696@bot");
    }
}
