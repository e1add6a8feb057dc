//! Time limits of statements.

use std::time::Duration;

/// Time limit for counting a list: enough for a few hundred thousand chats, and short enough to wait for.
pub(super) const COUNT_TIMEOUT: Duration = Duration::from_secs(1);

/// Time limit of a read, and of its wait in the queue.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Additional time for the answer beyond the database's own time limit.
pub(super) const ANSWER_GRACE: Duration = Duration::from_secs(5);

/// Time limit of a statement if the database has none, as on SQLite.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_mins(1);
