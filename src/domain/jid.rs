//! WhatsApp addresses.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// The reason why a text is not a valid JID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJid {
    /// No `@`, or nothing before it.
    #[error("not a JID such as 6281234567890@s.whatsapp.net")]
    Malformed,
    /// A server that WhatsApp does not have.
    #[error("the part after @ must be s.whatsapp.net, lid, g.us, newsletter, broadcast, bot, interop or msgr")]
    UnknownServer,
    /// A user part that is invalid for the server.
    #[error("the part before @ has an invalid character or length for this kind of JID")]
    InvalidUser,
}

/// The kind of address, according to its server part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JidKind {
    /// `…@s.whatsapp.net`: a phone number.
    PhoneNumber,
    /// `…@lid`: a user whose number is hidden.
    Lid,
    /// `…@g.us`
    Group,
    /// `…@newsletter`
    Newsletter,
    /// `…@broadcast`, except `status@broadcast`.
    Broadcast,
    /// `status@broadcast`
    Status,
    /// `…@bot`: an assistant operated by WhatsApp.
    Bot,
    /// `…@interop`: a user of another messenger.
    Interop,
    /// `…@msgr`: a user of Messenger.
    Messenger,
}

/// A WhatsApp address without a device: `6281234567890@s.whatsapp.net`, `123456789@lid`, `1203…@g.us`, …
///
/// A business that WhatsApp hosts (`hosted`, `hosted.lid`) has a number or LID like any other user, so both forms are
/// the same user.
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

    /// The kind of address.
    #[must_use]
    pub fn kind(&self) -> JidKind {
        match self.0.split_once('@') {
            Some(("status", "broadcast")) => JidKind::Status,
            Some((_, "broadcast")) => JidKind::Broadcast,
            Some((_, "newsletter")) => JidKind::Newsletter,
            Some((_, "g.us")) => JidKind::Group,
            Some((_, "lid")) => JidKind::Lid,
            Some((_, "bot")) => JidKind::Bot,
            Some((_, "interop")) => JidKind::Interop,
            Some((_, "msgr")) => JidKind::Messenger,
            _ => JidKind::PhoneNumber,
        }
    }

    /// The phone number with its `+`; `None` for another kind of address.
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

/// Never prints the number, since debug output ends up in logs.
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

    /// Parses `user[.agent][:device]@server`. The device is dropped, and so is the agent if the server does not use
    /// agents. `c.us` and `hosted` are other names of `s.whatsapp.net`, and `hosted.lid` of `lid`.
    fn from_str(text: &str) -> Result<Self, InvalidJid> {
        let (user, server) = text.split_once('@').ok_or(InvalidJid::Malformed)?;
        let (user, server) = match server {
            "s.whatsapp.net" | "c.us" | "hosted" => (without_agent(without_device(user)?)?, "s.whatsapp.net"),
            "lid" | "hosted.lid" => (without_device(user)?, "lid"),
            "bot" | "interop" | "msgr" => (without_device(user)?, server),
            "g.us" | "newsletter" | "broadcast" => (user, server),
            _ => return Err(InvalidJid::UnknownServer),
        };
        if user.is_empty() {
            return Err(InvalidJid::Malformed);
        }
        let has = |longest, allowed: fn(&u8) -> bool| user.len() <= longest && user.bytes().all(|byte| allowed(&byte));
        let fits = match server {
            "g.us" => has(64, |byte| byte.is_ascii_digit() || *byte == b'-'),
            "broadcast" => user == "status" || has(32, u8::is_ascii_digit),
            // Other messengers have their own ids, prefixed with the number of the messenger.
            "bot" | "interop" | "msgr" => has(64, |byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte)),
            _ => has(32, u8::is_ascii_digit),
        };
        if fits { Ok(Self(format!("{user}@{server}").into())) } else { Err(InvalidJid::InvalidUser) }
    }
}

fn without_device(user: &str) -> Result<&str, InvalidJid> {
    without_number::<u16>(user, ':')
}

fn without_agent(user: &str) -> Result<&str, InvalidJid> {
    without_number::<u8>(user, '.')
}

/// The part before `mark`, if a number follows or the mark is missing.
fn without_number<N: FromStr>(user: &str, mark: char) -> Result<&str, InvalidJid> {
    let Some((user, number)) = user.split_once(mark) else { return Ok(user) };
    number.parse::<N>().map(|_| user).map_err(|_| InvalidJid::InvalidUser)
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
    fn a_hosted_business_is_the_person_with_its_number_or_lid() {
        for (hosted, person) in [
            ("15550100:99@hosted", "15550100@s.whatsapp.net"),
            ("15550100@hosted", "15550100@s.whatsapp.net"),
            ("100000000000001:99@hosted.lid", "100000000000001@lid"),
        ] {
            assert_eq!(hosted.parse(), person.parse::<Jid>(), "{hosted}");
        }
    }

    #[test]
    fn a_dot_in_a_lid_is_no_agent_that_could_be_dropped() {
        assert_eq!("100000000000001.5@lid".parse::<Jid>(), Err(InvalidJid::InvalidUser));
        assert_eq!("15550100.5:3@s.whatsapp.net".parse(), "15550100@s.whatsapp.net".parse::<Jid>());
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
        assert_eq!(kind("867051314767696@bot"), Ok(JidKind::Bot));
        assert_eq!(kind("2-Sam_7@interop"), Ok(JidKind::Interop));
        assert_eq!(kind("100000000000001:3@msgr"), Ok(JidKind::Messenger));
    }

    #[test]
    fn text_that_is_not_an_address_is_rejected() {
        for text in [
            "",
            "1",
            "@lid",
            "1@example.org",
            "a@lid",
            "1:x@lid",
            "1 @lid",
            "1@lid@lid",
            "1@s.whatsapp.net\n",
            "1@call",
            "a b@bot",
            ":1@interop",
        ] {
            assert!(text.parse::<Jid>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn debug_output_keeps_the_number_to_itself() {
        let jid: Jid = "15550100@s.whatsapp.net".parse().expect("a JID");
        assert!(!format!("{jid:?}").contains("555"));
    }
}
