use clap::CommandFactory as _;

use super::*;
use crate::domain::capability::Capability;

fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("chatgraph").chain(arguments.iter().copied()))
}

fn serve(arguments: &[&str]) -> ServeArgs {
    match parse(&[&["serve"], arguments].concat()).expect("parses").command {
        Command::Serve(args) => *args,
        other => panic!("not serve: {other:?}"),
    }
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_flag_has_a_help_line_and_a_variable_named_after_it() {
    let mut seen = 0;
    let mut commands = vec![Cli::command()];
    while let Some(command) = commands.pop() {
        for argument in command.get_arguments() {
            let (name, id) = (command.get_name(), argument.get_id());
            assert!(argument.get_help().is_some(), "{name} {id} has no help");
            // What confirms a loss is said on the command line alone.
            let exempt = ["help", "version", "yes", "overwrite"];
            let Some(long) = argument.get_long().filter(|long| !exempt.contains(long)) else { continue };
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
        assert_eq!(parse(&arguments).expect("parses").log.log_format, Format::Json);
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
    assert!(create(&[]).is_err(), "no organization");
    assert!(create(&["--organization", "a b"]).is_err(), "no organization's id");
    assert!(create(&["--organization", "a", "--permission", "write"]).is_err(), "no permission");
    assert!(create(&["--organization", "a", "--expires", "0d"]).is_err(), "no time");
}

#[test]
fn migrating_goes_up_unless_told_otherwise() {
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
