//! Every migration can be taken back, and taken again to the same end, and no two processes take one at once.

use std::process::Stdio;

use chatgraph_migration::Migrator;
use chatgraph_migration::MigratorTrait as _;
use sea_orm::ConnectOptions;
use sea_orm::ConnectionTrait as _;
use sea_orm::Database;
use sea_orm::DatabaseConnection;
use sea_orm::DbBackend;
use sea_orm::Statement;

use crate::support::TestDatabase;
use crate::support::program;

/// How every table and index was made, but for the migrations' own and those that SQLite makes by itself.
const MADE_ON_SQLITE: &str = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name NOT LIKE 'sea%' \
                              AND tbl_name NOT LIKE 'sqlite%' ORDER BY type, name";
/// The columns, constraints and indexes of every table, but for the migrations' own.
const MADE_ON_POSTGRES: &str = "\
    SELECT sql FROM ( \
      SELECT format('%s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default) AS sql, \
        table_name AS name FROM information_schema.columns WHERE table_schema = 'public' \
      UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid), conrelid::regclass::text \
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace \
      UNION ALL SELECT indexdef, tablename FROM pg_indexes WHERE schemaname = 'public' \
    ) AS made WHERE name NOT LIKE 'sea%' ORDER BY sql";

#[tokio::test]
async fn all_steps_go_up_down_and_up_again() {
    let (_database, connection) = empty_database().await;
    Migrator::up(&connection, None).await.expect("up");
    let tables = tables(&connection).await;
    assert!(!tables.is_empty());

    Migrator::down(&connection, None).await.expect("down");
    assert_eq!(self::tables(&connection).await, Vec::<String>::new());

    Migrator::up(&connection, None).await.expect("up again");
    assert_eq!(self::tables(&connection).await, tables);
}

#[tokio::test]
async fn each_step_goes_up_down_and_up_again() {
    let (_database, connection) = empty_database().await;
    for step in Migrator::migrations() {
        let before = tables(&connection).await;
        Migrator::up(&connection, Some(1)).await.unwrap_or_else(|error| panic!("{}: {error}", step.name()));
        let after = tables(&connection).await;
        Migrator::down(&connection, Some(1)).await.unwrap_or_else(|error| panic!("{}: {error}", step.name()));
        assert_eq!(tables(&connection).await, before, "{} down", step.name());
        Migrator::up(&connection, Some(1)).await.unwrap_or_else(|error| panic!("{}: {error}", step.name()));
        assert_eq!(tables(&connection).await, after, "{} up again", step.name());
    }
}

#[tokio::test]
async fn processes_that_migrate_at_once_wait_for_each_other() {
    let (database, connection) = empty_database().await;
    for direction in ["up", "status", "up"] {
        let migrate =
            || program(&database, &["migrate", direction]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let started: Vec<_> = (0..4).map(|_| migrate().expect("starts")).collect();
        for process in started {
            let output = process.wait_with_output().expect("ends");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let told = String::from_utf8(output.stdout).expect("text");
            assert!(!told.is_empty() && told.lines().all(|line| line.ends_with("applied")), "{told}");
        }
    }
    assert!(!tables(&connection).await.is_empty());
}

async fn empty_database() -> (TestDatabase, DatabaseConnection) {
    let database = TestDatabase::new().await;
    let mut options = ConnectOptions::new(database.url());
    options.max_connections(1).sqlx_logging(false);
    options.map_sqlx_sqlite_opts(|options| options.create_if_missing(true));
    let connection = Database::connect(options).await.expect("a connection");
    (database, connection)
}

async fn tables(connection: &DatabaseConnection) -> Vec<String> {
    let backend = connection.get_database_backend();
    let made = if backend == DbBackend::Sqlite { MADE_ON_SQLITE } else { MADE_ON_POSTGRES };
    let rows = connection.query_all_raw(Statement::from_string(backend, made)).await.expect("the list of tables");
    rows.iter().map(|row| row.try_get("", "sql").expect("text")).collect()
}
