//! The limit on open files. Sessions, the database and the monitoring listener need a fixed number; client connections
//! get the rest.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{info, warn};

use crate::{http::ConnectionConfig, store};

/// Open files that are not counted individually: the program itself, key sets, traces, connections being closed.
const RESERVED_FILES: usize = 128;
/// Minimum of the connection limit.
const MIN_CONNECTIONS: usize = 16;

/// Raises the process's soft limit to the hard limit and returns it; `None` if there is no limit.
pub(super) fn raise_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            warn!(error = %error, "Raising the limit on open files failed");
        }
    }
    getrlimit(Resource::Nofile).current
}

/// Lowers the connection limit to the open files that remain after `others`.
pub(super) fn limit_connections(connections: &mut ConnectionConfig, limit: Option<u64>, others: usize) {
    let wanted = connections.connections;
    connections.connections = wanted.min(max_connections(limit, others));
    let max_connections = connections.connections;
    if max_connections < wanted {
        warn!(
            open_files = limit,
            max_connections,
            "The limit on open files is too low for --max-connections, which was lowered; raise LimitNOFILE or ulimit -n"
        );
    } else {
        info!(open_files = limit, max_connections, "The limit on open files is high enough");
    }
}

/// Returns the open files that a database needs.
pub(super) fn of_database(config: &store::Config) -> usize {
    let connections = match config {
        // The connections of SQLite are part of the reserve.
        store::Config::Sqlite(_) => 0,
        store::Config::Postgres(server) => server.readers.saturating_add(server.writers),
    };
    usize::try_from(connections).unwrap_or(usize::MAX)
}

fn max_connections(limit: Option<u64>, others: usize) -> usize {
    let Some(limit) = limit else { return usize::MAX };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    limit.saturating_sub(RESERVED_FILES).saturating_sub(others).max(MIN_CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_get_what_is_left() {
        assert_eq!(max_connections(None, 1_000), usize::MAX);
        assert_eq!(max_connections(Some(20_000), 1_100), 20_000 - 128 - 1_100);
        assert_eq!(max_connections(Some(1_024), 2_000), 16);
    }

    #[test]
    fn the_limit_is_only_lowered() {
        let mut connections = ConnectionConfig::default();
        limit_connections(&mut connections, Some(20_000), 0);
        assert_eq!(connections.connections, 10_000);
        limit_connections(&mut connections, Some(1_024), 100);
        assert_eq!(connections.connections, 796);
    }
}
