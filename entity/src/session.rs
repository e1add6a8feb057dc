//! One attached WhatsApp number.

use sea_orm::entity::prelude::*;

/// One attached WhatsApp number.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// Whose it is.
    pub organization: String,
    /// A name for people.
    pub label: Option<String>,
    /// How it stands with WhatsApp.
    pub status: i16,
    /// Why, in words for a person.
    pub status_reason: Option<String>,
    /// The same as a number.
    pub status_code: Option<i16>,
    /// When a ban ends, if one is the reason and its end is known.
    pub banned_until: Option<i64>,
    /// Whether a node should keep it connected.
    pub wanted: bool,
    /// The account's address.
    pub jid: Option<String>,
    /// The account's hidden-number address.
    pub lid: Option<String>,
    /// When it was made.
    pub created_at: i64,
    /// When it last came online.
    pub last_connected_at: Option<i64>,
    /// What callers are written when their call is rejected.
    pub call_auto_reply: Option<String>,
    /// How far the import of the history is, in percent; none when none was begun.
    pub import_percent: Option<i16>,
    /// Chats in the parts that came.
    pub import_chats: i32,
    /// Messages in the parts that came.
    pub import_messages: i32,
    /// Whether a part was lost.
    pub import_incomplete: bool,
    /// Events of the import that are in quarantine.
    pub import_quarantined: i32,
    /// When the device was linked last; none if that is not known.
    pub paired_at: Option<i64>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
