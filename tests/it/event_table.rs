//! The documented table of events, compared with the events of the WhatsApp library.

use std::{collections::BTreeSet, path::Path, process::Command};

use serde_json::Value;

use crate::support::TestServer;

/// Runs a program and returns its output.
fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let output = output.expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Reads the event kinds from the source of the version that is built.
fn kinds() -> BTreeSet<String> {
    let version = output_of("rustc", &["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    // Only for this platform: the sources of crates for other platforms may be missing.
    let arguments = ["metadata", "--locked", "--format-version", "1", "--filter-platform", host];
    let metadata: Value = serde_json::from_str(&output_of(env!("CARGO"), &arguments)).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let library = packages.iter().find(|package| package["name"] == "wacore").expect("the library");
    let manifest = Path::new(library["manifest_path"].as_str().expect("a path"));
    let source = manifest.with_file_name("src").join("types").join("events.rs");
    let source = std::fs::read_to_string(source).expect("the library's events");
    let (_, kinds) = source.split_once("pub enum EventKind {").expect("the kinds");
    let (kinds, _) = kinds.split_once('}').expect("their end");
    let lines = kinds.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.map(|line| line.trim_end_matches(',').to_owned()).collect()
}

#[test]
fn every_kind_of_event_has_its_row_and_every_row_its_kind() {
    let table = include_str!("../../docs/events.md");
    let rows: Vec<_> = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | ")).collect();
    let named: BTreeSet<_> = rows.iter().map(|(kind, _)| (*kind).to_owned()).collect();
    let kinds = kinds();
    assert!(kinds.len() > 50, "{kinds:?}");
    assert_eq!(named.len(), rows.len(), "a kind has two rows");
    assert_eq!(kinds.difference(&named).collect::<Vec<_>>(), Vec::<&String>::new(), "events without a row");
    assert_eq!(named.difference(&kinds).collect::<Vec<_>>(), Vec::<&String>::new(), "rows without an event");
    for (kind, becomes) in rows {
        assert!(becomes.trim_end_matches([' ', '|']).len() > 10, "{kind}: the effect is not described");
    }
}

#[tokio::test]
async fn ignored_events_are_counted_by_kind() {
    let server = TestServer::with_arguments(&["--metrics"]).await;
    let url = server.url.replace("/graphql", "/metrics");
    let text = reqwest::get(url).await.expect("an answer").text().await.expect("text");
    let counted: Vec<_> = text.lines().filter(|line| line.starts_with("chatgraph_events_ignored_total{")).collect();
    let of = |kind: &str| counted.iter().any(|line| line.contains(&format!("kind=\"{kind}\"")));
    assert!(of("OfflineSyncCompleted"), "each login has such an event: {text}");
    assert!(!of("Connected") && !of("RawNode"), "{counted:?}");
}
