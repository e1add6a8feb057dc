//! Commands of an operator, and the server's reports to its service manager, log and monitoring.

use std::{
    collections::BTreeSet,
    io::Write as _,
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{
    DELETE_CHAT, EmptyServer, Log, REVOKE_KEY, TestDatabase, TestServer, VIEWER_KIND, program, wait_for,
};

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn lines(output: &Output) -> Vec<Value> {
    text(output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test]
async fn organizations_and_sessions_are_listed_beside_a_server() {
    let server = TestServer::start().await;
    server.create_key("org_2", &[]);
    let listed = lines(&server.command(&["organization", "list", "--json"]));
    let ids: Vec<_> = listed.iter().map(|listed| listed["id"].as_str().expect("an id")).collect();
    assert_eq!(ids, ["org_1", "org_2"]);
    let all = server.query("{ chats(filter: {includeEmpty: true}) { totalCount } }").await;
    let chats = all["data"]["chats"]["totalCount"].as_i64().expect("a count");
    let counts = |listed: &Value| ["apiKeys", "sessions", "chats"].map(|name| listed[name].as_i64().expect("a count"));
    assert_eq!((counts(&listed[0]), counts(&listed[1])), ([1, 1, chats], [1, 0, 0]));
    assert!(listed[0]["messages"].as_i64() > Some(0) && listed[0]["changes"].as_i64() > Some(0), "{listed:?}");
    let shown = text(&server.command(&["organization", "show", "org_1"]));
    assert!(shown.lines().any(|line| line == format!("chats          {chats}")), "{shown}");
    assert!(error(&server.command(&["organization", "show", "org_9"])).contains("organization org_9 does not exist"));

    let sessions = lines(&server.command(&["session", "list", "--json"]));
    assert_eq!(sessions.len(), 1);
    let told = ["organization", "id", "label", "status"].map(|name| sessions[0][name].as_str().expect("text"));
    assert_eq!(told, ["org_1", &server.session, "Shop", "WORKING"]);
    let shown = text(&server.command(&["session", "list", "--organization", "org_1"]));
    assert!(shown.contains("WORKING") && shown.contains("Shop") && !shown.contains("15550100"), "{shown}");
    assert_eq!(text(&server.command(&["session", "list", "--organization", "org_2"])), "");
}

#[tokio::test]
async fn lists_of_an_unknown_organization_or_session_fail() {
    let server = TestServer::start().await;
    let session = "ses_01ARZ3NDEKTSV4RRFFQ69G5FAV";
    for (arguments, wanted) in [
        (&["key", "list", "--organization", "org_9"][..], "organization org_9 does not exist"),
        (&["session", "list", "--organization", "org_9"], "organization org_9 does not exist"),
        (&["events", "list", "--organization", "org_9"], "organization org_9 does not exist"),
        (&["events", "list", "--session", session], "session ses_01ARZ3NDEKTSV4RRFFQ69G5FAV does not exist"),
    ] {
        let failed = server.command(arguments);
        assert_eq!((failed.status.code(), &*failed.stdout), (Some(1), &b""[..]), "{arguments:?}");
        assert!(error(&failed).contains(wanted), "{arguments:?}: {}", error(&failed));
    }
    for arguments in
        [&["events", "list", "--organization", "org_1"][..], &["events", "list", "--session", &server.session]]
    {
        assert!(text(&server.command(arguments)).starts_with("event "), "{arguments:?}");
    }
}

#[tokio::test]
async fn an_organization_is_deleted_whole_and_no_other_with_it() {
    let mut server = TestServer::start().await;
    server.create_key("org_2", &[]);
    let delete = ["organization", "delete", "org_1", "--yes"];
    let refused = server.command(&delete);
    assert_eq!(refused.status.code(), Some(1));
    assert!(error(&refused).contains("another chatgraph server"), "{}", error(&refused));
    // A deleted chat, and a row of every kind that belongs to a session.
    server.phone().receive("15550111", "15550111@s.whatsapp.net", "Once more").await.expect("received");
    server.assert_in_sync().await;
    server.query_with(DELETE_CHAT, json!({"cid": "15550111@s.whatsapp.net"})).await;
    server.kill();

    let unconfirmed = server.command(&delete[..3]);
    assert_eq!(unconfirmed.status.code(), Some(2));
    assert!(error(&unconfirmed).contains("--yes"), "{}", error(&unconfirmed));
    assert_eq!(lines(&server.command(&["organization", "list", "--json"])).len(), 2);
    let deleted = server.command(&delete);
    assert!(error(&deleted).contains("organization.delete"), "{}", error(&deleted));
    text(&deleted);
    for table in tables(&server).await {
        let columns = columns(&server, &table).await;
        if columns.iter().any(|column| column == "organization") {
            let left = format!("SELECT COUNT(*) FROM \"{table}\" WHERE organization NOT IN ('org_2', '')");
            assert_eq!(server.number(&left).await, 0, "rows of the organization in {table}");
        }
        if columns.iter().any(|column| ["session_id", "chat_id"].contains(&&**column)) {
            assert_eq!(server.rows(&format!("\"{table}\"")).await, 0, "rows of its sessions in {table}");
        }
    }
    assert_eq!(lines(&server.command(&["organization", "list", "--json"])).len(), 1);
    assert!(error(&server.command(&delete)).contains("organization org_1 does not exist"));
    let checked = server.command(&["check"]);
    assert!(checked.status.success(), "{}", error(&checked));
}

/// Returns the names of all tables.
async fn tables(server: &TestServer) -> Vec<String> {
    let query = if server.database().url().starts_with("sqlite") {
        "SELECT name FROM sqlite_master WHERE type = 'table'"
    } else {
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'"
    };
    texts(server, query).await
}

async fn columns(server: &TestServer, table: &str) -> Vec<String> {
    let query = if server.database().url().starts_with("sqlite") {
        format!("SELECT name FROM pragma_table_info('{table}')")
    } else {
        format!("SELECT column_name::text FROM information_schema.columns WHERE table_name = '{table}'")
    };
    texts(server, &query).await
}

async fn texts(server: &TestServer, query: &str) -> Vec<String> {
    use sea_orm::ConnectionTrait as _;
    let database = sea_orm::Database::connect(server.database().url()).await.expect("a connection");
    let query = sea_orm::Statement::from_string(database.get_database_backend(), query.to_owned());
    let rows = database.query_all_raw(query).await.expect("a read");
    rows.iter().map(|row| row.try_get_by_index(0).expect("text")).collect()
}

#[tokio::test]
async fn signals_stop_a_server_in_good_order_or_do_nothing() {
    let mut server = EmptyServer::start(&[]).await;
    for (signal, line) in [("HUP", "SIGHUP has no effect"), ("USR1", "SIGUSR1 has"), ("USR2", "SIGUSR2 has")] {
        server.signal(signal);
        wait_for("a line of the log", async || server.log.text().contains(line).then_some(())).await;
    }
    assert!(server.query(VIEWER_KIND).await["data"]["viewer"].is_object());
    server.signal("QUIT");
    assert!(server.ends().await, "the server did not exit cleanly");
    assert!(server.log.text().contains("Stopped"));
}

#[tokio::test]
async fn the_service_manager_is_notified() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    let receive = || {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).expect("a message");
        String::from_utf8_lossy(&buffer[..length]).trim().to_owned()
    };
    let database = TestDatabase::new().await;
    let mut command = program(&database, &["serve", "--listen", "127.0.0.1:0"]);
    let mut child = command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000").spawn().expect("starts");
    assert_eq!(receive(), "READY=1");
    for _ in 0..3 {
        assert_eq!(receive(), "WATCHDOG=1");
    }
    assert!(Command::new("kill").arg(child.id().to_string()).status().expect("runs").success());
    while receive() != "STOPPING=1" {}
    assert!(child.wait().expect("ends").success());
}

