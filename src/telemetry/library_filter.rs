//! Upper limit of the log level, regardless of the filter. At lower levels, dependencies log the data that they
//! process, such as message texts. Therefore only their errors are logged, and the SQL statements of the database
//! driver, which have placeholders instead of values.

use tracing::{Level, Metadata};

/// Target of SQL statements, with placeholders instead of values.
const STATEMENT_TARGET: &str = "sqlx::query";

/// Returns whether an event may be logged.
pub(super) fn is_enabled(metadata: &Metadata<'_>) -> bool {
    let most = match metadata.target() {
        target if is_ours(target) => Level::TRACE,
        STATEMENT_TARGET => Level::DEBUG,
        _ => Level::ERROR,
    };
    *metadata.level() <= most
}

/// Returns whether a target belongs to this project. The sandbox does, because its data is fictional.
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
