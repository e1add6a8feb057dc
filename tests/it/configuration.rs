//! Settings: flags, environment variables and the configuration file, effective values, and warnings.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use chatgraph::{clock::SystemClock, domain::clock::Clock as _};
use tempfile::TempDir;

use crate::support::{EmptyServer, Log, Process, TestDatabase, program, wait_for};

/// A folder with a configuration file.
struct File {
    folder: TempDir,
    path: PathBuf,
}

impl File {
    fn of(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("chatgraph.toml");
        std::fs::write(&path, text).expect("written");
        Self { folder, path }
    }

    fn path(&self) -> &str {
        self.path.to_str().expect("text")
    }

    /// Runs the program on this file, in its folder.
    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let arguments = [arguments, &["--config", self.path()]].concat();
        run(self.folder.path(), &arguments, variables)
    }
}

fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatgraph"));
    command.args(arguments).envs(variables.iter().copied()).current_dir(folder).output().expect("runs")
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns the line of one setting.
fn line<'a>(printed: &'a str, setting: &str) -> &'a str {
    let begins = format!("{setting} = ");
    printed.lines().find(|line| line.starts_with(&begins)).unwrap_or_else(|| panic!("no {setting} in\n{printed}"))
}

const CHECK: [&str; 2] = ["serve", "--check-config"];

#[test]
fn a_flag_comes_before_a_variable_and_that_before_the_file() {
    let file = File::of(
        "keep-messages = 3\nmax-depth = 4\nmax-cost = 5\ngraphiql = true\nallowed-origin = [\"https://a.example\", \"https://b.example\"]\n",
    );
    let variables = [("CHATGRAPH_MAX_DEPTH", "6"), ("CHATGRAPH_MAX_COST", "7")];
    let checked = file.run(&[&CHECK[..], &["--max-cost", "8"]].concat(), &variables);
    assert_eq!(checked.status.code(), Some(0), "{}", error(&checked));
    let printed = printed(&checked);
    for (setting, value, source) in [
        ("max-cost", "8", "command line"),
        ("max-depth", "6", "CHATGRAPH_MAX_DEPTH"),
        ("keep-messages", "3", file.path()),
        ("graphiql", "true", file.path()),
        ("allowed-origin", "[\"https://a.example\", \"https://b.example\"]", file.path()),
        ("listen", "\"127.0.0.1:8080\"", "default"),
    ] {
        let line = line(&printed, setting);
        assert!(line.starts_with(&format!("{setting} = {value} ")) && line.ends_with(source), "{line}");
    }
    assert!(printed.contains("# tls-key is not set"), "{printed}");
    // The output is itself a valid configuration file.
    let again = File::of(&printed);
    let again = again.run(&CHECK, &[]);
    assert_eq!(again.status.code(), Some(0), "{}", error(&again));
    assert!(line(&self::printed(&again), "max-cost").starts_with("max-cost = 8 "));
}

