//! Parsing of a database URL. Errors do not repeat the URL, which may contain a password.

use std::str::FromStr;

use sea_orm::sqlx::postgres::PgConnectOptions;

use super::{Config, Postgres};

/// Allowed parameters of a PostgreSQL URL.
const PARAMETERS: [&str; 12] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// Reason why a text is not a database URL, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It is neither of the two kinds.
    #[error("must be sqlite:PATH, such as sqlite:chatgraph.db, or postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Kind,
    /// There is no file, or SQLite's name of an in-memory database.
    #[error("names no file; expected sqlite:PATH, such as sqlite:chatgraph.db")]
    NoFile,
    /// There is a question mark in the path.
    #[error("has a ? in its path; the path is literal and cannot contain ?, and the only parameter is ?mode=rwc")]
    QuestionMark,
    /// It is not a valid URL.
    #[error("is not a valid URL: {0}; in user names and passwords, escape @ : / ? # as %40 %3A %2F %3F %23")]
    NoUrl(String),
    /// There is no database name.
    #[error("names no database; expected postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    NoDatabase,
    /// There is an unknown parameter.
    #[error("has an unknown parameter after the ?; expected one of {}", PARAMETERS.join(", "))]
    Parameter,
}

impl FromStr for Config {
    type Err = UrlError;

    /// Parses `sqlite:PATH`, and `postgres://…` or `postgresql://…` as in libpq. The path is literal: `%` and `file:`
    /// are part of it. `sqlite://PATH`, and `?mode=rwc` or `?mode=rw` after it, are accepted for other tools and have
    /// no effect.
    fn from_str(url: &str) -> Result<Self, UrlError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return sqlite(path);
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return postgres(url);
        }
        Err(UrlError::Kind)
    }
}

fn sqlite(path: &str) -> Result<Config, UrlError> {
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = ["?mode=rwc", "?mode=rw"].iter().find_map(|mode| path.strip_suffix(mode)).unwrap_or(path);
    if path.contains('?') {
        return Err(UrlError::QuestionMark);
    }
    if path.is_empty() || path == ":memory:" { Err(UrlError::NoFile) } else { Ok(Config::Sqlite(path.into())) }
}

fn postgres(url: &str) -> Result<Config, UrlError> {
    if url.contains('#') {
        return Err(UrlError::NoUrl("it contains a #".into()));
    }
    // sqlx would log an unknown parameter together with its value.
    let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters);
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        let name = parameter.split_once('=').map_or(parameter, |(name, _)| name);
        if !PARAMETERS.contains(&name) {
            return Err(UrlError::Parameter);
        }
    }
    let options: PgConnectOptions = url.parse().map_err(|error| UrlError::NoUrl(cause(&error)))?;
    match options.get_database() {
        None => return Err(UrlError::NoDatabase),
        // A `/` in a password has split it, and the rest would be printed as the database's name.
        Some(name) if name.contains(['/', '@']) => {
            return Err(UrlError::NoUrl("its database name contains / or @".into()));
        }
        Some(_) => {}
    }
    Ok(Config::Postgres(Postgres::at(url.to_owned())))
}

/// Returns the cause, without the prefix "error with configuration".
fn cause(error: &sea_orm::SqlxError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Config, UrlError> {
        url.parse()
    }

    #[test]
    fn a_server_is_named_as_libpq_names_it() {
        for url in [
            "postgres://chatgraph@localhost/chats",
            "postgresql://chatgraph:secret@10.0.0.1:5433/chats",
            "postgres://u:p%40ss@[::1]/chats?sslmode=require&application_name=x",
            "postgres:///chats?host=/var/run/postgresql",
            "postgres://localhost?dbname=chats",
        ] {
            assert!(matches!(read(url), Ok(Config::Postgres(_))), "{url}");
        }
        assert_eq!(read("postgres://localhost"), Err(UrlError::NoDatabase));
        assert_eq!(read("postgres://localhost/chats?sslmod=require"), Err(UrlError::Parameter));
        assert!(matches!(read("postgres://u:p@localhost:x/chats"), Err(UrlError::NoUrl(_))));
        assert!(matches!(read("postgres://localhost/chats?sslmode=maybe"), Err(UrlError::NoUrl(_))));
        for url in ["", "chats.db", "mysql://localhost/chats", "postgres:chats"] {
            assert_eq!(read(url), Err(UrlError::Kind), "{url}");
        }
    }

    #[test]
    fn the_path_of_a_file_is_taken_literally() {
        for (url, path) in [
            ("sqlite:chats.db", "chats.db"),
            ("sqlite:/srv/chats.db", "/srv/chats.db"),
            ("sqlite://chats.db", "chats.db"),
            ("sqlite:///srv/chats.db", "/srv/chats.db"),
            ("sqlite:chats.db?mode=rwc", "chats.db"),
            ("sqlite:file:chats.db", "file:chats.db"),
            ("sqlite:a%20b #1.db", "a%20b #1.db"),
            ("sqlite:-x.db", "-x.db"),
            ("sqlite:übung 🙂.db", "übung 🙂.db"),
        ] {
            assert_eq!(read(url), Ok(Config::Sqlite(path.into())), "{url}");
        }
        for url in ["sqlite:", "sqlite://", "sqlite::memory:", "sqlite:?mode=rwc"] {
            assert_eq!(read(url), Err(UrlError::NoFile), "{url}");
        }
        for url in
            ["sqlite:a?b.db", "sqlite:a.db?mode=ro", "sqlite:a.db?mode=memory", "sqlite:a.db?", "sqlite:a?mode=rw?"]
        {
            assert_eq!(read(url), Err(UrlError::QuestionMark), "{url}");
        }
    }

    #[test]
    fn no_error_and_no_log_line_shows_a_password() {
        for url in [
            "postgres://u:hunter2@localhost/chats",
            "postgres://u:hunter2@localhost:x/chats",
            "postgres://u:hun/ter2@localhost/chats",
            "postgres://u:12/ter2@localhost/chats",
            "postgres://u:ter2#ter2@localhost/chats",
            "postgres://u:hun?ter2@localhost/chats",
            "postgres://localhost/chats?passwort=hunter2",
            "postgres://localhost/chats?password=hunter2",
            "postgres://u:hunter2@localhost",
        ] {
            let shown = match read(url) {
                Ok(config) => format!("{config:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            assert!(!shown.contains("ter2"), "{url}: {shown}");
        }
    }
}
