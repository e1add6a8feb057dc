//! Text from outside.

/// Text as both databases keep it: PostgreSQL takes no NUL character, and nobody misses one.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "")
}

/// As [`storable`], where there may be none.
pub(super) fn storable_if_any(text: Option<&String>) -> Option<String> {
    text.map(|text| storable(text))
}
