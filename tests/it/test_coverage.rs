//! `docs/test-coverage.md` names the tests of each guarantee in `docs/guarantees.md`: each test exists, and both pages
//! list the same guarantees.

use std::{fs, path::Path};

/// Returns the tests that the page names, each as its file and its function.
fn named(page: &str) -> Vec<(&str, &str)> {
    let in_marks = page.split('`').skip(1).step_by(2);
    let is_source = |file: &str| Path::new(file).extension().is_some_and(|extension| extension == "rs");
    in_marks.filter_map(|text| text.split_once("::")).filter(|(file, _)| is_source(file)).collect()
}

/// Returns the guarantees on the operators' page: its list items, with their lines joined.
fn listed(page: &str) -> Vec<String> {
    let items = page.trim_end().split("\n- ").skip(1);
    let item =
        |text: &str| text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect::<Vec<_>>().join(" ");
    items.map(item).collect()
}

/// Returns the guarantees on the maintainers' page: the first cells of its rows.
fn covered(page: &str) -> Vec<String> {
    let guarantees = page.split("\n## Broken when they were written").next().unwrap_or_default();
    let rows = guarantees.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.map(|row| row.split(" | ").collect::<Vec<_>>());
    cells.filter(|cells| cells.len() == 3 && cells[0] != "guarantee").map(|cells| cells[0].to_owned()).collect()
}

/// Returns true if the source has a test of this name, as opposed to any function.
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

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).expect("the page")
}

#[test]
fn every_test_that_the_coverage_page_names_exists() {
    let page = page("test-coverage.md");
    let named = named(&page);
    assert!(named.len() > 100, "only {} tests are named", named.len());
    let missing = named.iter().filter(|(file, name)| {
        let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_default();
        !has_test(&source, name)
    });
    let missing: Vec<String> = missing.map(|(file, name)| format!("{file}::{name}")).collect();
    assert!(missing.is_empty(), "docs/test-coverage.md names tests that do not exist:\n{}", missing.join("\n"));
}

#[test]
fn every_guarantee_has_its_row_of_tests() {
    let (guarantees, coverage) = (page("guarantees.md"), page("test-coverage.md"));
    assert!(listed(&guarantees).len() > 100, "too few guarantees were found");
    assert_eq!(listed(&guarantees), covered(&coverage));
}

#[test]
fn a_test_that_was_renamed_is_missed() {
    let source = "#[test]\nfn one() {}\n\n#[tokio::test(start_paused = true)]\nasync fn two() {}\n\nfn three() {}\n";
    let found = ["one", "two", "three", "tw", "four"].map(|name| has_test(source, name));
    assert_eq!(found, [true, true, false, false, false]);
    assert_eq!(named("| `a`, `b/c.rs::d` and `e::f` |"), [("b/c.rs", "d")]);
}
