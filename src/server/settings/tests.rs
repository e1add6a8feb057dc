use std::{fs, time::Duration};

use clap::Parser as _;

use super::*;
use crate::{
    cli::{Cli, Command, KeyCommand},
    domain::capability::Capability,
    graphql::{self, TrustedDocuments},
    http,
    service::RetentionConfig,
    session::Endpoint,
    store::Config as Database,
};

const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn command(arguments: &[&str]) -> Command {
    Cli::try_parse_from(std::iter::once("chatgraph").chain(arguments.iter().copied())).expect("parses").command
}

fn serve(arguments: &[&str]) -> Result<Settings, Error> {
    match command(&[&["serve"], arguments].concat()) {
        Command::Serve(args) => Settings::new(*args),
        other => panic!("not serve: {other:?}"),
    }
}

fn flag(result: Result<Settings, Error>) -> &'static str {
    result.expect_err("an error").flag
}

#[test]
fn a_database_is_a_file_however_it_is_spelled() {
    for url in ["sqlite:a/b.db", "sqlite://a/b.db", "sqlite://a/b.db?mode=rwc"] {
        assert_eq!(
            serve(&["--database", url]).expect("valid").components.database,
            Database::Sqlite("a/b.db".into()),
            "{url}"
        );
    }
    assert_eq!(
        serve(&["--database", "sqlite:/b.db"]).expect("valid").components.database,
        Database::Sqlite("/b.db".into())
    );
    for url in ["", "b.db", "sqlite:", "sqlite::memory:", "postgres://localhost", "mysql://localhost/b"] {
        assert_eq!(flag(serve(&["--database", url])), "database", "{url}");
    }
}

#[test]
fn a_database_is_a_server_with_its_connections() {
    let url = "postgres://chatgraph:secret@localhost/chats";
    let sized = serve(&["--database", url, "--database-readers", "3", "--database-writers", "2"]).expect("valid");
    let Database::Postgres(server) = sized.components.database else { panic!("not PostgreSQL") };
    assert_eq!((server.readers, server.writers), (3, 2));
    assert!(!format!("{server:?}").contains("secret"));
}

#[test]
fn retention_defaults_to_a_week_and_500_messages() {
    let kept = |arguments: &[&str]| serve(arguments).expect("valid").components.retention;
    assert_eq!(kept(&[]), RetentionConfig::default());
    let told = kept(&["--keep-changes-days", "2", "--keep-messages", "20"]);
    assert_eq!(told, RetentionConfig { changes_ms: 2 * 86_400_000, messages: 20 });
}

#[test]
fn request_limits_have_their_defaults() {
    let api = |arguments: &[&str]| serve(arguments).expect("valid").components.api;
    assert_eq!(api(&[]), graphql::Config::default());
    let told = api(&[
        "--max-tokens",
        "400",
        "--max-depth",
        "5",
        "--max-fields",
        "6",
        "--max-aliases",
        "7",
        "--max-cost",
        "8",
        "--no-introspection",
    ]);
    let graphql::Config { max_tokens, max_depth, max_fields, max_aliases, max_cost, introspection, .. } = told;
    assert_eq!((max_tokens, max_depth, max_fields, max_aliases, max_cost, introspection), (400, 5, 6, 7, 8, false));
}

#[test]
fn connection_limits_have_their_defaults() {
    let default = serve(&[]).expect("valid");
    assert_eq!((default.connections, default.components.http), (ConnectionConfig::default(), http::Config::default()));
    let told = serve(&[
        "--max-connections",
        "5",
        "--max-connections-per-address",
        "4",
        "--max-anonymous-connections-per-address",
        "3",
        "--head-timeout-seconds",
        "3",
        "--body-timeout-seconds",
        "2",
    ])
    .expect("valid");
    let ConnectionConfig { connections, connections_per_address, anonymous_per_address, head_timeout, .. } =
        told.connections;
    assert_eq!((connections, connections_per_address, anonymous_per_address), (5, 4, 3));
    assert_eq!(head_timeout, Duration::from_secs(3));
    assert_eq!(told.components.http.body_timeout, Duration::from_secs(2));
}

