//! The configuration file: TOML whose keys are the names of the flags. Its values replace the flags' defaults, so clap
//! parses them like any other value, and a variable or a flag overrides them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgAction, Command};
use toml::{Table, Value};

use super::nearest;

/// Flags that the file cannot set: they name the file, request a check or help, or confirm a loss.
const ON_THE_COMMAND_LINE: [&str; 6] = ["check-config", "config", "help", "overwrite", "version", "yes"];

/// Returns whether the file cannot set a flag.
#[must_use]
pub fn is_of_the_command_line(long: &str) -> bool {
    ON_THE_COMMAND_LINE.contains(&long)
}

/// An error of a configuration file, for the operator.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be read.
    #[error("--config: {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("--config: {}, line {line}: {message}", file.display())]
    Toml {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
        /// The reason, without the text of the line, which may contain a secret.
        message: String,
    },
    /// A key is unknown, or its value is invalid.
    #[error("--config: {}: {key}: {message}", file.display())]
    Key {
        /// The file.
        file: PathBuf,
        /// The key, preceded by the name of its table.
        key: String,
        /// The reason.
        message: String,
    },
}

/// A configuration file. Keys at the top apply to every command that has the flag. A table named after a command sets
/// flags of that command only, and has precedence.
pub(super) struct ConfigFile {
    path: PathBuf,
    table: Table,
}

impl ConfigFile {
    pub(super) fn read(path: &Path) -> Result<Self, FileError> {
        let file = || path.to_owned();
        let text = fs::read_to_string(path).map_err(|source| FileError::Read { file: file(), source })?;
        let table = text.parse::<Table>().map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let (line, message) = (before.matches('\n').count() + 1, error.message().to_owned());
            FileError::Toml { file: file(), line, message }
        })?;
        Ok(Self { path: file(), table })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the command with the values of the file as its defaults.
    pub(super) fn apply(&self, command: Command) -> Result<Command, FileError> {
        let settings = settings(&command);
        let mut shared = BTreeMap::new();
        for (key, value) in self.table.iter().filter(|(_, value)| !value.is_table()) {
            let arg = settings.get(key.as_str()).ok_or_else(|| {
                let tables = "a flag of one command belongs in the table of that command";
                self.wrong(&[], key, format!("{}; {tables}", unknown(key, settings.keys().copied())))
            })?;
            shared.insert(key.clone(), self.values(&[], key, value, arg)?);
        }
        self.check_tables(&command, &self.table, &settings, &mut Vec::new())?;
        Ok(self.with_values(command, &shared, Some(&self.table), true))
    }

    /// Returns whether the file sets this flag of the command at `path`, as in `["key", "create"]`.
    pub(super) fn sets(&self, path: &[&str], long: &str) -> bool {
        let own = path.iter().try_fold(&self.table, |table, name| table.get(*name)?.as_table());
        self.table.contains_key(long) || own.is_some_and(|table| table.contains_key(long))
    }

    fn check_tables(
        &self,
        command: &Command,
        table: &Table,
        settings: &BTreeMap<&str, &Arg>,
        path: &mut Vec<String>,
    ) -> Result<(), FileError> {
        for (key, value) in table {
            let Value::Table(inner) = value else { continue };
            let known = command.get_subcommands().map(Command::get_name);
            let Some(sub) = command.get_subcommands().find(|sub| sub.get_name() == key) else {
                let reason = nearest(key, known).map_or_else(
                    || "is not a command".to_owned(),
                    |near| format!("is not a command; the nearest is {near}"),
                );
                return Err(self.wrong(path, key, reason));
            };
            path.push(key.clone());
            let flags: BTreeMap<_, _> = flags(sub).collect();
            for (key, value) in inner.iter().filter(|(_, value)| !value.is_table()) {
                let arg = flags.get(key.as_str());
                let arg = arg.ok_or_else(|| {
                    let at_the_top = "applies to every command: expected at the top, before the tables".to_owned();
                    let is_setting = settings.contains_key(key.as_str());
                    self.wrong(path, key, if is_setting { at_the_top } else { unknown(key, flags.keys().copied()) })
                })?;
                self.values(path, key, value, arg)?;
            }
            self.check_tables(sub, inner, settings, path)?;
            path.pop();
        }
        Ok(())
    }

    fn with_values(
        &self,
        command: Command,
        shared: &BTreeMap<String, Vec<String>>,
        own: Option<&Table>,
        is_root: bool,
    ) -> Command {
        let of_table = |arg: &Arg, key: &str| {
            let value = own.filter(|_| !is_root)?.get(key)?;
            self.values(&[], key, value, arg).ok()
        };
        let command = command.mut_args(|arg| {
            let Some(long) = arg.get_long().map(str::to_owned) else { return arg };
            match of_table(&arg, &long).or_else(|| shared.get(&long).cloned()) {
                Some(values) => arg.required(false).default_values(values),
                None => arg,
            }
        });
        command.mut_subcommands(|sub| {
            let own = own.and_then(|table| table.get(sub.get_name())?.as_table());
            self.with_values(sub, shared, own, false)
        })
    }

    /// Returns the value as command-line arguments, which the flag accepts.
    fn values(&self, path: &[String], key: &str, value: &Value, arg: &Arg) -> Result<Vec<String>, FileError> {
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
        let is_list = arg.get_value_delimiter().is_some();
        let texts = match value {
            Value::Boolean(value) if is_switch => return Ok(vec![value.to_string()]),
            _ if is_switch => Err("expected true or false"),
            Value::Array(items) if is_list => items.iter().map(scalar).collect(),
            value => scalar(value).map(|text| vec![text]).map_err(|expected| match value {
                Value::Array(_) => "expected one value",
                _ => expected,
            }),
        };
        let texts = texts.map_err(|expected| self.wrong(path, key, expected))?;
        for text in &texts {
            let alone = arg.clone().required(false).global(false);
            let parsed = Command::new("file").no_binary_name(true).arg(alone);
            let refused = parsed.try_get_matches_from([format!("--{key}={text}")]).err();
            if let Some(refused) = refused {
                let rendered = refused.to_string();
                let line = rendered.lines().next().unwrap_or_default().trim_start_matches("error: ");
                return Err(self.wrong(path, key, line));
            }
        }
        Ok(texts)
    }

    fn wrong(&self, path: &[String], key: &str, message: impl Into<String>) -> FileError {
        let key = path.iter().map(String::as_str).chain([key]).collect::<Vec<_>>().join(".");
        FileError::Key { file: self.path.clone(), key, message: message.into() }
    }
}

fn scalar(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Datetime(time) => Ok(time.to_string()),
        Value::Boolean(_) | Value::Array(_) | Value::Table(_) => Err("expected a string or a number"),
    }
}

/// Returns the flags that a file can set for this command.
fn flags(command: &Command) -> impl Iterator<Item = (&str, &Arg)> {
    let longs = command.get_arguments().filter_map(|arg| Some((arg.get_long()?, arg)));
    longs.filter(|(long, _)| !is_of_the_command_line(long))
}

/// Returns the settings, which apply to every command that has the flag: the flags with a variable.
fn settings(command: &Command) -> BTreeMap<&str, &Arg> {
    let mut found: BTreeMap<_, _> = flags(command).filter(|(_, arg)| arg.get_env().is_some()).collect();
    for sub in command.get_subcommands() {
        found.extend(settings(sub));
    }
    found
}

fn unknown<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(key, known)
        .map_or_else(|| "is not a setting".to_owned(), |near| format!("is not a setting; the nearest is {near}"))
}
