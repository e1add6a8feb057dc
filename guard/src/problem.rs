//! Reasons why a request is invalid, each in one line and with its position in the document.

use std::{collections::HashSet, fmt};

use apollo_compiler::{
    ExecutableDocument,
    diagnostic::ToCliReport as _,
    parser::{SourceMap, SourceSpan},
    validation::DiagnosticList,
};
use async_graphql_parser::Pos;

use crate::arguments;

/// Maximum number of problems in one response.
pub(crate) const MAX_PROBLEMS: usize = 10;

/// Maximum length of a message in characters, since some messages quote the document.
const MAX_MESSAGE_LEN: usize = 300;

/// One reason why a request is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The reason, in one line.
    pub message: String,
    /// The position in the document, if it has one.
    pub at: Option<Pos>,
    /// The argument or input field, if it is about one.
    pub field: Option<String>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: one_line(&message.into()), at: None, field: None }
    }

    pub(crate) fn at(self, at: Option<Pos>) -> Self {
        Self { at, ..self }
    }

    pub(crate) fn field(self, field: Option<&str>) -> Self {
        Self { field: field.map(str::to_owned), ..self }
    }
}

/// The reason why an operation is not executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// The document exceeds [`Limits`](crate::Limits).
    Limit(String),
    /// The document or the variables are invalid, for at least one reason.
    Invalid(Vec<Problem>),
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(message) => f.write_str(message),
            Self::Invalid(problems) => f.write_str(problems.first().map_or("invalid", |problem| &problem.message)),
        }
    }
}

impl std::error::Error for Rejection {}

impl From<Problem> for Rejection {
    fn from(problem: Problem) -> Self {
        Self::Invalid(vec![problem])
    }
}

/// The line and column of a byte of `text`.
pub(crate) fn position(text: &str, byte: usize) -> Option<Pos> {
    let before = text.get(..byte.min(text.len()))?;
    let line = before.rsplit('\n').next().unwrap_or(before);
    Some(Pos { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 })
}

/// The line and column of a node of a document.
pub(crate) fn pos(span: Option<SourceSpan>, sources: &SourceMap) -> Option<Pos> {
    let at = span?.line_column(sources)?;
    Some(Pos { line: at.line, column: at.column })
}

/// The first syntax error. The others are consequences of the parser's error recovery.
pub(crate) fn syntax(diagnostics: &DiagnosticList) -> Problem {
    let first = diagnostics.iter().next();
    let problem = first.map(|diagnostic| {
        let message = diagnostic.error.to_string().replacen("syntax error", "Syntax error", 1);
        Problem::new(message).at(pos(diagnostic.error.location(), diagnostic.sources))
    });
    problem.unwrap_or_else(|| Problem::new("Syntax error"))
}

/// Converts the validator's diagnostics to problems, one for each position. `document` shows which argument each of
/// them is about.
pub(crate) fn problems(diagnostics: &DiagnosticList, document: &ExecutableDocument) -> Vec<Problem> {
    let mut seen = HashSet::new();
    let placed = diagnostics.iter().filter(|diagnostic| {
        let place = diagnostic.error.location();
        place.is_none_or(|place| seen.insert(place))
    });
    let problems = placed.take(MAX_PROBLEMS).map(|diagnostic| {
        let message = diagnostic.error.unstable_compat_message().unwrap_or_else(|| diagnostic.error.to_string());
        // The suggestion would disclose part of the schema.
        let message = message.split(" Did you mean ").next().unwrap_or_default();
        let span = diagnostic.error.location();
        let field = named(message).or_else(|| arguments::around(document, span?)).map(str::to_owned);
        Problem { field, ..Problem::new(message).at(pos(span, diagnostic.sources)) }
    });
    problems.collect()
}

fn one_line(message: &str) -> String {
    let mut line: String = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(MAX_MESSAGE_LEN) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// The argument or input field that a message names. A missing or unknown one has no position of its own.
fn named(message: &str) -> Option<&str> {
    let quoted = |start: &str| message.split_once(start)?.1.split_once('"').map(|(name, _)| name);
    if message.contains("required type") && message.starts_with("Field \"") {
        return quoted("Field \"")?.rsplit('.').next();
    }
    if message.contains("is not defined by type") && message.starts_with("Field \"") {
        return quoted("Field \"");
    }
    quoted("Unknown argument \"").or_else(|| quoted("\" argument \""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_and_has_an_end() {
        assert_eq!(Problem::new("a\n  b\r\tc").message, "a b c");
        assert_eq!(Problem::new("é".repeat(1_000)).message.chars().count(), MAX_MESSAGE_LEN + 1);
    }

    #[test]
    fn a_position_is_given_by_line_and_character() {
        let place = |byte| position("a\nbé d", byte);
        assert_eq!(place(0), Some(Pos { line: 1, column: 1 }));
        assert_eq!(place(5), Some(Pos { line: 2, column: 3 }));
        assert_eq!(place(99), Some(Pos { line: 2, column: 5 }));
        assert_eq!(place(4), None, "in the middle of a character");
    }

    #[test]
    fn a_missing_or_unknown_argument_is_named_by_the_message() {
        for (message, name) in [
            (r#"Unknown argument "x" on field "Query.book"."#, Some("x")),
            (r#"Field "book" argument "isbn" of type "ISBN!" is required, but it was not provided."#, Some("isbn")),
            (r#"Field "UpdateBookInput.isbn" of required type "ISBN!" was not provided."#, Some("isbn")),
            (r#"Field "x" is not defined by type "UpdateBookInput"."#, Some("x")),
            (r#"Cannot query field "x" on type "Query"."#, None),
            ("", None),
        ] {
            assert_eq!(named(message), name, "{message}");
        }
    }
}
