//! The migrations of chatgraph's tables, one file each, up and down. A released migration is never changed; a later one
//! corrects it.

use sea_orm_migration::prelude::*;

mod m0001_stored_copy;
mod m0002_device_state;
mod m0003_chat_lists;
mod m0004_deletion;
mod m0005_refusal;
mod m0006_session_details;
mod m0007_arrival;
mod m0008_key_use;
mod m0009_master_keys;
mod m0010_identity;
mod m0011_edits_and_mutes;
mod m0012_read_before;
mod m0013_peers;
mod m0014_pins_and_steps;
mod m0015_quarantined_events;
mod m0016_search_fold;
mod m0017_write_check;
mod m0018_emptied_chats;
mod m0019_key_origin;
mod m0020_contract;
mod m0021_idempotency;
mod m0022_chats_of_session;
mod m0023_inbox_of_session;

/// All migrations, oldest first.
#[derive(Debug, Clone, Copy)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_stored_copy::Migration),
            Box::new(m0002_device_state::Migration),
            Box::new(m0003_chat_lists::Migration),
            Box::new(m0004_deletion::Migration),
            Box::new(m0005_refusal::Migration),
            Box::new(m0006_session_details::Migration),
            Box::new(m0007_arrival::Migration),
            Box::new(m0008_key_use::Migration),
            Box::new(m0009_master_keys::Migration),
            Box::new(m0010_identity::Migration),
            Box::new(m0011_edits_and_mutes::Migration),
            Box::new(m0012_read_before::Migration),
            Box::new(m0013_peers::Migration),
            Box::new(m0014_pins_and_steps::Migration),
            Box::new(m0015_quarantined_events::Migration),
            Box::new(m0016_search_fold::Migration),
            Box::new(m0017_write_check::Migration),
            Box::new(m0018_emptied_chats::Migration),
            Box::new(m0019_key_origin::Migration),
            Box::new(m0020_contract::Migration),
            Box::new(m0021_idempotency::Migration),
            Box::new(m0022_chats_of_session::Migration),
            Box::new(m0023_inbox_of_session::Migration),
        ]
    }
}

pub use sea_orm_migration::{MigrationStatus, MigratorTrait, SchemaManager};
