//! Text from outside.

/// Removes NUL characters, which PostgreSQL does not allow.
pub(super) fn strip_nul(text: &str) -> String {
    text.replace('\0', "")
}

/// As [`strip_nul`], for optional text.
pub(super) fn strip_nul_if_any(text: Option<&String>) -> Option<String> {
    text.map(|text| strip_nul(text))
}
