//! Checks of the dependency rules between folders, with file and line. `docs/architecture.md` gives the reasons.
//! A new folder of `src/` needs a line in [`ARROWS`]. A crate that only one place may name needs one in [`CRATES`].
//! A missing arrow is deliberate: move the code before you add one.

mod breaches;
mod cycles;
mod grouping;
mod source;

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Path, PathBuf},
};

use source::Source;

/// Folders that each folder of `src/` may name, besides itself.
const ARROWS: &[(&str, &[&str])] = &[
    ("http", &["graphql", "auth", "domain"]),
    ("graphql", &["service", "feed", "auth", "domain"]),
    ("service", &["store", "session", "feed", "auth", "domain"]),
    ("feed", &["store", "domain"]),
    ("session", &["store", "domain"]),
    ("auth", &["store", "domain"]),
    ("store", &["domain"]),
    ("domain", &[]),
];

/// Modules that every layer except the domain may name. They belong to no subject and name nothing but each other.
const SHARED: &[&str] = &["backoff", "cache", "config", "rate_limit"];

/// Modules that connect all parts: they may name every folder and each other.
const WIRING: &[&str] = &["server", "main", "lib", "cli", "clock", "telemetry"];

/// Crates that only these paths of `src/` may name.
const CRATES: &[(&str, &[&str])] = &[
    ("whatsapp_rust", &["session/whatsapp/", "session/whatsapp.rs"]),
    ("tokio_websockets", &["session/whatsapp/", "session/whatsapp.rs"]),
    ("sea_orm", &["store/", "store.rs"]),
    ("sqlx", &["store/", "store.rs"]),
    ("rusqlite", &["store/connect/"]),
    ("chatgraph_entity", &["store/", "store.rs"]),
    ("sea_orm_migration", &["store/", "store.rs", "server/", "server.rs"]),
    ("chatgraph_migration", &["store/", "store.rs", "server/", "server.rs"]),
    ("async_graphql", &["graphql/", "graphql.rs", "http/", "http.rs"]),
    ("async_graphql_axum", &["graphql/", "graphql.rs", "http/", "http.rs"]),
    ("async_graphql_value", &["graphql/", "graphql.rs", "http/", "http.rs"]),
    ("jsonwebtoken", &["auth/", "auth.rs"]),
    ("rustls", &["auth/", "auth.rs", "http/", "http.rs"]),
    ("tokio_rustls", &["http/", "http.rs"]),
    ("x509_parser", &["http/", "http.rs"]),
    ("sd_notify", &["server/", "server.rs"]),
    ("toml", &["cli/"]),
    ("clap", CONFIGURATION),
    ("lru", &["cache.rs"]),
    ("strsim", &["cli.rs"]),
    ("ureq", &["auth/", "auth.rs", "telemetry/"]),
    ("opentelemetry", &["telemetry/", "telemetry.rs"]),
    ("opentelemetry_sdk", &["telemetry/", "telemetry.rs"]),
    ("opentelemetry_otlp", &["telemetry/", "telemetry.rs"]),
    ("graphql_guard", &["graphql/", "graphql.rs"]),
    ("chatgraph_sandbox", &["server/demo.rs", "server/demo/"]),
];

/// Places that declare flags: the commands, and the configuration of each component that has a flag.
const CONFIGURATION: &[&str] = &[
    "cli/",
    "cli.rs",
    "config.rs",
    "telemetry.rs",
    "auth/config.rs",
    "graphql/config.rs",
    "graphql/config/",
    "http/config.rs",
    "http/config/",
    "service/config.rs",
    "session/config.rs",
    "store/config.rs",
];

/// The sandbox simulates WhatsApp for any client, so it must not depend on these crates.
const UNKNOWN_TO_THE_SANDBOX: &[&str] = &["chatgraph", "chatgraph_entity", "chatgraph_migration"];

