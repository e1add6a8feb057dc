//! A server and a sandbox in a process each, and a client of both.

use std::{
    error::Error,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{client::Client, program::Program};

/// A server without sessions, which is linked to the phones of a sandbox.
pub struct Stage {
    /// The server.
    pub server: Program,
    /// The sandbox.
    pub sandbox: Program,
    /// A client of both.
    pub client: Client,
    /// Address on which the server listens.
    pub address: String,
    /// URL of the sandbox.
    pub sandbox_url: String,
    /// Public key of the sandbox, as it prints it.
    pub sandbox_key: String,
    programs: PathBuf,
    database: String,
    _folder: TempDir,
}

impl Stage {
    /// Starts both: the server on `database`, or on an SQLite file of its own, and without a limit on cost.
    ///
    /// # Errors
    /// If one of the programs is not built or does not become ready.
    pub fn start(database: Option<&str>) -> Result<Self, Box<dyn Error>> {
        let own = std::env::current_exe()?.with_file_name("");
        Self::of(&own, database, &["--rate-limit-cost-per-minute", "0"])
    }

    /// Starts the programs of this folder, the server with these arguments.
    ///
    /// # Errors
    /// When one of the programs is not built or does not become ready.
    pub fn of(programs: &Path, database: Option<&str>, arguments: &[&str]) -> Result<Self, Box<dyn Error>> {
        let program = |name: &str| programs.join(name).display().to_string();
        let folder = tempfile::tempdir()?;
        let file = format!("sqlite:{}", folder.path().join("chatgraph.db").display());
        let database = database.unwrap_or(&file).to_owned();
        let sandbox = ["--json", "--demo", "--quiet"];
        let (sandbox, ready) = Program::start(&program("chatgraph-sandbox"), &sandbox, |line| line["url"].is_string())?;
        let (url, public) = (ready["url"].as_str().ok_or("no url")?, ready["key"].as_str().ok_or("no key")?);
        let key = key(programs, &database, "bench")?;
        let mut serve = vec!["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--database", &database];
        serve.extend(["--sandbox-url", url, "--sandbox-key", public]);
        serve.extend(arguments);
        let (server, ready) =
            Program::start(&program("chatgraph"), &serve, |line| line["fields"]["message"] == "Serving")?;
        let address = ready["fields"]["address"].as_str().ok_or("no address")?.to_owned();
        let client = Client::new(format!("http://{address}/graphql"), key, url.to_owned());
        let (sandbox_url, sandbox_key) = (url.to_owned(), public.to_owned());
        let programs = programs.to_owned();
        Ok(Self { server, sandbox, client, address, sandbox_url, sandbox_key, programs, database, _folder: folder })
    }

    /// A client of another organization.
    ///
    /// # Errors
    /// When no key can be created.
    pub fn another(&self, organization: &str) -> Result<Client, Box<dyn Error>> {
        let key = key(&self.programs, &self.database, organization)?;
        Ok(Client::new(format!("http://{}/graphql", self.address), key, self.sandbox_url.clone()))
    }
}

/// Creates a key of the organization with every permission.
fn key(programs: &Path, database: &str, organization: &str) -> Result<String, Box<dyn Error>> {
    let key = Command::new(programs.join("chatgraph"))
        .args(["key", "create", "--organization", organization, "--permission", "read,send,manage,events"])
        .args(["--database", database])
        .output()?;
    Ok(String::from_utf8(key.stdout)?.trim().to_owned())
}
