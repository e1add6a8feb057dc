use clap::CommandFactory as _;

use super::*;
use crate::domain::{
    capability::Capability,
    id::{EventId, KeyId, SessionId},
};

fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("chatgraph").chain(arguments.iter().copied()))
}

fn serve(arguments: &[&str]) -> ServeArgs {
    match parse(&[&["serve"], arguments].concat()).expect("parses").command {
        Command::Serve(args) => *args,
        other => panic!("not serve: {other:?}"),
    }
}

/// Flags that are not settings, and so have no variable.
const OF_ONE_CALL: [&str; 12] = [
    "check-config",
    "data",
    "expires",
    "grace",
    "json",
    "name",
    "overwrite",
    "permission",
    "quiet",
    "session",
    "token-file",
    "yes",
];

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_setting_has_a_help_line_and_a_variable_named_after_it() {
    let mut seen = 0;
    let mut commands = vec![Cli::command()];
    while let Some(command) = commands.pop() {
        for argument in command.get_arguments() {
            let (name, id) = (command.get_name(), argument.get_id());
            assert!(argument.get_help().is_some(), "{name} {id} has no help");
            let Some(long) = argument.get_long() else { continue };
            // An argument of a single call has no variable: one that is always set would change every call.
            if OF_ONE_CALL.contains(&long) {
                assert_eq!(argument.get_env(), None, "{name} --{long}");
                continue;
            }
            let variable = format!("CHATGRAPH_{}", long.replace('-', "_").to_uppercase());
            assert_eq!(argument.get_env().and_then(|env| env.to_str()), Some(&*variable), "{name} --{long}");
            seen += 1;
        }
        commands.extend(command.get_subcommands().cloned());
    }
    assert!(seen > 15, "the walk saw only {seen} flags");
}

#[test]
fn serving_needs_no_argument() {
    let args = serve(&[]);
    assert_eq!(args.listen, "127.0.0.1:8080".parse().expect("an address"));
    assert_eq!(args.database.database, "sqlite:chatgraph.db");
    assert!(args.pages.allowed_origin.is_empty());
}

#[test]
fn origins_may_be_repeated() {
    let args = serve(&["--allowed-origin", "https://a.example", "--allowed-origin", "https://b.example"]);
    assert_eq!(args.pages.allowed_origin, ["https://a.example", "https://b.example"]);
}

#[test]
fn the_log_is_set_before_or_after_the_command() {
    for arguments in [["--log-format", "json", "serve"], ["serve", "--log-format", "json"]] {
        assert_eq!(parse(&arguments).expect("parses").log.format, telemetry::Format::Json);
    }
}

#[test]
fn a_key_is_made_for_an_organization_with_the_permissions_named() {
    let create = |arguments: &[&str]| match parse(&[&["key", "create"], arguments].concat())?.command {
        Command::Key(KeyCommand::Create(args)) => Ok(args),
        other => panic!("not key create: {other:?}"),
    };
    let args = create(&["--organization", "org_1", "--permission", "read", "--permission", "events"]);
    let args = args.map_err(|error: clap::Error| error.to_string()).expect("parses");
    assert_eq!(args.key.organization.as_str(), "org_1");
    assert_eq!(args.key.permission, [Capability::Read, Capability::Events]);
    assert!(create(&[]).is_err(), "missing organization");
    assert!(create(&["--organization", "a b"]).is_err(), "invalid organization id");
    assert!(create(&["--organization", "a", "--permission", "write"]).is_err(), "invalid permission");
    assert!(create(&["--organization", "a", "--expires", "0d"]).is_err(), "invalid time");
}

#[test]
fn migrate_defaults_to_up() {
    for (arguments, direction) in [
        (&["migrate"][..], Migration::Up),
        (&["migrate", "down"], Migration::Down),
        (&["migrate", "status"], Migration::Status),
    ] {
        match parse(arguments).expect("parses").command {
            Command::Migrate(args) => assert_eq!(args.direction, direction),
            other => panic!("not migrate: {other:?}"),
        }
    }
}

#[test]
fn a_demo_for_scripts_is_json_and_quiet() {
    match parse(&["demo", "--json", "--quiet"]).expect("parses").command {
        Command::Demo(args) => assert!(args.json && args.quiet),
        other => panic!("not demo: {other:?}"),
    }
}

/// A value that the argument accepts.
fn sample(arg: &clap::Arg) -> String {
    let candidates = [
        "1".to_owned(),
        "100".to_owned(),
        "10000".to_owned(),
        "127.0.0.1:1".to_owned(),
        "read".to_owned(),
        "recent".to_owned(),
        "json".to_owned(),
        "1d".to_owned(),
        KeyId::new(0).to_string(),
        SessionId::new(0).to_string(),
        EventId::new(0).to_string(),
        "0123456789abcdef".to_owned(),
    ];
    let accepts = |text: &String| {
        let alone = arg.clone().required(false).global(false).default_values(Vec::<String>::new());
        let given =
            if arg.is_positional() { text.clone() } else { format!("--{}={text}", arg.get_long().expect("long")) };
        clap::Command::new("sample").no_binary_name(true).arg(alone).try_get_matches_from([given]).is_ok()
    };
    candidates.into_iter().find(accepts).unwrap_or_else(|| panic!("{} accepts no sample", arg.get_id()))
}

