//! Standard output of commands that list something.

use std::fmt::Display;
use std::io::Write as _;

use super::run::Error;

/// Prints a line.
///
/// # Errors
/// [`Error::Output`], also if nothing reads the output any more, as `head` does after some lines.
pub(super) fn line(text: impl Display) -> Result<(), Error> {
    writeln!(std::io::stdout().lock(), "{text}").map_err(Error::Output)
}
