//! `docs/promises.md` names a test for each promise: every one of them is there.

use std::fs;
use std::path::Path;

/// The tests that the page names, each as its file and its function.
fn named(page: &str) -> Vec<(&str, &str)> {
    let in_marks = page.split('`').skip(1).step_by(2);
    let is_source = |file: &str| Path::new(file).extension().is_some_and(|extension| extension == "rs");
    in_marks.filter_map(|text| text.split_once("::")).filter(|(file, _)| is_source(file)).collect()
}

/// Whether a source has a test of this name, and not just any function.
fn has_test(source: &str, name: &str) -> bool {
    let is_it = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ").and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with('('))
    };
    let mut lines: Vec<&str> = Vec::new();
    for line in source.lines() {
        let attributes = lines.iter().rev().take_while(|line| line.trim_start().starts_with("#["));
        if is_it(line) && attributes.into_iter().any(|line| line.contains("test")) {
            return true;
        }
        lines.push(line);
    }
    false
}

#[test]
fn every_test_that_the_page_of_promises_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/promises.md")).expect("the page");
    let named = named(&page);
    assert!(named.len() > 100, "only {} tests are named", named.len());
    let missing = named.iter().filter(|(file, name)| {
        let source = fs::read_to_string(root.join(file)).unwrap_or_default();
        !has_test(&source, name)
    });
    let missing: Vec<String> = missing.map(|(file, name)| format!("{file}::{name}")).collect();
    assert!(missing.is_empty(), "docs/promises.md names what is not there:\n{}", missing.join("\n"));
}

#[test]
fn a_test_that_was_renamed_is_missed() {
    let source = "#[test]\nfn one() {}\n\n#[tokio::test(start_paused = true)]\nasync fn two() {}\n\nfn three() {}\n";
    let found = ["one", "two", "three", "tw", "four"].map(|name| has_test(source, name));
    assert_eq!(found, [true, true, false, false, false]);
    assert_eq!(named("| `a`, `b/c.rs::d` and `e::f` |"), [("b/c.rs", "d")]);
}
