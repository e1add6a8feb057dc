//! One invocation of the program: its command with all settings. They are read from the command line, the environment,
//! the configuration file and the defaults, in this order of precedence.

use std::{collections::BTreeSet, ffi::OsString, path::PathBuf};

use clap::{ArgAction, ArgMatches, Command, CommandFactory as _, FromArgMatches as _, parser::ValueSource};

use super::{
    Cli,
    config_file::{ConfigFile, FileError},
    nearest,
};

/// Prefix of variables.
const PREFIX: &str = "CHATGRAPH_";
/// Prefixes of variables that other programs of the project read: the tests, and the sandbox.
const OF_OTHERS: [&str; 2] = ["CHATGRAPH_TEST_", "CHATGRAPH_SANDBOX_"];

/// An invalid invocation, as an error for the operator.
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    /// The command line does not parse, or asks for help.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// A variable is empty.
    #[error("{0} is empty: set a value, or unset the variable")]
    Empty(String),
    /// The configuration file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// One invocation of the program.
#[derive(Debug)]
pub struct Invocation {
    /// The parsed command line.
    pub cli: Cli,
    /// Every setting of its command, with its source.
    pub settings: Vec<Setting>,
    /// Warnings about variables with the prefix of settings that are not settings.
    pub unknown_variables: Vec<String>,
}

/// An effective setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The name of the flag.
    pub name: String,
    /// The values; empty if it is not set.
    pub values: Vec<String>,
    /// True if the flag accepts several values.
    pub is_list: bool,
    /// True if the flag is a switch, without a value.
    pub is_switch: bool,
    /// True if the value must not be printed.
    pub is_secret: bool,
    /// The source of the values.
    pub source: Source,
}

/// The source of a setting's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The command line.
    CommandLine,
    /// This variable.
    Variable(String),
    /// This configuration file.
    File(PathBuf),
    /// The default, or no value.
    Default,
}

impl Invocation {
    /// Reads the command line, the environment and the configuration file.
    ///
    /// # Errors
    /// [`InvocationError`].
    pub fn read(arguments: &[OsString], variables: &[(OsString, OsString)]) -> Result<Self, InvocationError> {
        let command = Cli::command();
        // The command and the path of the file are needed before everything can be parsed.
        let first = command.clone().ignore_errors(true).try_get_matches_from(arguments).ok();
        let path = first.as_ref().map(names).unwrap_or_default();
        if let Some(name) = first.as_ref().and_then(|_| empty(&command, &path, variables)) {
            return Err(InvocationError::Empty(name));
        }
        let file = first.as_ref().and_then(|matches| matches.get_one::<PathBuf>("config"));
        let file = file.map(|file| ConfigFile::read(file)).transpose()?;
        let command = match &file {
            Some(file) => file.apply(command)?,
            None => command,
        };
        let unknown_variables = unknown_variables(&command, variables);
        let mut built = command.clone();
        let matches = command.try_get_matches_from(arguments)?;
        let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut built))?;
        built.build();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let settings = settings(&built, &matches, &path, file.as_ref());
        Ok(Self { cli, settings, unknown_variables })
    }
}

/// Returns the names of the requested subcommands.
fn names(matches: &ArgMatches) -> Vec<String> {
    let mut names = Vec::new();
    let mut matches = matches;
    while let Some((name, inner)) = matches.subcommand() {
        names.push(name.to_owned());
        matches = inner;
    }
    names
}

/// Returns a variable of the command at `path` that is empty.
fn empty(command: &Command, path: &[String], variables: &[(OsString, OsString)]) -> Option<String> {
    let mut commands = vec![command];
    for name in path {
        let sub = commands.last().copied().and_then(|command| command.find_subcommand(name));
        commands.extend(sub);
    }
    let args = commands.iter().flat_map(|command| command.get_arguments());
    let names: Vec<_> = args.filter_map(clap::Arg::get_env).collect();
    let found = variables.iter().find(|(name, value)| value.is_empty() && names.contains(&name.as_os_str()));
    found.map(|(name, _)| name.to_string_lossy().into_owned())
}

fn unknown_variables(command: &Command, variables: &[(OsString, OsString)]) -> Vec<String> {
    let mut known = BTreeSet::new();
    let mut commands = vec![command];
    while let Some(command) = commands.pop() {
        known.extend(command.get_arguments().filter_map(|arg| arg.get_env()?.to_str()));
        commands.extend(command.get_subcommands());
    }
    let names = variables.iter().filter_map(|(name, _)| name.to_str()).filter(|name| name.starts_with(PREFIX));
    let unknown = names.filter(|name| !known.contains(name) && !OF_OTHERS.iter().any(|other| name.starts_with(other)));
    let remark = |name: &str| match nearest(name, known.iter().copied()) {
        Some(near) => format!("{name} is not a setting and has no effect; the nearest is {near}"),
        None => format!("{name} is not a setting and has no effect"),
    };
    unknown.map(remark).collect()
}

/// Returns the settings of the command at `path`. `command` has been built, so every subcommand has the global flags.
fn settings(command: &Command, matches: &ArgMatches, path: &[&str], file: Option<&ConfigFile>) -> Vec<Setting> {
    let (mut command, mut matches) = (command, matches);
    for name in path {
        let (Some(sub), Some(inner)) = (command.find_subcommand(name), matches.subcommand_matches(name)) else { break };
        (command, matches) = (sub, inner);
    }
    let named = command.get_arguments().filter_map(|arg| Some((arg.get_long()?, arg)));
    let named = named.filter(|(long, _)| !["help", "version", "check-config"].contains(long));
    let setting = |(long, arg): (&str, &clap::Arg)| {
        let id = arg.get_id().as_str();
        let raw = matches.try_get_raw(id).ok().flatten();
        let variable = arg.get_env().map(|name| name.to_string_lossy().into_owned());
        let source = match matches.value_source(id) {
            Some(ValueSource::CommandLine) => Source::CommandLine,
            Some(ValueSource::EnvVariable) => variable.map_or(Source::Default, Source::Variable),
            _ => match file.filter(|file| file.sets(path, long)) {
                Some(file) => Source::File(file.path().to_owned()),
                None => Source::Default,
            },
        };
        Setting {
            name: long.to_owned(),
            values: raw.into_iter().flatten().map(|value| value.to_string_lossy().into_owned()).collect(),
            is_list: arg.get_value_delimiter().is_some(),
            is_switch: matches!(arg.get_action(), ArgAction::SetTrue),
            is_secret: arg.is_hide_env_values_set(),
            source,
        }
    };
    named.map(setting).collect()
}