#[tokio::test]
async fn the_log_has_each_requests_duration_and_client() {
    let server = TestServer::builder().log(Log::of_tokens()).start().await;
    let keys = text(&server.command(&["key", "list", "--organization", "org_1"]));
    let key = keys.split(' ').next().expect("an id");
    let asked = reqwest::Client::new().post(&server.url).bearer_auth(&server.key).header("X-Request-Id", "timed");
    asked.json(&json!({"query": VIEWER_KIND})).send().await.expect("an answer");
    let line = answered(&server, "timed").await;
    assert!(line["fields"]["duration_ms"].as_f64() > Some(0.0), "{line}");
    let span = &line["span"];
    assert_eq!((&span["client.kind"], &span["client.id"]), (&json!("api_key"), &json!(key)), "{line}");
    assert_eq!(span["client.address"], "127.0.0.1", "{line}");
    let asked = reqwest::Client::new().post(&server.url).bearer_auth("cg_nobody").header("X-Request-Id", "nobody");
    asked.json(&json!({"query": VIEWER_KIND})).send().await.expect("an answer");
    let line = answered(&server, "nobody").await;
    assert_eq!((&line["span"]["client.kind"], &line["fields"]["http.status"]), (&Value::Null, &json!(401)), "{line}");
}

async fn answered(server: &TestServer, id: &str) -> Value {
    wait_for("the request's line", async || {
        let log = server.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines
            .into_iter()
            .find(|line| line["fields"]["message"] == "Request completed" && line["span"]["request.id"] == id)
    })
    .await
}

