//! WhatsApp addresses.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

/// What is wrong with the text of a JID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJid {
    /// No `@`, or nothing before it.
    #[error("a JID looks like 6281234567890@s.whatsapp.net")]
    Malformed,
    /// A server that WhatsApp does not have.
    #[error("the part after @ must be s.whatsapp.net, lid, g.us, newsletter or broadcast")]
    UnknownServer,
    /// A user part that the server does not take.
    #[error("the part before @ has a character or a length that such a JID does not have")]
    InvalidUser,
}

/// The kind of address, by its server part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JidKind {
    /// `…@s.whatsapp.net`: a phone number.
    PhoneNumber,
    /// `…@lid`: a person whose number is hidden.
    Lid,
    /// `…@g.us`
    Group,
    /// `…@newsletter`
    Newsletter,
    /// `…@broadcast`, except the next.
    Broadcast,
    /// `status@broadcast`
    Status,
}

/// A WhatsApp address without a device: `6281234567890@s.whatsapp.net`, `123456789@lid`, `1203…@g.us`, …
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Jid(Arc<str>);

impl Jid {
    /// `user@server`
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before `@`.
    #[must_use]
    pub fn user(&self) -> &str {
        self.0.split_once('@').map_or("", |(user, _)| user)
    }

    /// Which kind of address this is.
    #[must_use]
    pub fn kind(&self) -> JidKind {
        match self.0.split_once('@') {
            Some(("status", "broadcast")) => JidKind::Status,
            Some((_, "broadcast")) => JidKind::Broadcast,
            Some((_, "newsletter")) => JidKind::Newsletter,
            Some((_, "g.us")) => JidKind::Group,
            Some((_, "lid")) => JidKind::Lid,
            _ => JidKind::PhoneNumber,
        }
    }

    /// The phone number with its `+`, when the address is one.
    #[must_use]
    pub fn phone_number(&self) -> Option<String> {
        (self.kind() == JidKind::PhoneNumber).then(|| format!("+{}", self.user()))
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Never the number: debug output ends up in logs.
impl fmt::Debug for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jid({:?})", self.kind())
    }
}

impl TryFrom<String> for Jid {
    type Error = InvalidJid;

    fn try_from(text: String) -> Result<Self, InvalidJid> {
        text.parse()
    }
}

impl From<Jid> for String {
    fn from(jid: Jid) -> Self {
        jid.as_str().to_owned()
    }
}

impl FromStr for Jid {
    type Err = InvalidJid;

    /// Reads `user[.agent][:device]@server`; agent and device are dropped, `c.us` is the old name of `s.whatsapp.net`.
    fn from_str(text: &str) -> Result<Self, InvalidJid> {
        let (user, server) = text.split_once('@').ok_or(InvalidJid::Malformed)?;
        let server = if server == "c.us" { "s.whatsapp.net" } else { server };
        let user = match server {
            "s.whatsapp.net" | "lid" => without_device(user)?,
            "g.us" | "newsletter" | "broadcast" => user,
            _ => return Err(InvalidJid::UnknownServer),
        };
        if user.is_empty() {
            return Err(InvalidJid::Malformed);
        }
        let digits = |byte: u8| byte.is_ascii_digit();
        let fits = match server {
            "g.us" => user.len() <= 64 && user.bytes().all(|byte| digits(byte) || byte == b'-'),
            "broadcast" => user == "status" || (user.len() <= 32 && user.bytes().all(digits)),
            _ => user.len() <= 32 && user.bytes().all(digits),
        };
        if fits { Ok(Self(format!("{user}@{server}").into())) } else { Err(InvalidJid::InvalidUser) }
    }
}

fn without_device(user: &str) -> Result<&str, InvalidJid> {
    let (user, device) = user.split_once(':').map_or((user, None), |(user, device)| (user, Some(device)));
    if device.is_some_and(|device| device.parse::<u16>().is_err()) {
        return Err(InvalidJid::InvalidUser);
    }
    let (user, agent) = user.split_once('.').map_or((user, None), |(user, agent)| (user, Some(agent)));
    if agent.is_some_and(|agent| agent.parse::<u8>().is_err()) {
        return Err(InvalidJid::InvalidUser);
    }
    Ok(user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_dropped() {
        let jid: Jid = "15550100:12@s.whatsapp.net".parse().expect("a JID");
        assert_eq!(jid.as_str(), "15550100@s.whatsapp.net");
        assert_eq!("15550100@c.us".parse(), Ok(jid));
    }

    #[test]
    fn kinds_follow_the_server() {
        let kind = |text: &str| text.parse::<Jid>().map(|jid| jid.kind());
        assert_eq!(kind("1@s.whatsapp.net"), Ok(JidKind::PhoneNumber));
        assert_eq!(kind("1@lid"), Ok(JidKind::Lid));
        assert_eq!(kind("120363000000000001@g.us"), Ok(JidKind::Group));
        assert_eq!(kind("15550100-1400000000@g.us"), Ok(JidKind::Group));
        assert_eq!(kind("1@newsletter"), Ok(JidKind::Newsletter));
        assert_eq!(kind("1@broadcast"), Ok(JidKind::Broadcast));
        assert_eq!(kind("status@broadcast"), Ok(JidKind::Status));
    }

    #[test]
    fn text_that_is_no_address_is_refused() {
        for text in ["", "1", "@lid", "1@example.org", "a@lid", "1:x@lid", "1 @lid", "1@lid@lid", "1@s.whatsapp.net\n"]
        {
            assert!(text.parse::<Jid>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn debug_output_keeps_the_number_to_itself() {
        let jid: Jid = "15550100@s.whatsapp.net".parse().expect("a JID");
        assert!(!format!("{jid:?}").contains("555"));
    }
}
