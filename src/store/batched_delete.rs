//! Batched deletion of a session's rows in tables with composite keys.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

/// Deletes up to `limit` rows of the session from `table` that match `condition`, in which `$1` is the session; returns
/// the number.
pub(super) async fn remove(
    connection: &impl ConnectionTrait,
    table: &str,
    condition: &str,
    session: &[u8],
    limit: u64,
) -> Result<u64, DbErr> {
    let backend = connection.get_database_backend();
    // Uses the databases' physical row ids, so that no composite keys are compared.
    let rows = match backend {
        DbBackend::Postgres => {
            format!("ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE session_id = $1 LIMIT {limit}))")
        }
        _ => format!("rowid IN (SELECT rowid FROM {table} WHERE session_id = $1 LIMIT {limit})"),
    };
    let sql = format!("DELETE FROM {table} WHERE {rows} AND {condition}");
    let remove = Statement::from_sql_and_values(backend, sql, [session.into()]);
    Ok(connection.execute_raw(remove).await?.rows_affected())
}
