//! Validation rules for single values.

use std::{collections::HashSet, ops::RangeInclusive};

use crate::spec::SpecError;

/// Result of a rule.
pub(super) type Checked = Result<(), SpecError>;

pub(super) fn require_phone(value: &str, field: &str) -> Checked {
    if is_digits(value, 7..=15) {
        Ok(())
    } else {
        problem(field, format!("must be 7 to 15 digits without +, not {value:?}"))
    }
}

pub(super) fn require_lid(value: &str, field: &str) -> Checked {
    if is_digits(value, 15..=15) {
        Ok(())
    } else {
        problem(field, format!("the user of a LID is 15 digits, not {value:?}"))
    }
}

pub(super) fn require_group_jid(jid: &str, field: &str) -> Checked {
    let user = jid.strip_suffix("@g.us").unwrap_or_default();
    // Groups from before 2021 have their creator's number and a time of creation.
    let valid = match user.split_once('-') {
        Some((creator, created)) => is_digits(creator, 7..=15) && is_digits(created, 1..=15),
        None => is_digits(user, 5..=20),
    };
    if valid { Ok(()) } else { problem(field, format!("must be the JID of a group, digits@g.us, not {jid:?}")) }
}

pub(super) fn require_elsewhere(jid: &str, field: &str) -> Checked {
    let user = jid.split('@').next().unwrap_or_default();
    let valid = (1..=64).contains(&user.len()) && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if valid { Ok(()) } else { problem(field, format!("the user is 1 to 64 letters, digits or -, not {user:?}")) }
}

fn is_digits(value: &str, length: RangeInclusive<usize>) -> bool {
    length.contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn require_text(value: &str, field: &str) -> Checked {
    if value.trim().is_empty() { problem(field, "must not be empty") } else { Ok(()) }
}

pub(super) fn require_new<'a>(seen: &mut HashSet<&'a str>, value: &'a str, field: &str) -> Checked {
    if seen.insert(value) { Ok(()) } else { problem(field, format!("{value} occurs twice")) }
}

pub(super) fn problem<T>(field: &str, problem: impl Into<String>) -> Result<T, SpecError> {
    Err(error(field, problem))
}

pub(super) fn error(field: &str, problem: impl Into<String>) -> SpecError {
    SpecError { field: field.to_owned(), problem: problem.into() }
}