#[test]
fn trusted_documents_are_texts_by_their_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("documents.json");
    let listed = |text: &str| {
        fs::write(&file, text).expect("written");
        serve(&["--trusted-documents", file.to_str().expect("a path")])
    };
    let documents = [("who".to_owned(), "{ viewer { kind } }".to_owned())];
    let trusted = listed(r#"{"who": "{ viewer { kind } }"}"#).expect("valid").components.api.trusted;
    assert_eq!(trusted, Some(TrustedDocuments::new(documents.into())));
    for text in ["", "[]", r#"{"who": 1}"#, "{", r#"{"who": "{ viewer { kind }"}"#, r#"{"who": "{ nobody }"}"#] {
        assert_eq!(flag(listed(text)), "trusted-documents", "{text}");
    }
    assert_eq!(flag(serve(&["--trusted-documents", "/nowhere/documents.json"])), "trusted-documents");
}

#[test]
fn a_sandbox_is_named_by_url_and_key_together() {
    let endpoint = |settings: Result<Settings, Error>| settings.expect("valid").components.session.endpoint;
    assert_eq!(endpoint(serve(&[])), Endpoint::WhatsApp);
    assert_eq!(flag(serve(&["--sandbox-url", "http://127.0.0.1:1"])), "sandbox-key");
    assert_eq!(flag(serve(&["--sandbox-key", KEY])), "sandbox-url");
    assert_eq!(flag(serve(&["--sandbox-url", "http://127.0.0.1:1", "--sandbox-key", "short"])), "sandbox-key");
    let sandbox = endpoint(serve(&["--sandbox-url", "http://127.0.0.1:1/", "--sandbox-key", KEY]));
    assert_eq!(sandbox, Endpoint::Sandbox { url: "http://127.0.0.1:1".into(), key: [0; 32] });
}

#[test]
fn a_sandbox_is_on_this_machine() {
    for url in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "http://127.9.9.9"] {
        assert!(serve(&["--sandbox-url", url, "--sandbox-key", KEY]).is_ok(), "{url}");
    }
    for url in [
        "http://example.org",
        "http://10.0.0.1:1",
        "http://127.0.0.1.example.org",
        "http://127.0.0.1@example.org",
        "https://127.0.0.1:1",
        "127.0.0.1:1",
        "http://127.0.0.1:1/x",
        "",
    ] {
        assert_eq!(flag(serve(&["--sandbox-url", url, "--sandbox-key", KEY])), "sandbox-url", "{url}");
    }
}

#[test]
fn origins_are_kept_as_browsers_send_them() {
    let origins = serve(&["--allowed-origin", "https://Chat.Example.org/,http://localhost:3000"]).expect("valid");
    assert_eq!(origins.components.http.origins.named, ["https://chat.example.org", "http://localhost:3000"]);
    let normalized = serve(&["--allowed-origin", "https://bücher.example:443,http://127.1:80,http://[0:0::1]:3000"]);
    let normalized = normalized.expect("valid").components.http.origins.named;
    assert_eq!(normalized, ["https://xn--bcher-kva.example", "http://127.0.0.1", "http://[::1]:3000"]);
}

#[test]
fn an_origin_that_never_matches_is_rejected() {
    for origin in [
        "*",
        "null",
        "http://*.example.org",
        "chat.example.org",
        "chat.example.org:443",
        "https://a.example/path",
        "https://a.example?",
        "https://a.example#",
        "ftp://a.example",
        "https://u@a.example",
        "https://",
    ] {
        assert_eq!(flag(serve(&["--allowed-origin", origin])), "allowed-origin", "{origin}");
    }
    let error = serve(&["--allowed-origin", "http://*.example.org"]).expect_err("an error").to_string();
    assert_eq!(
        error,
        "--allowed-origin: \"http://*.example.org\" is invalid: wildcards are not supported; repeat the option for each origin"
    );
}

