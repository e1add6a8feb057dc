//! The limits of a document.

/// Limits of a document. Every value is the maximum that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of its text.
    pub bytes: usize,
    /// Tokens: names, strings, numbers, punctuation.
    pub tokens: usize,
    /// Depth of nested brackets of any kind.
    pub nesting: usize,
    /// Depth of nested fields. The usual introspection query needs 13 levels.
    pub depth: u32,
    /// Fields and fragments of all operations together, with every fragment expanded.
    pub selections: u32,
    /// Aliases, with every fragment expanded.
    pub aliases: u32,
    /// Directives, with every fragment expanded.
    pub directives: u32,
    /// Root fields of an operation, that is fields of `Query`, `Mutation` or `Subscription`.
    pub roots: u32,
    /// Cost of the selected operation: 1 per field, multiplied by the page length of every list around it.
    pub cost: u64,
    /// Page length of a list without `first` and `last`.
    pub default_page: u32,
    /// Maximum page length of a list.
    pub longest_page: u32,
}

impl Limits {
    /// The default limits. They allow the usual introspection query, and a page of any list.
    pub const DEFAULT: Self = Self {
        bytes: 64 * 1024,
        tokens: 1_500,
        nesting: 48,
        depth: 20,
        selections: 2_000,
        aliases: 30,
        directives: 64,
        roots: 30,
        cost: 50_000,
        default_page: 50,
        longest_page: 200,
    };
}
