//! Text from outside.

/// Removes NUL characters, which PostgreSQL does not allow.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "")
}

/// As [`storable`], for optional text.
pub(super) fn storable_if_any(text: Option<&String>) -> Option<String> {
    text.map(|text| storable(text))
}