#[tokio::test]
async fn changes_of_keys_sessions_and_settings_are_in_the_audit_log() {
    let server = TestServer::start().await;
    let made =
        server.query("mutation { createApiKey(input: {name: \"Swordfish\", permissions: [READ]}) { apiKey { id } } }");
    let made = made.await["data"]["createApiKey"]["apiKey"]["id"].as_str().expect("an id").to_owned();
    server.query_with(REVOKE_KEY, json!({"id": made})).await;
    let update =
        "mutation($id: ID!) { updateSession(input: {sessionId: $id, label: \"Swordfish\"}) { session { id } } }";
    server.query_with(update, json!({"id": server.session})).await;
    server.stop_session().await;
    let log = server.log();
    assert!(!log.contains("Swordfish"), "{log}");
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let audit: Vec<_> = lines.into_iter().filter(|line| line["target"] == "chatgraph::audit").collect();
    for (action, object) in [
        ("session.create", &server.session),
        ("session.start", &server.session),
        ("key.create", &made),
        ("key.revoke", &made),
        ("session.update", &server.session),
        ("session.stop", &server.session),
    ] {
        let line = audit.iter().find(|line| line["fields"]["action"] == action);
        let fields = &line.unwrap_or_else(|| panic!("no {action} in {audit:?}"))["fields"];
        assert_eq!((&fields["object"], &fields["organization"]), (&json!(object), &json!("org_1")), "{fields}");
        assert_eq!(fields["client.kind"], "api_key", "{fields}");
        assert!(fields["client.id"].as_str().expect("an id").starts_with("key_"), "{fields}");
    }
    let made = server.command(&["key", "create", "--organization", "org_1", "--name", "Swordfish"]);
    let told = error(&made);
    assert!(told.contains("chatgraph::audit") && told.contains("key.create") && told.contains("operator"), "{told}");
    assert!(!told.contains("Swordfish"), "{told}");
}

/// Returns the metrics of a server with a session.
async fn metrics() -> String {
    let server = TestServer::with_arguments(&["--metrics"]).await;
    server.query(VIEWER_KIND).await;
    let url = server.url.replace("/graphql", "/metrics");
    let asked = reqwest::Client::new().get(url).header("Accept", "text/plain");
    asked.send().await.expect("an answer").text().await.expect("text")
}

#[tokio::test]
async fn metrics_keep_to_the_conventions_of_prometheus() {
    let metrics = metrics().await;
    for name in ["chatgraph_build_info{version=", "chatgraph_database_up 1", "chatgraph_database_writable 1"] {
        assert!(metrics.contains(name), "{name} in\n{metrics}");
    }
    let stored = metrics.lines().find(|line| line.starts_with("chatgraph_inbound_events_total{kind=\"history\"}"));
    assert!(stored.is_some(), "{metrics}");
    let mut described = BTreeSet::new();
    for line in metrics.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            assert!(!help.is_empty() && described.insert(name.to_owned()), "{line}");
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            assert!(described.contains(name), "{name} has no help");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            let abbreviated = ["_ms", "_kb", "_mb", "_minutes", "_hours", "_count", "_sum", "_bucket"];
            assert!(!abbreviated.iter().any(|unit| name.ends_with(unit)), "{line}");
        } else {
            let labels = line.split_once('{').map_or("", |(_, rest)| rest);
            assert!(!labels.contains("quantile=") && line.matches("le=").count() <= 1, "{line}");
        }
    }
    // Run `promtool` itself if it is installed.
    let mut tool = Command::new("promtool");
    tool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut tool) = tool.spawn() else { return };
    tool.stdin.take().expect("piped").write_all(metrics.as_bytes()).expect("written");
    let checked = tool.wait_with_output().expect("ends");
    assert!(
        checked.status.success() && checked.stderr.is_empty() && checked.stdout.is_empty(),
        "{checked:?}\n{metrics}"
    );
}

#[tokio::test]
async fn every_metric_is_in_the_table_of_the_docs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/operations.md")).expect("the page");
    let (_, table) = page.split_once("## Monitoring").expect("the section");
    let (table, _) = table.split_once("### Alerts").expect("the alerts behind it");
    let rows = table.lines().filter(|line| line.starts_with("| `chatgraph_") || line.starts_with("| `process_"));
    let first = rows.map(|row| row.split('|').nth(1).expect("a column"));
    let names = first.flat_map(|column| column.split('`').skip(1).step_by(2));
    let documented: BTreeSet<_> = names.map(|name| name.split('{').next().unwrap_or(name).to_owned()).collect();
    let metrics = metrics().await;
    let described = metrics.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next());
    for name in described {
        assert!(documented.contains(name), "{name} is not in docs/operations.md");
    }
    // Some metrics appear only after their first increment: check that they are registered.
    let mut sources = String::new();
    read_all(&root.join("src"), &mut sources);
    for name in documented {
        let bare = name.trim_start_matches("chatgraph_").trim_end_matches("_total").trim_end_matches("_seconds");
        let registered = [bare, &format!("{bare}_seconds")].iter().any(|name| sources.contains(&format!("\"{name}\"")));
        assert!(metrics.contains(&format!("# HELP {name} ")) || registered, "no metric {name}");
    }
}

fn read_all(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() {
            read_all(&entry.path(), text);
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(entry.path()).expect("a source"));
        }
    }
}
