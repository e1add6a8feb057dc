//! The limit on open files. Connections of clients are the many ones, so they get what is left of it when everything else
//! has its share: sessions, the database, and those who watch the server.

use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::process::getrlimit;
use rustix::process::setrlimit;
use tracing::info;
use tracing::warn;

use crate::http::Connections;
use crate::store;

/// Open files for everything that is not counted: the program itself, key sets, traces, connections that end.
const RESERVE: usize = 128;
/// Connections that there may be in any case.
const MIN_CONNECTIONS: usize = 16;

/// Raises the process's soft limit to its hard one; `None` if there is no limit.
pub(super) fn raise_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            warn!(error = %error, "The limit on open files cannot be raised");
        }
    }
    getrlimit(Resource::Nofile).current
}

/// Lowers the connection limit to what the limit on open files leaves besides `others`.
pub(super) fn limit_connections(connections: &mut Connections, limit: Option<u64>, others: usize) {
    let wanted = connections.connections;
    connections.connections = wanted.min(max_connections(limit, others));
    let max_connections = connections.connections;
    if max_connections < wanted {
        warn!(
            open_files = limit,
            max_connections,
            "The limit on open files is too low for --max-connections, which is lowered; raise LimitNOFILE or ulimit -n"
        );
    } else {
        info!(open_files = limit, max_connections, "The limit on open files is high enough");
    }
}

/// The open files of a database's connections.
pub(super) fn of_database(config: &store::Config) -> usize {
    let connections = match config {
        // Some readers, a writer, and the companions of the file: all in the reserve.
        store::Config::Sqlite(_) => 0,
        store::Config::Postgres(server) => server.readers.saturating_add(server.writers),
    };
    usize::try_from(connections).unwrap_or(usize::MAX)
}

fn max_connections(limit: Option<u64>, others: usize) -> usize {
    let Some(limit) = limit else { return usize::MAX };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    limit.saturating_sub(RESERVE).saturating_sub(others).max(MIN_CONNECTIONS)
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
        let mut connections = Connections::default();
        limit_connections(&mut connections, Some(20_000), 0);
        assert_eq!(connections.connections, 10_000);
        limit_connections(&mut connections, Some(1_024), 100);
        assert_eq!(connections.connections, 796);
    }
}
