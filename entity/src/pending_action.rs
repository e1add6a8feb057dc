//! One setting of one chat that WhatsApp still has to be told.

use sea_orm::entity::prelude::*;

/// One setting of one chat that WhatsApp still has to be told.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pending_action")]
pub struct Model {
    /// The session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: Vec<u8>,
    /// The chat.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: Vec<u8>,
    /// Which setting, in sending order.
    #[sea_orm(primary_key, auto_increment = false)]
    pub setting: i16,
    /// Whose it is.
    pub organization: String,
    /// Counts the requests for this setting.
    pub version: i64,
    /// What WhatsApp shall have: 0 or 1, or the end of a mute.
    pub desired: i64,
    /// What WhatsApp has, as far as is known.
    pub base: i64,
    /// WhatsApp's time of that.
    pub base_as_of: i64,
    /// How many unread messages the request cleared.
    pub unread: i32,
    /// When it was asked for.
    pub requested_at: i64,
    /// The chat's last message at that time: WhatsApp's id.
    pub range_wa_id: Option<String>,
    /// Who wrote it.
    pub range_sender: Option<String>,
    /// Whether the account wrote it.
    pub range_from_me: Option<bool>,
    /// When.
    pub range_at: Option<i64>,
    /// Up to where the chat was read before it was marked as unread, if WhatsApp has not been told: WhatsApp's id.
    pub read_wa_id: Option<String>,
    /// Who wrote that message.
    pub read_sender: Option<String>,
    /// Whether the account wrote it.
    pub read_from_me: Option<bool>,
    /// When.
    pub read_at: Option<i64>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
