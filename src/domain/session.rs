//! Sessions: linked WhatsApp numbers.

use strum::{FromRepr, IntoStaticStr, VariantArray};

use super::{
    cursor::TimeKey,
    id::{OrganizationId, SessionId},
    jid::Jid,
};

/// The status of a session. Its numbers are stored, and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, FromRepr, VariantArray)]
#[repr(i16)]
pub enum SessionStatus {
    /// Connecting, or about to connect.
    Starting = 1,
    /// Waiting for the user to scan the QR code.
    ScanQrCode = 2,
    /// Connected and in sync.
    Working = 3,
    /// Disconnected until the user or the operator acts, or until a ban ends; the reason explains why.
    Failed = 4,
    /// Stopped by request, or never started.
    Stopped = 5,
    /// The device was unlinked on the phone or by this server.
    LoggedOut = 6,
}

impl SessionStatus {
    /// The name in the API, in metrics and in the output of commands.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "STARTING",
            Self::ScanQrCode => "SCAN_QR_CODE",
            Self::Working => "WORKING",
            Self::Failed => "FAILED",
            Self::Stopped => "STOPPED",
            Self::LoggedOut => "LOGGED_OUT",
        }
    }
}

/// The reason why a session failed, was logged out or is slow to start. Its numbers are stored, and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, FromRepr, IntoStaticStr, VariantArray)]
#[repr(i16)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum StatusCode {
    /// No phone linked the session in time.
    PairingExpired = 1,
    /// The phone and the server could not complete the pairing.
    PairingFailed = 2,
    /// The device was unlinked on the phone or by this server.
    Unlinked = 3,
    /// WhatsApp locked the account.
    AccountLocked = 4,
    /// An account other than the session's own was linked.
    OtherAccount = 5,
    /// Another connection uses the same device.
    Replaced = 6,
    /// WhatsApp banned the account temporarily.
    Banned = 7,
    /// WhatsApp no longer accepts this version.
    Outdated = 8,
    /// The stored keys of the device cannot be decrypted.
    KeysDamaged = 9,
    /// WhatsApp rejected the connection.
    Refused = 10,
    /// The chat settings cannot be read from WhatsApp.
    SettingsUnreadable = 11,
    /// An internal error.
    InternalError = 12,
    /// The session's row cannot be read.
    DatabaseDamaged = 13,
    /// A reason that an earlier version recorded in words only.
    Other = 14,
}

impl StatusCode {
    /// The name in the API and in the output of commands.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The reason for a session's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReason {
    /// The reason as a code.
    pub code: StatusCode,
    /// The reason in words, for the user.
    pub words: String,
    /// The end of a ban in milliseconds, if it is known.
    pub banned_until: Option<i64>,
}

impl StatusReason {
    /// A reason other than a ban.
    #[must_use]
    pub fn new(code: StatusCode, words: impl Into<String>) -> Self {
        Self { code, words: words.into(), banned_until: None }
    }

    /// The device was unlinked by this server.
    #[must_use]
    pub fn unlinked() -> Self {
        Self::new(StatusCode::Unlinked, "this device was unlinked; link it again")
    }
}

/// A stored session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The id.
    pub id: SessionId,
    /// The owning organization.
    pub organization: OrganizationId,
    /// Display name.
    pub label: Option<String>,
    /// The status.
    pub status: SessionStatus,
    /// The reason for the status, if it failed, was logged out or is slow to start.
    pub status_reason: Option<StatusReason>,
    /// True if a node should keep the session connected.
    pub wanted: bool,
    /// The account's address, known since the first pairing.
    pub jid: Option<Jid>,
    /// The account's LID (hidden-number address).
    pub lid: Option<Jid>,
    /// Creation time in milliseconds.
    pub created_at: i64,
    /// The time of the last connection in milliseconds.
    pub last_connected_at: Option<i64>,
    /// The time of the last pairing in milliseconds; `None` if it is unknown.
    pub paired_at: Option<i64>,
    /// The text that is sent to a caller whose call is rejected.
    pub call_auto_reply: Option<String>,
    /// The progress of importing the account's history; `None` if no import has begun.
    pub history_import: Option<HistoryImport>,
    /// A column of the session's row that cannot be read. The session stays down until the row is repaired.
    pub damaged: Option<&'static str>,
    /// True if it was deleted and still has chats to purge.
    pub removed: bool,
}

impl Session {
    /// Creates a session that is stopped and was never paired.
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
            removed: false,
        }
    }
}

/// The progress of importing an account's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HistoryImport {
    /// The progress reported by the phone, from 0 to 100.
    pub percent: u8,
    /// Number of imported chats.
    pub chats: u32,
    /// Number of imported messages.
    pub messages: u32,
    /// True if a part was lost permanently.
    pub incomplete: bool,
    /// Number of its events that are in quarantine.
    pub quarantined: u32,
}

impl HistoryImport {
    /// Adds an imported part, with the progress that the phone reports.
    pub fn add(&mut self, chats: u32, messages: u32, percent: Option<u8>) {
        self.chats = self.chats.saturating_add(chats);
        self.messages = self.messages.saturating_add(messages);
        // Parts can arrive out of order.
        self.percent = percent.map_or(self.percent, |percent| percent.max(self.percent).min(100));
    }

    /// Returns whether a part is missing, permanently or while it is in quarantine.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.incomplete || self.quarantined > 0
    }
}

impl Session {
    /// The account that the session was first paired with, and remains bound to permanently; `None` before the first
    /// pairing.
    #[must_use]
    pub fn account(&self) -> Option<Account> {
        self.jid.clone().map(|jid| Account { jid, lid: self.lid.clone() })
    }

    /// The session's position in its organization's list.
    #[must_use]
    pub fn key(&self) -> TimeKey {
        TimeKey { at: self.created_at, id: self.id.bytes() }
    }
}

/// A WhatsApp account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The address with the phone number.
    pub jid: Jid,
    /// The LID (hidden-number address).
    pub lid: Option<Jid>,
}

impl Account {
    /// Returns whether this is one of the account's addresses.
    #[must_use]
    pub fn has(&self, address: &Jid) -> bool {
        self.jid == *address || self.lid.as_ref() == Some(address)
    }

    /// Returns whether both are the same account. The phone number may change, the LID does not.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.jid == other.jid || (self.lid.is_some() && self.lid == other.lid)
    }
}

/// The codes that link a device to an account; either is sufficient.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pairing {
    /// The text inside a QR code, which the phone scans.
    pub qr: Option<PairingCode>,
    /// Eight characters to type on the phone.
    pub code: Option<PairingCode>,
}

/// A text that WhatsApp accepts for a limited time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairingCode {
    /// The text.
    pub text: String,
    /// Expiry time in milliseconds.
    pub expires_at: i64,
}

impl Pairing {
    /// The codes that WhatsApp still accepts at `now`; `None` if there are none.
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
