//! A server and a sandbox in a process each, and a client of both.

use std::error::Error;
use std::process::Command;

use tempfile::TempDir;

use crate::client::Client;
use crate::program::Program;

/// A server without sessions, which is linked to the phones of a sandbox.
pub struct Stage {
    /// The server.
    pub server: Program,
    /// The sandbox.
    pub sandbox: Program,
    /// Client of both.
    pub client: Client,
    _folder: TempDir,
}

impl Stage {
    /// Starts both: the server on `database`, or on an SQLite file of its own.
    ///
    /// # Errors
    /// If one of the programs is not built or does not become ready.
    pub fn start(database: Option<&str>) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let file = format!("sqlite:{}", folder.path().join("chatgraph.db").display());
        let database = database.unwrap_or(&file);
        let sandbox = ["--json", "--demo", "--quiet"];
        let (sandbox, ready) = Program::start("chatgraph-sandbox", &sandbox, |line| line["url"].is_string())?;
        let (url, public) = (ready["url"].as_str().ok_or("no url")?, ready["key"].as_str().ok_or("no key")?);
        let key = Command::new(std::env::current_exe()?.with_file_name("chatgraph"))
            .args(["key", "create", "--organization", "bench", "--permission", "read,send,manage,events"])
            .args(["--database", database])
            .output()?;
        let key = String::from_utf8(key.stdout)?.trim().to_owned();
        let serve = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--log-format",
            "json",
            "--database",
            database,
            "--sandbox-url",
            url,
            "--sandbox-key",
            public,
            "--rate-limit-cost-per-minute",
            "0",
        ];
        let (server, ready) = Program::start("chatgraph", &serve, |line| line["fields"]["message"] == "Serving")?;
        let address = ready["fields"]["address"].as_str().ok_or("no address")?;
        let client = Client::new(format!("http://{address}/graphql"), key, url.to_owned());
        Ok(Self { server, sandbox, client, _folder: folder })
    }
}
