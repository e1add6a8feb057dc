//! The periods in which an address belongs to a peer.

use sea_orm::entity::prelude::*;

/// A period in which an address belongs to a peer. An address has at most one open-ended period.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "peer_address")]
pub struct Model {
    /// The session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: Vec<u8>,
    /// The address.
    #[sea_orm(primary_key, auto_increment = false)]
    pub jid: String,
    /// Start of the period in milliseconds; 0 for the first known owner.
    #[sea_orm(primary_key, auto_increment = false)]
    pub from_at: i64,
    /// End of the period (exclusive) in milliseconds; null while it lasts.
    pub until_at: Option<i64>,
    /// The owning organization.
    pub organization: String,
    /// The peer.
    pub peer_id: Vec<u8>,
}

/// The foreign keys.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The peer.
    #[sea_orm(belongs_to = "super::peer::Entity", from = "Column::PeerId", to = "super::peer::Column::Id")]
    Peer,
}

impl Related<super::peer::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Peer.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
