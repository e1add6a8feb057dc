//! What can go wrong with the database.

use std::sync::Arc;

/// What can go wrong with the database.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database refused or could not be reached. Shared: one failed commit fails all units in it.
    #[error("the database failed")]
    Database(#[source] Arc<sea_orm::DbErr>),
    /// A row of ours holds what we never write.
    #[error("{table}.{column} is corrupt")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The journal is closed: the process is stopping.
    #[error("the store is closed")]
    Closed,
}

impl From<sea_orm::DbErr> for StoreError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Database(Arc::new(error))
    }
}
