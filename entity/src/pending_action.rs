//! One setting of one chat that is still to be sent to WhatsApp.

use sea_orm::entity::prelude::*;

/// One setting of one chat that is still to be sent to WhatsApp.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pending_action")]
pub struct Model {
    /// The session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: Vec<u8>,
    /// The chat.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: Vec<u8>,
    /// The setting; the numbers are in sending order.
    #[sea_orm(primary_key, auto_increment = false)]
    pub setting: i16,
    /// The owning organization.
    pub organization: String,
    /// The version, which increases with each request for this setting.
    pub version: i64,
    /// The requested value: 0 or 1, or the end of a mute.
    pub desired: i64,
    /// The value on WhatsApp, as far as it is known.
    pub base: i64,
    /// WhatsApp's timestamp of that value.
    pub base_as_of: i64,
    /// Number of unread messages that the request cleared.
    pub unread: i32,
    /// Time of the request.
    pub requested_at: i64,
    /// The chat's last message at that time: WhatsApp's id.
    pub range_wa_id: Option<String>,
    /// The sender of that message.
    pub range_sender: Option<String>,
    /// True if the account sent it.
    pub range_from_me: Option<bool>,
    /// The time.
    pub range_at: Option<i64>,
    /// The message up to which the chat was read before it was marked as unread, if WhatsApp has not received that yet:
    /// WhatsApp's id.
    pub read_wa_id: Option<String>,
    /// The sender of that message.
    pub read_sender: Option<String>,
    /// True if the account sent it.
    pub read_from_me: Option<bool>,
    /// The time.
    pub read_at: Option<i64>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
