//! The devices of group members that have, or lack, the session's sender key for the group.

use sea_orm::entity::prelude::*;

/// The devices of group members that have, or lack, the session's sender key for the group.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "device_sender_key")]
pub struct Model {
    /// The session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: Vec<u8>,
    /// The group.
    #[sea_orm(primary_key, auto_increment = false)]
    pub group_jid: String,
    /// The member's device.
    #[sea_orm(primary_key, auto_increment = false)]
    pub device_jid: String,
    /// True if the device has the key.
    pub has_key: bool,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
