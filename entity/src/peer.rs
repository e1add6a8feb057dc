//! A peer of a session: a user, a group, or another partner of a chat.

use sea_orm::entity::prelude::*;

/// A peer of a session: a user, a group, or another partner of a chat. The account itself is the peer with the
/// session's id.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "peer")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// The owning organization.
    pub organization: String,
    /// The session.
    pub session_id: Vec<u8>,
    /// The displayed address: the phone number if it is known.
    pub jid: String,
    /// The only chat with this peer, stored or deleted; unique.
    pub chat_id: Option<Vec<u8>>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
