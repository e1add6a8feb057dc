//! Size of a pool of connections.

use sea_orm::{DatabaseConnection, DbBackend};

/// Returns the maximum number of connections.
pub(in crate::store) fn max_connections(pool: &DatabaseConnection) -> u32 {
    match pool.get_database_backend() {
        DbBackend::Postgres => pool.get_postgres_connection_pool().options().get_max_connections(),
        _ => 1,
    }
}

/// Returns the number of idle connections.
pub(in crate::store) fn idle_connections(pool: &DatabaseConnection) -> usize {
    match pool.get_database_backend() {
        DbBackend::Postgres => pool.get_postgres_connection_pool().num_idle(),
        _ => 0,
    }
}