/// Files of `src/` that depend on each other: objects of the API that are fields of each other.
const OBJECT_GRAPH: &[&str] = &[
    "graphql::chat::connection",
    "graphql::chat::object",
    "graphql::message::connection",
    "graphql::message::object",
    "graphql::session::object",
];

/// `main.rs` starts the program and does nothing else.
const LINES_OF_MAIN: usize = 60;

const ROOT: &str = "name the module, as in `crate::a::B`: a path to the root itself hides what is used";

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Breach {
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

#[test]
fn the_sources_keep_to_the_arrows() {
    let sources = read_rust_files("src");
    assert!(sources.iter().any(|source| source.path == "src/lib.rs"), "no sources found");
    assert_none(&breaches_in(&sources));
}

#[test]
fn only_objects_with_mutual_fields_have_circular_dependencies() {
    let graph = cycles::dependencies(&read_rust_files("src"), "src/");
    assert!(graph["graphql::loader"].contains("graphql::services"), "no dependencies found");
    let objects: BTreeSet<String> = OBJECT_GRAPH.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(cycles::cycles(&graph), [objects], "files that depend on each other");
}

#[test]
fn the_sandbox_knows_nothing_of_chatgraph() {
    let sources = read_rust_files("sandbox");
    assert!(sources.iter().any(|source| source.path == "sandbox/src/lib.rs"), "no sources found");
    let manifest = fs::read_to_string(root().join("sandbox/Cargo.toml")).expect("sandbox/Cargo.toml can be read");
    let mut breaches = manifest_of_the_sandbox(&manifest);
    breaches.extend(sources.iter().flat_map(in_the_sandbox));
    assert_none(&breaches);
}

#[test]
fn the_guard_is_independent_and_has_no_circular_dependencies() {
    let manifest = fs::read_to_string(root().join("guard/Cargo.toml")).expect("guard/Cargo.toml can be read");
    assert!(!manifest.contains("path =") && !manifest.contains("chatgraph"), "guard/Cargo.toml names another member");
    let sources = read_rust_files("guard/src");
    let naming = sources.iter().filter(|source| !source.lines_naming("chatgraph").is_empty());
    assert_eq!(naming.map(|source| &source.path).collect::<Vec<_>>(), Vec::<&String>::new());
    let graph = cycles::dependencies(&sources, "guard/src/");
    assert!(graph["guard"].contains("compile"), "no dependencies found");
    assert_eq!(cycles::cycles(&graph), [], "files that depend on each other");
}

#[test]
fn the_sandbox_has_no_circular_dependencies() {
    let graph = cycles::dependencies(&read_rust_files("sandbox/src"), "sandbox/src/");
    assert!(graph["phone::account"].contains("companion"), "no dependencies found");
    assert_eq!(cycles::cycles(&graph), [], "files that depend on each other");
    assert_eq!(cycles::cycles(&cycles::at_the_root(&graph)), [], "modules of lib.rs that depend on each other");
}

#[test]
fn imports_are_grouped_by_crate() {
    let mut files = Vec::new();
    for folder in packages() {
        rust_files(&folder, &mut files);
    }
    assert!(files.iter().any(|file| file.ends_with("sandbox/src/lib.rs")), "no sources found");
    let mut breaches: Vec<Breach> = files.iter().flat_map(|file| ungrouped(&relative(file), &text(file))).collect();
    breaches.sort();
    assert_none(&breaches);
}

fn assert_none(breaches: &[Breach]) {
    let lines: Vec<String> = breaches.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} breach(es) of docs/architecture.md:\n{}", lines.len(), lines.join("\n"));
}

fn breaches_in(sources: &[Source]) -> Vec<Breach> {
    let test_modules: Vec<String> = sources.iter().flat_map(Source::test_modules).collect();
    let is_test = |path: &str| {
        test_modules
            .iter()
            .any(|module| path.strip_prefix(module.as_str()).is_some_and(|rest| rest == ".rs" || rest.starts_with('/')))
    };
    sources.iter().filter(|source| !is_test(&source.path)).flat_map(in_source).collect()
}