/// Every command with arguments, and its path of names.
fn commands() -> Vec<(Vec<String>, clap::Command)> {
    let (mut found, mut left) = (Vec::new(), vec![(Vec::new(), Cli::command())]);
    while let Some((path, command)) = left.pop() {
        for sub in command.get_subcommands() {
            left.push(([&path[..], &[sub.get_name().to_owned()]].concat(), sub.clone()));
        }
        if !path.is_empty() && !command.has_subcommands() {
            found.push((path, command));
        }
    }
    found
}

#[test]
fn every_flag_can_be_set_in_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("chatgraph.toml");
    let globals: Vec<_> = Cli::command().get_arguments().cloned().collect();
    let mut seen = 0;
    for (path, command) in commands() {
        for arg in command.get_arguments().chain(&globals) {
            let Some(long) = arg.get_long() else { continue };
            if ["config", "check-config", "overwrite", "yes"].contains(&long) {
                continue;
            }
            let is_switch = matches!(arg.get_action(), clap::ArgAction::SetTrue);
            let value = if is_switch { "true".to_owned() } else { sample(arg) };
            let line = if is_switch { format!("{long} = true") } else { format!("{long} = \"{value}\"") };
            // A setting is at the top, any other flag in the table of its command.
            let table = if arg.get_env().is_some() { String::new() } else { format!("[{}]\n", path.join(".")) };
            // A table `[organization]` would conflict with the setting of this name.
            let is_given = long == "organization" || path[0] == "organization";
            let needed = if is_given { "" } else { "organization = \"acme\"\n" };
            std::fs::write(&file, format!("{needed}{table}{line}\n")).expect("written");
            let positional = command.get_positionals().filter(|arg| arg.is_required_set()).map(sample);
            let call = ["chatgraph".to_owned(), "--config".to_owned(), file.display().to_string()].into_iter();
            let call: Vec<std::ffi::OsString> =
                call.chain(path.iter().cloned()).chain(positional).map(Into::into).collect();
            let read = Invocation::read(&call, &[]).unwrap_or_else(|refused| panic!("{path:?} --{long}: {refused}"));
            let setting = read.settings.iter().find(|setting| setting.name == long).expect("a setting");
            assert_eq!(setting.source, Source::File(file.clone()), "{path:?} --{long}");
            assert_eq!(setting.values, [value], "{path:?} --{long}");
            seen += 1;
        }
    }
    assert!(seen > 100, "the walk saw only {seen} flags");
}

/// Adds a group of options to a command.
type AddOptions = fn(clap::Command) -> clap::Command;

#[test]
fn no_option_stands_under_the_heading_of_others() {
    let mut cli = Cli::command();
    // After building, global flags are among the command's own.
    cli.build();
    let serve = cli.find_subcommand("serve").expect("serve").clone();
    let under = |heading: Option<&str>| {
        let options = serve.get_arguments().filter(|arg| arg.get_help_heading() == heading);
        options.map(|arg| arg.get_id().to_string()).collect::<Vec<_>>()
    };
    let headings: [(&str, &[AddOptions]); 9] = [
        ("Log", &[telemetry::Config::augment_args]),
        ("Cross-origin requests", &[http::PageArgs::augment_args]),
        ("Database", &[DatabaseArgs::augment_args]),
        ("Secrets at rest", &[MasterKeyArgs::augment_args]),
        ("Retention and history", &[service::RetentionConfig::augment_args, History::augment_args]),
        (
            "Limits",
            &[graphql::Config::augment_args, service::Limits::augment_args, graphql::DocumentArgs::augment_args],
        ),
        (
            "Connections",
            &[
                http::ConnectionConfig::augment_args,
                http::Config::augment_args,
                auth::Config::augment_args,
                http::ProxyArgs::augment_args,
                http::TlsArgs::augment_args,
            ],
        ),
        ("Login tokens", &[auth::LoginArgs::augment_args]),
        ("Monitoring", &[ObservabilityArgs::augment_args]),
    ];
    for (heading, parts) in headings {
        let args = parts.iter().fold(clap::Command::new("x"), |command, augment| augment(command));
        let expected: Vec<_> = args.get_arguments().map(|arg| arg.get_id().to_string()).collect();
        assert_eq!(under(Some(heading)), expected, "{heading}");
    }
    assert!(under(None).contains(&"sandbox_url".to_owned()), "{:?}", under(None));
    for (path, command) in commands() {
        let under = command.get_arguments().filter(|arg| arg.get_help_heading() == Some("Database"));
        let foreign: Vec<_> = under.map(clap::Arg::get_id).filter(|id| !id.as_str().starts_with("database")).collect();
        assert!(foreign.is_empty(), "{path:?}: {foreign:?}");
    }
}
