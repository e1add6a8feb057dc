//! What the log may hold at most, whatever filter is asked for. The libraries below log what goes through them: at lower
//! levels that is what people write to each other. So of theirs only errors are let through, and the statements that the
//! database is sent, whose values stand apart from them.

use tracing::Level;
use tracing::Metadata;

/// The statements that are sent to the database, with places in place of values.
const STATEMENTS: &str = "sqlx::query";

/// Whether the log may hold this at all.
pub(super) fn lets_through(metadata: &Metadata<'_>) -> bool {
    let most = match metadata.target() {
        target if is_ours(target) => Level::TRACE,
        STATEMENTS => Level::DEBUG,
        _ => Level::ERROR,
    };
    *metadata.level() <= most
}

/// Whether a module of ours says this. The sandbox is among them: what goes through it is made up.
pub(super) fn is_ours(target: &str) -> bool {
    target.split("::").next().is_some_and(|name| name == "chatgraph" || name.starts_with("chatgraph_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_ours_by_its_crate() {
        for (target, ours) in [
            ("chatgraph", true),
            ("chatgraph::http::serve", true),
            ("chatgraph_sandbox::server", true),
            ("chatgraphs", false),
            ("Client/AppState", false),
            ("log", false),
            ("wacore::chatgraph", false),
        ] {
            assert_eq!(is_ours(target), ours, "{target}");
        }
    }
}
