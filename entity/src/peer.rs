//! A peer of a session: a person, a group, or another thing that a chat is with.

use sea_orm::entity::prelude::*;

/// A peer of a session: a person, a group, or another thing that a chat is with. The account itself is the peer whose id is
/// the session's.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "peer")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// Whose it is.
    pub organization: String,
    /// The session.
    pub session_id: Vec<u8>,
    /// The address that is shown: the number if it is known.
    pub jid: String,
    /// The one chat with this peer, stored or deleted; unique.
    pub chat_id: Option<Vec<u8>>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