#[test]
fn headers_of_pages_are_names() {
    let headers = serve(&["--cors-header", "X-Tenant,x-trace"]).expect("valid").components.http.cors_headers;
    assert_eq!(headers, ["x-tenant", "x-trace"]);
    for header in ["*", "", "x tenant", "x:y"] {
        assert_eq!(flag(serve(&["--cors-header", header])), "cors-header", "{header}");
    }
}

#[test]
fn a_key_has_read_and_events_by_default() {
    let create = |arguments: &[&str]| match command(&[&["key", "create", "--organization", "a"], arguments].concat()) {
        Command::Key(KeyCommand::Create(args)) => args.key,
        other => panic!("not key create: {other:?}"),
    };
    let least = create(&[]);
    assert_eq!(least.permission, [Capability::Read, Capability::Events]);
    assert_eq!(least.expires_at(1), Ok(None));
    let some = create(&["--permission", "read,send", "--expires", "2d"]);
    assert_eq!(some.permission, [Capability::Read, Capability::Send]);
    assert_eq!(some.expires_at(1), Ok(Some(172_800_001)));
    let past = create(&["--expires", "1970-01-01T00:00:00.005Z"]);
    assert_eq!(past.expires_at(5), Ok(Some(5)), "the last millisecond counts");
    assert_eq!(past.expires_at(6).expect_err("an error").flag, "expires");
    assert_eq!(create(&["--name", "  "]).name().expect_err("an error").flag, "name");
}

#[test]
fn login_tokens_need_keys_an_issuer_and_an_audience() {
    assert_eq!(serve(&[]).expect("valid").components.logins, None);
    let url = ["--jwks-url", "https://login.example.org/jwks"];
    let (issuer, audience) = (["--jwt-issuer", "https://login.example.org"], ["--jwt-audience", "a,b"]);
    assert_eq!(flag(serve(&url)), "jwt-issuer");
    assert_eq!(flag(serve(&[url, issuer].concat())), "jwt-audience");
    assert_eq!(flag(serve(&[url, issuer, ["--jwt-audience", ""]].concat())), "jwt-audience");
    assert_eq!(flag(serve(&issuer)), "jwks-url");
    assert_eq!(flag(serve(&audience)), "jwks-url");
    for wrong in ["", "login.example.org/jwks", "file:///keys", "https://", "https:///keys", "ftp://example.org/keys"] {
        assert_eq!(flag(serve(&[["--jwks-url", wrong], issuer, audience].concat())), "jwks-url", "{wrong}");
    }
    let missing = ["--jwks-ca-file", "/nowhere/ca.pem"];
    assert_eq!(flag(serve(&missing)), "jwks-url");
    assert_eq!(flag(serve(&[url, issuer, audience, missing].concat())), "jwks-ca-file");
    let logins = serve(&[url, issuer, audience].concat()).expect("valid").components.logins.expect("some");
    assert_eq!((&*logins.jwks_url, &*logins.issuer), (url[1], issuer[1]));
    assert_eq!(logins.audiences, ["a", "b"]);
    assert_eq!(logins.claims.organization, "activeOrganizationId");
    assert_eq!((&*logins.claims.organization_role, &*logins.claims.platform_role), ("orgRole", "role"));
    assert_eq!(logins.claims.admin_roles, ["owner", "admin"]);
    assert_eq!(
        (&*logins.claims.member_roles, &*logins.claims.platform_admin_roles),
        (&["member".to_owned()][..], &["super_admin".to_owned()][..])
    );
    let unnamed = [&[url, issuer, audience].concat()[..], &["--jwt-organization-claim", ""]].concat();
    assert_eq!(flag(serve(&unnamed)), "jwt-organization-claim");
}