fn in_source(source: &Source) -> Vec<Breach> {
    let mut breaches = thin_main(source);
    let crates = CRATES.iter().filter(|(_, places)| !places.iter().any(|place| source.below_src().starts_with(place)));
    for (name, places) in crates {
        let lines = source.lines_naming(name).into_iter();
        breaches.extend(lines.map(|line| breach(source, line, format!("only {} may name {name}", places.join(", ")))));
    }
    breaches.extend(source.names_at_root().into_iter().filter_map(|(line, target)| {
        let what = match target {
            Some(target) => arrow(source.layer(), &target)?,
            None => ROOT.to_owned(),
        };
        Some(breach(source, line, what))
    }));
    breaches.sort();
    breaches.dedup();
    breaches
}

/// Returns the reason why `layer` may not name `target`; `None` if it may.
fn arrow(layer: &str, target: &str) -> Option<String> {
    if layer == target || WIRING.contains(&layer) || (SHARED.contains(&target) && layer != "domain") {
        return None;
    }
    if SHARED.contains(&layer) {
        return Some(format!("{layer} may not name {target}: every layer may name {layer}"));
    }
    let Some((_, targets)) = ARROWS.iter().find(|(name, _)| *name == layer) else {
        return Some(format!("{layer} is new: say in ARROWS what it may name"));
    };
    (!targets.contains(&target)).then(|| {
        let targets = if targets.is_empty() { "nothing" } else { &targets.join(", ") };
        format!("{layer} may not name {target}; it may name {targets}")
    })
}

fn thin_main(source: &Source) -> Vec<Breach> {
    let too_long = source.path == "src/main.rs" && source.lines > LINES_OF_MAIN;
    let what = || format!("main.rs has over {LINES_OF_MAIN} lines: what it does belongs to cli.rs or server/");
    too_long.then(|| breach(source, source.lines, what())).into_iter().collect()
}

fn in_the_sandbox(source: &Source) -> Vec<Breach> {
    let named = UNKNOWN_TO_THE_SANDBOX
        .iter()
        .flat_map(|name| source.lines_naming(name).into_iter().map(move |line| (line, name)));
    named.map(|(line, name)| breach(source, line, format!("the sandbox may not name {name}"))).collect()
}

fn manifest_of_the_sandbox(manifest: &str) -> Vec<Breach> {
    let lines = manifest.lines().enumerate().filter(|(_, line)| {
        let name = line.trim_start_matches('"').split(['.', ' ', '=', '"']).next().unwrap_or_default();
        UNKNOWN_TO_THE_SANDBOX.contains(&name.replace('-', "_").as_str())
    });
    let what = "the sandbox may not depend on chatgraph";
    lines.map(|(at, _)| Breach { path: "sandbox/Cargo.toml".into(), line: at + 1, what: what.into() }).collect()
}

fn ungrouped(path: &str, text: &str) -> Vec<Breach> {
    let found = grouping::ungrouped(text).into_iter();
    found.map(|(line, what)| Breach { path: path.to_owned(), line, what }).collect()
}

fn breach(source: &Source, line: usize, what: String) -> Breach {
    Breach { path: source.path.clone(), line, what }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read_rust_files(folder: &str) -> Vec<Source> {
    let mut files = Vec::new();
    rust_files(&root().join(folder), &mut files);
    files.sort();
    files.iter().map(|file| read(file)).collect()
}

fn read(file: &Path) -> Source {
    Source::new(&relative(file), &text(file))
}

fn relative(file: &Path) -> String {
    file.strip_prefix(root()).expect("found below the root").to_string_lossy().replace('\\', "/")
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Returns the folders with Rust code: those of the program, and every other package.
fn packages() -> Vec<PathBuf> {
    let entries = fs::read_dir(root()).expect("the root can be read");
    let others = entries.map(|entry| entry.expect("a readable folder").path());
    let others = others.filter(|folder| folder.join("Cargo.toml").is_file());
    others.chain([root().join("src"), root().join("tests/it")]).collect()
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