#[test]
fn a_file_that_is_wrong_ends_with_2_and_names_the_key() {
    for (text, wanted) in [
        ("metric-listen = \"127.0.0.1:1\"", "metric-listen: is not a setting; the nearest is metrics-listen"),
        ("listen = \"nowhere\"", "listen: invalid value 'nowhere'"),
        ("keep-messages = 0", "keep-messages: invalid value '0'"),
        ("graphiql = \"yes\"", "graphiql: expected true or false"),
        ("listen = [\"127.0.0.1:1\"]", "listen: expected one value"),
        ("name = \"x\"", "in the table of that command"),
        ("[key.create]\nnaem = \"x\"", "key.create.naem: is not a setting; the nearest is name"),
        ("[sevre]\nlisten = \"127.0.0.1:1\"", "sevre: is not a command; the nearest is serve"),
        ("[serve]\nlog-format = \"json\"", "serve.log-format: applies to every command"),
        ("listen = \"127.0.0.1:1\"\nmaster-key = hunter2", "line 2"),
        ("yes = true", "yes: is not a setting"),
        ("tls-key = \"/nowhere\"", "--tls-certificate: is required"),
        ("allowed-origin = [\"nonsense\"]", "--allowed-origin"),
        ("log-filter = \"a=b=c\"", "--log-filter"),
        ("trusted-documents = \"/nowhere\"", "--trusted-documents: /nowhere"),
    ] {
        let file = File::of(text);
        let refused = file.run(&CHECK, &[]);
        assert_eq!(refused.status.code(), Some(2), "{text}: {}", error(&refused));
        assert!(error(&refused).contains(wanted), "{text}: {}", error(&refused));
        assert!(!error(&refused).contains("hunter2"), "{}", error(&refused));
    }
    let missing = run(Path::new("/"), &["serve", "--config", "/nowhere.toml"], &[]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(error(&missing).contains("--config: /nowhere.toml: No such file"), "{}", error(&missing));
}

#[test]
fn checking_starts_nothing_and_hides_secrets() {
    let key = "A".repeat(43) + "=";
    let file = File::of(&format!("master-key = \"{key}\"\n[serve]\nlisten = \"127.0.0.1:1\"\n"));
    let database = "postgres://chatgraph:hunter2@127.0.0.1:1/chats";
    let checked = file.run(&CHECK, &[("CHATGRAPH_DATABASE", database)]);
    assert_eq!(checked.status.code(), Some(0), "{}", error(&checked));
    let printed = printed(&checked);
    assert!(line(&printed, "master-key").starts_with("master-key = \"(hidden)\""), "{printed}");
    assert!(line(&printed, "listen").ends_with(file.path()), "{printed}");
    for secret in ["hunter2", &key[..20]] {
        assert!(!printed.contains(secret) && !error(&checked).contains(secret), "{printed}");
    }
    let checked = file.run(&CHECK, &[]);
    assert_eq!(checked.status.code(), Some(0), "{}", error(&checked));
    let left: Vec<_> = std::fs::read_dir(file.folder.path()).expect("a folder").flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    let variable = run(file.folder.path(), &CHECK, &[("CHATGRAPH_CONFIG", file.path())]);
    assert!(line(&self::printed(&variable), "listen").ends_with(file.path()));
}

#[tokio::test]
async fn a_configuration_file_serves_the_server_and_other_commands() {
    let database = TestDatabase::new().await;
    let file = File::of(&format!(
        "database = \"{}\"\ngraphiql = true\nlisten = \"localhost:0\"\n[key.create]\nname = \"from the file\"\n",
        database.url()
    ));
    let made = file.run(&["key", "create", "--organization", "acme"], &[]);
    assert!(made.status.success(), "{}", error(&made));
    let listed = file.run(&["key", "list", "--organization", "acme"], &[]);
    assert!(printed(&listed).contains("from the file"), "{}", printed(&listed));
    let log = Log::default();
    let server = Process::serve(&database, &["--config", file.path()], &[], &log);
    let page = reqwest::get(server.url.replace("/graphql", "/")).await.expect("an answer");
    assert_eq!(page.status(), 200, "GraphiQL is served, as the file says");
}

#[test]
fn empty_variables_are_rejected_and_unknown_ones_warned_of() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["CHATGRAPH_MASTER_KEY", "CHATGRAPH_LOG_FILTER", "CHATGRAPH_TRUSTED_PROXIES", "CHATGRAPH_GRAPHIQL"] {
        let refused = run(folder.path(), &CHECK, &[(name, "")]);
        assert_eq!(refused.status.code(), Some(2), "{name}");
        assert!(error(&refused).contains(&format!("{name} is empty")), "{}", error(&refused));
    }
    assert!(
        run(folder.path(), &["schema"], &[("CHATGRAPH_MASTER_KEY", "")]).status.success(),
        "not a setting of the server"
    );
    let checked = run(folder.path(), &CHECK, &[("CHATGRAPH_METRIC_LISTEN", "127.0.0.1:9090")]);
    assert_eq!(checked.status.code(), Some(0));
    let wanted = "CHATGRAPH_METRIC_LISTEN is not a setting and has no effect; the nearest is CHATGRAPH_METRICS_LISTEN";
    assert!(error(&checked).contains(wanted), "{}", error(&checked));
}

#[tokio::test]
async fn variables_of_other_programs_do_not_change_a_key() {
    let database = TestDatabase::new().await;
    let common = [
        ("CHATGRAPH_NAME", "shared"),
        ("CHATGRAPH_DATA", "/data"),
        ("CHATGRAPH_EXPIRES", "1s"),
        ("CHATGRAPH_PERMISSION", "read"),
        ("CHATGRAPH_JSON", "true"),
    ];
    let create = ["key", "create", "--organization", "acme", "--permission", "send"];
    let made = program(&database, &create).envs(common).output().expect("runs");
    assert!(made.status.success(), "{}", error(&made));
    let listed = program(&database, &["key", "list", "--organization", "acme"]).output().expect("runs");
    let listed = printed(&listed);
    assert!(listed.contains(" send ") && listed.contains("expires never") && !listed.contains("shared"), "{listed}");
}

