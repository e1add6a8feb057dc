//! Every migration can be taken back, and taken again to the same end.

use chatgraph_migration::Migrator;
use chatgraph_migration::MigratorTrait as _;
use sea_orm::ConnectOptions;
use sea_orm::ConnectionTrait as _;
use sea_orm::Database;
use sea_orm::DatabaseConnection;
use sea_orm::Statement;

#[tokio::test]
async fn all_steps_go_up_down_and_up_again() {
    let database = empty_database().await;
    Migrator::up(&database, None).await.expect("up");
    let tables = tables(&database).await;
    assert!(!tables.is_empty());

    Migrator::down(&database, None).await.expect("down");
    assert_eq!(self::tables(&database).await, Vec::<String>::new());

    Migrator::up(&database, None).await.expect("up again");
    assert_eq!(self::tables(&database).await, tables);
}

#[tokio::test]
async fn each_step_goes_up_down_and_up_again() {
    let database = empty_database().await;
    for step in Migrator::migrations() {
        let before = tables(&database).await;
        Migrator::up(&database, Some(1)).await.unwrap_or_else(|error| panic!("{}: {error}", step.name()));
        let after = tables(&database).await;
        Migrator::down(&database, Some(1)).await.unwrap_or_else(|error| panic!("{}: {error}", step.name()));
        assert_eq!(tables(&database).await, before, "{} down", step.name());
        Migrator::up(&database, Some(1)).await.unwrap_or_else(|error| panic!("{}: {error}", step.name()));
        assert_eq!(tables(&database).await, after, "{} up again", step.name());
    }
}

async fn empty_database() -> DatabaseConnection {
    let mut options = ConnectOptions::new("sqlite::memory:");
    // Every connection would be a database of its own.
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.expect("a database in memory")
}

/// How every table and index was made, but for the migrations' own and those that SQLite makes by itself.
async fn tables(database: &DatabaseConnection) -> Vec<String> {
    let made = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name NOT LIKE 'sea%' \
                AND tbl_name NOT LIKE 'sqlite%' ORDER BY type, name";
    let rows = database.query_all_raw(Statement::from_string(database.get_database_backend(), made)).await;
    let rows = rows.expect("the list of tables");
    rows.iter().map(|row| row.try_get("", "sql").expect("text")).collect()
}
