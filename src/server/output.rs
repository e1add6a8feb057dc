//! Standard output of commands.

use std::{fmt::Display, io::Write as _};

use super::error::Error;

/// Prints a line.
///
/// # Errors
/// [`Error::Output`], also if the reader has closed the pipe, as `head` does.
pub(super) fn line(text: impl Display) -> Result<(), Error> {
    writeln!(std::io::stdout().lock(), "{text}").map_err(Error::Output)
}
