//! Flags of the components. A component declares its flags once, on its own configuration in its `config.rs`: name,
//! variable, default, range and description. `cli` flattens it into the commands, and the component reads its fields.
//! This module has what these declarations share, so every layer may name it.
//!
//! A number, a duration or a choice is parsed into its final type together with the command line. A text whose error
//! names several flags, or must not repeat the text, is kept as it is. A method next to its declaration validates it.

use std::{ops::RangeInclusive, time::Duration};

use clap::{Args, Command, builder::TypedValueParser};

/// An invalid value of a flag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--{flag}: {message}")]
pub struct Error {
    /// The flag, without its dashes.
    pub flag: &'static str,
    /// The reason, or the expected value.
    pub message: String,
}

impl Error {
    /// Creates the error of a flag, without its dashes.
    pub fn new(flag: &'static str, message: impl Into<String>) -> Self {
        Self { flag, message: message.into() }
    }
}

/// Parses a number of things.
pub(crate) fn count(range: RangeInclusive<i64>) -> impl TypedValueParser<Value = usize> {
    clap::value_parser!(u32).range(range).map(|count| usize::try_from(count).unwrap_or(usize::MAX))
}

/// Parses a time in seconds.
pub(crate) fn seconds(range: RangeInclusive<i64>) -> impl TypedValueParser<Value = Duration> {
    clap::value_parser!(u32).range(range).map(|seconds| Duration::from_secs(seconds.into()))
}

/// Returns the configuration without any flag, whatever the variables are.
pub(crate) fn defaults<C: Args>() -> C {
    let command = C::augment_args(Command::new("defaults").no_binary_name(true)).mut_args(|arg| arg.env(None::<&str>));
    let matches = command.try_get_matches_from(None::<&str>);
    matches.and_then(|matches| C::from_arg_matches(&matches)).expect("every flag is optional or has a valid default")
}
