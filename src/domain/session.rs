//! One attached WhatsApp number.

use super::cursor::TimeKey;
use super::id::OrganizationId;
use super::id::SessionId;
use super::jid::Jid;

/// How a session stands with WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionStatus {
    /// Connecting, or about to.
    Starting,
    /// Waits for its QR code to be scanned.
    ScanQrCode,
    /// Connected and in step.
    Working,
    /// Down until a person acts, or until a ban ends; the reason says why.
    Failed,
    /// Down by request.
    Stopped,
    /// The phone, or we, unlinked the device.
    LoggedOut,
}

/// Why a session has failed, was logged out or takes long to start, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusCode {
    /// Nobody linked a device in time.
    PairingExpired,
    /// The phone and we could not agree on the link.
    PairingFailed,
    /// The device was unlinked, on the phone or here.
    Unlinked,
    /// WhatsApp locked the account.
    AccountLocked,
    /// Another account was linked than the session's own.
    OtherAccount,
    /// Another connection took over the device.
    Replaced,
    /// WhatsApp banned the account for a while.
    Banned,
    /// WhatsApp no longer speaks with this version.
    Outdated,
    /// What is kept of the device's keys does not open.
    KeysDamaged,
    /// WhatsApp rejected the connection.
    Refused,
    /// The settings of the chats cannot be read.
    SettingsUnreadable,
    /// An error of this program.
    InternalError,
    /// The session's row cannot be read.
    DatabaseDamaged,
    /// Something that an earlier version recorded in words alone.
    Other,
}

/// Why a session stands as it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReason {
    /// In a word.
    pub code: StatusCode,
    /// In words for a person.
    pub words: String,
    /// When a ban ends, in milliseconds, if that is the reason and its end is known.
    pub banned_until: Option<i64>,
}

impl StatusReason {
    /// A reason that is no ban.
    #[must_use]
    pub fn new(code: StatusCode, words: impl Into<String>) -> Self {
        Self { code, words: words.into(), banned_until: None }
    }

    /// The device was unlinked from here.
    #[must_use]
    pub fn unlinked() -> Self {
        Self::new(StatusCode::Unlinked, "this device was unlinked; link it again")
    }
}

/// A session as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// A name for people.
    pub label: Option<String>,
    /// How it stands with WhatsApp.
    pub status: SessionStatus,
    /// Why, when it failed or was logged out.
    pub status_reason: Option<StatusReason>,
    /// Whether a node should keep it connected.
    pub wanted: bool,
    /// The account's address, known from the first pairing on.
    pub jid: Option<Jid>,
    /// The account's hidden-number address.
    pub lid: Option<Jid>,
    /// When it was made, in milliseconds.
    pub created_at: i64,
    /// When it last came online, in milliseconds.
    pub last_connected_at: Option<i64>,
    /// When its device was linked last, in milliseconds; none if that is not known.
    pub paired_at: Option<i64>,
    /// What a caller is written when the call is rejected.
    pub call_auto_reply: Option<String>,
    /// How far the import of the account's history is; none when none was begun.
    pub history_import: Option<HistoryImport>,
    /// A column of its row that cannot be read: the session stays down until the row is repaired.
    pub damaged: Option<&'static str>,
}

impl Session {
    /// Makes a session that is stopped and was never paired.
    #[must_use]
    pub fn new(id: SessionId, organization: OrganizationId, label: Option<String>, at: i64) -> Self {
        Self {
            id,
            organization,
            label,
            status: SessionStatus::Stopped,
            status_reason: None,
            wanted: false,
            jid: None,
            lid: None,
            created_at: at,
            last_connected_at: None,
            paired_at: None,
            call_auto_reply: None,
            history_import: None,
            damaged: None,
        }
    }
}

/// How far the import of an account's history is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HistoryImport {
    /// 0 to 100, as the phone says.
    pub percent: u8,
    /// Chats that it brought.
    pub chats: u32,
    /// Messages that it brought.
    pub messages: u32,
    /// Whether a part was lost permanently.
    pub incomplete: bool,
    /// Events of it that are in quarantine.
    pub quarantined: u32,
}

impl HistoryImport {
    /// Counts what a part brought, with the phone's word on how far that is.
    pub fn add(&mut self, chats: u32, messages: u32, percent: Option<u8>) {
        self.chats = self.chats.saturating_add(chats);
        self.messages = self.messages.saturating_add(messages);
        // Parts may overtake each other.
        self.percent = percent.map_or(self.percent, |percent| percent.max(self.percent).min(100));
    }

    /// Whether something is missing, permanently or until it leaves the quarantine.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.incomplete || self.quarantined > 0
    }
}

impl Session {
    /// The first account it was linked to; none when it never was. It belongs to no other for good.
    #[must_use]
    pub fn account(&self) -> Option<Account> {
        self.jid.clone().map(|jid| Account { jid, lid: self.lid.clone() })
    }

    /// Where the session stands in its organization's list.
    #[must_use]
    pub fn key(&self) -> TimeKey {
        TimeKey { at: self.created_at, id: self.id.bytes() }
    }
}

/// An account of WhatsApp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its address by number.
    pub jid: Jid,
    /// Its hidden-number address.
    pub lid: Option<Jid>,
}

impl Account {
    /// Whether this is its number or its hidden number.
    #[must_use]
    pub fn has(&self, address: &Jid) -> bool {
        self.jid == *address || self.lid.as_ref() == Some(address)
    }

    /// Whether both are one account. Its number may change, its hidden number does not.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.jid == other.jid || (self.lid.is_some() && self.lid == other.lid)
    }
}

/// What links a device to an account: either will do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pairing {
    /// The text inside a QR code, for the phone's camera.
    pub qr: Option<PairingCode>,
    /// Eight characters, to be typed on the phone.
    pub code: Option<PairingCode>,
}

/// A text that WhatsApp accepts for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairingCode {
    /// The text.
    pub text: String,
    /// When WhatsApp stops accepting it, in milliseconds.
    pub expires_at: i64,
}

impl Pairing {
    /// What of it WhatsApp still accepts at `now`; none when that is nothing.
    #[must_use]
    pub fn at(self, now: i64) -> Option<Self> {
        let live = |code: Option<PairingCode>| code.filter(|code| code.expires_at > now);
        let pairing = Self { qr: live(self.qr), code: live(self.code) };
        (pairing != Self::default()).then_some(pairing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(jid: &str, lid: Option<&str>) -> Account {
        Account { jid: jid.parse().unwrap(), lid: lid.map(|lid| lid.parse().unwrap()) }
    }

    #[test]
    fn an_account_is_the_same_by_its_number_or_by_its_hidden_number() {
        let own = account("15550100001@s.whatsapp.net", Some("100000000000001@lid"));
        assert!(own.is(&account("15550100001@s.whatsapp.net", None)));
        assert!(own.is(&account("15550100002@s.whatsapp.net", Some("100000000000001@lid"))));
        assert!(!own.is(&account("15550100002@s.whatsapp.net", Some("100000000000002@lid"))));
        let unknown = account("15550100001@s.whatsapp.net", None);
        assert!(!unknown.is(&account("15550100002@s.whatsapp.net", None)));
    }

    #[test]
    fn a_pairing_ends_code_by_code() {
        let code = |expires_at| Some(PairingCode { text: "x".into(), expires_at });
        let pairing = Pairing { qr: code(20), code: code(180) };
        assert_eq!(pairing.clone().at(19), Some(pairing.clone()));
        assert_eq!(pairing.clone().at(20), Some(Pairing { qr: None, code: code(180) }));
        assert_eq!(pairing.at(180), None);
    }
}