#[test]
fn the_exit_code_distinguishes_wrong_usage_from_failure() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, code) in [
        (&["schema"][..], 0),
        (&["serve", "--listen", "nowhere"], 2),
        (&["serve", "--no-such-flag"], 2),
        (&["serve", "--allowed-origin", "nonsense"], 2),
        (&["serve", "--tls-certificate", "/nowhere", "--tls-key", "/nowhere"], 2),
        (&["key", "create", "--organization", "a", "--expires", "2020-01-01T00:00:00Z"], 2),
        (&["key", "list", "--organization", "a"], 1),
        (&["check"], 1),
    ] {
        let ended = run(folder.path(), arguments, &[("CHATGRAPH_DATABASE", "sqlite:missing.db")]);
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}: {}", error(&ended));
    }
}

#[test]
fn dangerous_settings_are_warned_of() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, wanted) in [
        (&["--listen", "0.0.0.0:8080"][..], "sent unencrypted"),
        (&["--trusted-proxies", "0.0.0.0/0"], "trusts every address"),
    ] {
        let quiet = run(folder.path(), &CHECK, &[]);
        assert!(!error(&quiet).contains(wanted), "{}", error(&quiet));
        let told = run(folder.path(), &[&CHECK[..], arguments].concat(), &[]);
        assert_eq!(told.status.code(), Some(0));
        assert!(error(&told).contains(wanted), "{}", error(&told));
    }
}

#[test]
fn a_certificate_that_is_over_or_nearly_over_is_warned_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let now = u64::try_from(SystemClock.now() / 1_000).expect("after 1970");
    for (days, wanted) in [(-1, "has expired"), (5, "expires soon"), (60, "")] {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("parameters");
        let end = Duration::from_secs(now.checked_add_signed(days * 86_400).expect("after 1970"));
        parameters.not_after = rcgen::date_time_ymd(1970, 1, 1) + end;
        let certificate = parameters.self_signed(&key).expect("a certificate");
        std::fs::write(path("certificate.pem"), certificate.pem()).expect("written");
        std::fs::write(path("key.pem"), key.serialize_pem()).expect("written");
        let files = ["--tls-certificate", &path("certificate.pem"), "--tls-key", &path("key.pem")];
        let told = error(&run(folder.path(), &[&CHECK[..], &files].concat(), &[]));
        let warned = ["has expired", "expires soon"].into_iter().find(|warning| told.contains(warning));
        assert_eq!(warned.unwrap_or_default(), wanted, "{told}");
    }
}

#[tokio::test]
async fn a_forwarded_address_from_a_stranger_is_warned_of_once() {
    let server = EmptyServer::start(&[]).await;
    for _ in 0..3 {
        let asked = reqwest::Client::new().get(server.at("/healthz")).header("X-Forwarded-For", "192.0.2.1");
        assert_eq!(asked.send().await.expect("an answer").status(), 200);
    }
    let warning = "X-Forwarded-For is ignored";
    wait_for("the warning", async || server.log.text().contains(warning).then_some(())).await;
    assert_eq!(server.log.text().matches(warning).count(), 1);
    let trusting = EmptyServer::start(&["--trusted-proxies", "127.0.0.0/8"]).await;
    let asked = reqwest::Client::new().get(trusting.at("/healthz")).header("X-Forwarded-For", "192.0.2.1");
    assert_eq!(asked.send().await.expect("an answer").status(), 200);
    assert!(!trusting.log.text().contains(warning));
}

#[test]
fn the_files_for_an_installation_are_valid() {
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging");
    let read = |name: &str| std::fs::read_to_string(packaging.join(name)).expect(name);
    let folder = tempfile::tempdir().expect("a folder");
    let file = packaging.join("chatgraph.toml");
    let checked = run(folder.path(), &[&CHECK[..], &["--config", file.to_str().expect("text")]].concat(), &[]);
    assert_eq!(checked.status.code(), Some(0), "{}", error(&checked));
    // The commented examples are valid too, except for the files that they name.
    let examples: String = read("chatgraph.toml").lines().map(example).collect();
    let refused = File::of(&examples).run(&CHECK, &[]);
    assert!(error(&refused).contains("/etc/chatgraph/"), "{}", error(&refused));
    for line in read("chatgraph.env").lines().filter_map(|line| line.strip_prefix("# CHATGRAPH_")) {
        let (name, _) = line.split_once('=').expect("a variable");
        let help = run(folder.path(), &["serve", "--help"], &[]);
        assert!(printed(&help).contains(&format!("[env: CHATGRAPH_{name}")), "{name}");
    }
    let unit = read("chatgraph.service");
    for wanted in ["Type=notify", "LimitNOFILE=65536", "RestartPreventExitStatus=2", "ExecReload=/bin/kill -HUP"] {
        assert!(unit.contains(wanted), "{wanted}");
    }
}

/// Uncomments a line if it is an example.
fn example(line: &str) -> String {
    let example = line.strip_prefix("# ").filter(|line| line.split(' ').nth(1) == Some("="));
    format!("{}\n", example.unwrap_or(line))
}
