//! Direct access to a server's database.

use sea_orm::{ConnectionTrait as _, Database, Statement};
use tokio::time::timeout;

use super::{TestDatabase, wait::ANSWER_TIMEOUT};

impl TestDatabase {
    /// Executes a statement.
    pub(crate) async fn execute(&self, statement: &str) {
        let executed = async {
            let database = Database::connect(self.url()).await.expect("a connection");
            database.execute_unprepared(statement).await.expect("executed");
        };
        timeout(ANSWER_TIMEOUT, executed).await.unwrap_or_else(|_| panic!("timeout while executing {statement}"));
    }

    /// Returns the number that a query selects.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        let read = async {
            let database = Database::connect(self.url()).await.expect("a connection");
            let query = Statement::from_string(database.get_database_backend(), query.to_owned());
            let row = database.query_one_raw(query).await.expect("a read").expect("a row");
            row.try_get_by_index(0).expect("a number")
        };
        timeout(ANSWER_TIMEOUT, read).await.unwrap_or_else(|_| panic!("timeout while reading {query}"))
    }
}
