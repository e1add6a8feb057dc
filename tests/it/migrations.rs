//! Every migration can be reverted and applied again with the same result, and two processes never migrate
//! concurrently.

use std::process::Stdio;

use chatgraph_migration::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement};

use crate::support::{TestDatabase, program};

/// Definitions of all tables and indexes, except those of the migrations and those that SQLite creates itself.
const MADE_ON_SQLITE: &str = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name NOT LIKE 'sea%' \
                              AND tbl_name NOT LIKE 'sqlite%' ORDER BY type, name";
/// Columns, constraints and indexes of all tables, except those of the migrations.
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
            let expected = if direction == "up" { "The schema is up to date" } else { "m0001_stored_copy  applied" };
            assert!(told.starts_with(expected), "{told}");
            assert_eq!(told.lines().count() == 1, direction == "up", "{told}");
            assert!(!told.contains("pending"), "{told}");
        }
    }
    assert!(!tables(&connection).await.is_empty());
}

/// A stored copy from before the peer tables. Mei has changed her number and was imported again, so her messages exist
/// twice. Noah's chat was deleted, and Olu has his number now. Pia has two known addresses, and Quin wrote in a group.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story of a whole database")]
async fn a_database_from_before_peers_keeps_its_people() {
    let (_database, connection) = empty_database().await;
    Migrator::up(&connection, Some(12)).await.expect("up");
    let on_postgres = connection.get_database_backend() == DbBackend::Postgres;
    let id = |number: u8| if on_postgres { format!("'\\x{number:032x}'") } else { format!("x'{number:032x}'") };
    let chat = |number: u8, jid: &str, unread: u8, last: &str| {
        format!(
            "INSERT INTO chat (id, organization, session_id, jid, archived, archived_as_of, pinned, pinned_as_of, muted_as_of, \
             marked_unread, marked_as_of, unread_count, last_message_at, last_message_id, pending, created_at) VALUES ({}, 'a', \
             {}, '{jid}', false, 0, false, 0, 0, false, 0, {unread}, 5000, {last}, 0, 0)",
            id(number),
            id(1)
        )
    };
    let alias = |jid: &str, number: u8| {
        format!(
            "INSERT INTO chat_alias (session_id, jid, organization, chat_id) VALUES ({}, '{jid}', 'a', {})",
            id(1),
            id(number)
        )
    };
    let message = |number: u8, of: u8, wa_id: &str, sender: &str, from_me: bool, rest: &str| {
        format!(
            "INSERT INTO message (id, organization, session_id, chat_id, wa_id, sender, from_me, kind, text, at, edited, revoked, \
             arrival, edited_as_of) VALUES ({}, 'a', {}, {}, '{wa_id}', '{sender}', {from_me}, 0, {rest})",
            id(number),
            id(1),
            id(of)
        )
    };
    let [own, mei, mei_since, mei_lid] = ["100@s.whatsapp.net", "201@s.whatsapp.net", "202@s.whatsapp.net", "1@lid"];
    let [noah, noah_lid, olu, pia, pia_lid, quin, group] = [
        "203@s.whatsapp.net",
        "3@lid",
        "204@s.whatsapp.net",
        "205@s.whatsapp.net",
        "5@lid",
        "206@s.whatsapp.net",
        "7@g.us",
    ];
    let statements = [
        "INSERT INTO organization (id, last_change, created_at) VALUES ('a', 0, 0)".to_owned(),
        format!(
            "INSERT INTO session (id, organization, status, wanted, jid, lid, created_at) VALUES ({}, 'a', 1, true, '{own}', \
             '9@lid', 0)",
            id(1)
        ),
        chat(2, mei_since, 2, &id(21)),
        alias(mei, 2),
        alias(mei_since, 2),
        alias(mei_lid, 2),
        // The same message from each number; one copy is edited, and one copy of another message is revoked.
        message(20, 2, "A", mei, false, "'at nine', 4000, false, false, 1, 0"),
        message(21, 2, "A", mei_since, false, "'at ten', 4000, true, false, 0, 7"),
        message(22, 2, "B", mei, false, "NULL, 3000, false, true, 2, 0"),
        message(23, 2, "B", mei_since, false, "'my PIN', 3000, false, false, 0, 0"),
        message(24, 2, "C", own, true, "'mine', 2000, false, false, 3, 0"),
        message(25, 2, "A", own, true, "'also mine', 1000, false, false, 4, 0"),
        format!(
            "INSERT INTO tombstone (chat_id, organization, session_id, jid, archived, archived_as_of, pinned, pinned_as_of, \
             muted_as_of, marked_unread, marked_as_of, unread_count, horizon_at, deleted_at) VALUES ({}, 'a', {}, '{noah}', \
             false, 0, false, 0, 0, false, 0, 0, 900, 1000)",
            id(3),
            id(1)
        ),
        format!(
            "INSERT INTO tombstone_alias (session_id, jid, organization, chat_id) VALUES ({0}, '{noah}', 'a', {1}), \
             ({0}, '{noah_lid}', 'a', {1})",
            id(1),
            id(3)
        ),
        chat(4, noah, 0, "NULL"),
        alias(noah, 4),
        alias(olu, 4),
        format!(
            "INSERT INTO person (session_id, organization, lid, phone) VALUES ({0}, 'a', '{pia_lid}', '{pia}'), \
             ({0}, 'a', '{noah_lid}', '{noah}'), ({0}, 'a', '{mei_lid}', '{mei}')",
            id(1)
        ),
        chat(5, group, 1, "NULL"),
        alias(group, 5),
        message(50, 5, "D", quin, false, "'hello', 5000, false, false, 5, 0"),
        message(51, 5, "E", pia_lid, false, "'hi', 5000, false, false, 6, 0"),
        message(52, 5, "F", mei, false, "'hey', 3500, false, false, 7, 0"),
        message(53, 5, "G", own, true, "'all', 5000, false, false, 8, 0"),
    ];
    for statement in statements {
        connection.execute_unprepared(&statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    Migrator::up(&connection, Some(1)).await.expect("up");
    let told = rows(
        &connection,
        "SELECT wa_id || ' ' || peer.jid || ' ' || COALESCE(text, '') || CASE WHEN edited THEN ' edited' ELSE '' END \
         || CASE WHEN revoked THEN ' revoked' ELSE '' END AS line FROM message JOIN peer ON peer.id = message.sender_id",
    )
    .await;
    let messages = [
        format!("A {own} also mine"),
        format!("A {mei_since} at ten edited"),
        format!("B {mei_since}  revoked"),
        format!("C {own} mine"),
        format!("D {quin} hello"),
        format!("E {pia} hi"),
        format!("F {mei_since} hey"),
        format!("G {own} all"),
    ];
    assert_eq!(told, messages);
    let told = rows(
        &connection,
        "SELECT peer_address.jid || ' ' || peer.jid || ' ' || from_at || ' ' || COALESCE(CAST(until_at AS text), '-') AS line \
         FROM peer_address JOIN peer ON peer.id = peer_address.peer_id",
    )
    .await;
    let mut addresses = [
        format!("{own} {own} 0 -"),
        format!("9@lid {own} 0 -"),
        // The last message from the old number has the timestamp 4000.
        format!("{mei} {mei_since} 0 4001"),
        format!("{mei_since} {mei_since} 0 -"),
        format!("{mei_lid} {mei_since} 0 -"),
        // The number belonged to Noah until the deletion, and to Olu since then.
        format!("{noah} {noah} 0 1000"),
        format!("{noah} {noah} 1000 -"),
        format!("{noah_lid} {noah} 0 -"),
        format!("{olu} {noah} 0 5001"),
        format!("{pia} {pia} 0 -"),
        format!("{pia_lid} {pia} 0 -"),
        format!("{quin} {quin} 0 -"),
        format!("{group} {group} 0 -"),
    ];
    addresses.sort();
    assert_eq!(told, addresses);
    let kept =
        rows(&connection, "SELECT jid || ' ' || unread_count || ' ' || (last_message_id IS NULL) AS line FROM chat")
            .await;
    let [yes, no] = if on_postgres { ["true", "false"] } else { ["1", "0"] };
    assert_eq!(kept, [format!("{mei_since} 1 {no}"), format!("{noah} 0 {yes}"), format!("{group} 1 {yes}")]);

    Migrator::down(&connection, Some(1)).await.expect("down");
    let told = rows(&connection, "SELECT wa_id || ' ' || sender AS line FROM message").await;
    let senders = [
        format!("A {own}"),
        format!("A {mei_since}"),
        format!("B {mei_since}"),
        format!("C {own}"),
        format!("D {quin}"),
        format!("E {pia}"),
        format!("F {mei_since}"),
        format!("G {own}"),
    ];
    assert_eq!(told, senders);
    let told = rows(
        &connection,
        "SELECT chat_alias.jid || ' ' || chat.jid AS line FROM chat_alias JOIN chat ON chat.id = chat_alias.chat_id",
    )
    .await;
    let mut aliases = [
        format!("{mei} {mei_since}"),
        format!("{mei_since} {mei_since}"),
        format!("{mei_lid} {mei_since}"),
        format!("{noah} {noah}"),
        format!("{olu} {noah}"),
        format!("{group} {group}"),
    ];
    aliases.sort();
    assert_eq!(told, aliases);
    assert_eq!(rows(&connection, "SELECT jid AS line FROM tombstone_alias").await, [noah_lid]);
    let people = rows(&connection, "SELECT lid || ' ' || phone AS line FROM person").await;
    assert_eq!(people, [format!("{mei_lid} {mei_since}"), format!("{pia_lid} {pia}"), format!("9@lid {own}")]);

    Migrator::up(&connection, Some(1)).await.expect("up again");
}

/// Two peers with one chat, two current owners of one address, two owners from one instant, and an empty period.
#[tokio::test]
async fn an_address_leads_to_one_chat_stored_or_deleted() {
    let (_database, connection) = empty_database().await;
    Migrator::up(&connection, None).await.expect("up");
    let on_postgres = connection.get_database_backend() == DbBackend::Postgres;
    let id = |number: u8| if on_postgres { format!("'\\x{number:032x}'") } else { format!("x'{number:032x}'") };
    let peer = |number: u8, chat: u8| {
        format!(
            "INSERT INTO peer (id, organization, session_id, jid, chat_id) VALUES ({}, 'a', {}, '{number}@lid', {})",
            id(number),
            id(1),
            id(chat)
        )
    };
    let address = |number: u8, from: i64, until: &str| {
        format!(
            "INSERT INTO peer_address (session_id, jid, from_at, until_at, organization, peer_id) VALUES ({}, \
             '200@s.whatsapp.net', {from}, {until}, 'a', {})",
            id(1),
            id(number)
        )
    };
    let session = format!(
        "INSERT INTO session (id, organization, status, wanted, created_at) VALUES ({}, 'a', 1, true, 0)",
        id(1)
    );
    let organization = "INSERT INTO organization (id, last_change, created_at) VALUES ('a', 0, 0)".to_owned();
    for statement in [organization, session, peer(2, 2), peer(3, 3), address(2, 0, "10"), address(3, 10, "NULL")] {
        connection.execute_unprepared(&statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    for refused in [peer(4, 3), address(2, 20, "NULL"), address(2, 10, "NULL"), address(2, 30, "30")] {
        assert!(connection.execute_unprepared(&refused).await.is_err(), "the database accepted {refused}");
    }
}

/// Returns the column `line` of each row, sorted by bytes.
async fn rows(connection: &DatabaseConnection, query: &str) -> Vec<String> {
    let rows = connection.query_all_raw(Statement::from_string(connection.get_database_backend(), query)).await;
    let mut lines: Vec<String> = rows.expect("rows").iter().map(|row| row.try_get("", "line").expect("text")).collect();
    lines.sort();
    lines
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
