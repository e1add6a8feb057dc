//! One attached WhatsApp number.

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
    /// Down until a person acts; the reason says why.
    Failed,
    /// Down by request.
    Stopped,
    /// The phone, or we, unlinked the device.
    LoggedOut,
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
    pub status_reason: Option<String>,
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
}

/// What a device needs to be linked to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairing {
    /// The text inside the QR code.
    pub qr: String,
    /// When WhatsApp stops accepting it, in milliseconds.
    pub expires_at: i64,
}
