//! Master keys in a file, and the secrets in a database.

use std::{path::PathBuf, process::Command, sync::Arc};

use chatgraph::{
    clock::SystemClock,
    domain::id::SessionId,
    store::{MasterKeys, Store, whatsapp_device::RecordKind},
};
use sea_orm::{ConnectionTrait as _, Database, Statement};
use serde_json::json;
use tempfile::TempDir;
use tokio_util::task::TaskTracker;

use crate::support::{RAVI, SESSION_STATUS_REASON, TestServer, postgres, program, wait_for};

/// Number of one-time keys to search for.
const SOME: usize = 8;

/// Creates a key as an operator does.
pub(crate) fn new_key() -> String {
    let made = Command::new(env!("CARGO_BIN_EXE_chatgraph")).args(["master-key", "new"]).output().expect("runs");
    String::from_utf8(made.stdout).expect("text").trim().to_owned()
}

/// Returns the id of the first key.
pub(crate) fn id_of(keys: &str) -> String {
    keys.parse::<MasterKeys>().expect("keys").encryption_key().expect("a current key").to_string()
}

/// A file with master keys.
pub(crate) struct KeyFile {
    _folder: TempDir,
    path: PathBuf,
}

impl KeyFile {
    pub(crate) fn of(keys: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = Self { path: folder.path().join("keys"), _folder: folder };
        file.write(keys);
        file
    }

    pub(crate) fn write(&self, keys: &str) {
        std::fs::write(&self.path, keys).expect("written");
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(&self.path).expect("read")
    }

    pub(crate) fn arguments(&self) -> [&str; 2] {
        ["--master-key-file", self.path.to_str().expect("text")]
    }
}

impl TestServer {
    /// Returns a command of the program on the server's database.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        program(self.database(), arguments)
    }

    /// Makes the phone receive a message, and waits until it is stored.
    pub(crate) async fn receives(&self, text: &str) {
        self.phone().receive("15550112", RAVI, text).await.expect("sent");
        wait_for(text, async || (self.chat(RAVI).await["lastMessage"]["text"] == text).then_some(())).await;
        self.assert_in_sync().await;
    }

    /// Encrypts all secrets with the current key again, and expects success.
    pub(crate) fn rotates(&self, file: &KeyFile) {
        let rotated = self.command(&[&["master-key", "rotate"], &file.arguments()[..]].concat());
        let told = String::from_utf8_lossy(&rotated.stdout).into_owned() + &String::from_utf8_lossy(&rotated.stderr);
        assert!(rotated.status.success() && told.contains("All secrets use this key"), "{told}");
    }

    /// Returns the number of secrets under each key, as lines.
    pub(crate) fn counts(&self) -> Vec<String> {
        let status = self.command(&["master-key", "status"]);
        String::from_utf8(status.stdout).expect("text").lines().map(str::to_owned).collect()
    }

    /// Waits until the session has failed permanently, and returns the reason.
    pub(crate) async fn fails(&self, session: &str) -> String {
        wait_for("the session to fail", async || {
            let answer = self.query_with(SESSION_STATUS_REASON, json!({"id": session})).await;
            let session = &answer["data"]["session"];
            let failed = session["status"] == "FAILED";
            failed.then(|| session["statusReason"].as_str().expect("a reason").to_owned())
        })
        .await
    }

    /// Copies a value of a kind from one session to another, directly in the database.
    pub(crate) async fn put_value_of(&self, from: &str, to: &str, kind: i16) {
        let [from, to] = [from, to].map(|session| {
            let id = session.parse::<SessionId>().expect("an id");
            let digits = format!("{:032x}", u128::from_be_bytes(id.bytes()));
            if postgres().is_some() { format!("'\\x{digits}'::bytea") } else { format!("x'{digits}'") }
        });
        let value = format!("SELECT value FROM device_record WHERE kind = {kind} AND session_id = {from}");
        self.execute(&format!("UPDATE device_record SET value = ({value}) WHERE kind = {kind} AND session_id = {to}"))
            .await;
    }

    /// Returns private keys of the session, decrypted with the master keys: the device's own, and one-time keys.
    pub(crate) async fn secrets(&self, keys: &str) -> Vec<Vec<u8>> {
        let keys = if keys.is_empty() { MasterKeys::default() } else { keys.parse().expect("keys") };
        let database = self.database().url().parse().expect("a database");
        let store =
            Store::open_sealed(&database, &keys, Arc::new(SystemClock), &TaskTracker::new()).await.expect("opens");
        let organization = "org_1".parse().expect("an id");
        let state = store.device_state(&organization, self.session.parse().expect("an id"));
        let device = state.record(RecordKind::Device, &[]).await.expect("opens").expect("a device");
        let device = String::from_utf8(device).expect("JSON");
        let (_, pair) = device.split_once("\"noise_key\":[").expect("a pair of keys");
        // The private key comes first; 32 characters of its digits stand for about ten bytes.
        let mut secrets = vec![pair.as_bytes()[..32].to_vec()];
        let prekeys = state.all_records(RecordKind::PreKey).await.expect("open");
        // A one-time key ends with its private half.
        secrets.extend(prekeys.iter().take(SOME).map(|(_, key)| key[key.len() - 32..].to_vec()));
        assert_eq!(secrets.len(), SOME + 1);
        secrets
    }

    /// Returns how many of these are in the database: in the file's bytes, or in the tables on PostgreSQL.
    pub(crate) async fn found(&self, secrets: &[Vec<u8>]) -> usize {
        let bytes = if postgres().is_some() { self.tables().await } else { self.files() };
        assert!(bytes.len() > 50_000, "{} bytes prove nothing", bytes.len());
        let found = |secret: &Vec<u8>| {
            let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == secret[0]);
            starts.into_iter().any(|(at, _)| bytes[at..].starts_with(secret))
        };
        secrets.iter().filter(|secret| found(secret)).count()
    }

    fn files(&self) -> Vec<u8> {
        let file = self.database().url().strip_prefix("sqlite:").expect("an SQLite file").to_owned();
        let read = |rest| std::fs::read(format!("{file}{rest}")).unwrap_or_default();
        [read(""), read("-wal")].concat()
    }

    async fn tables(&self) -> Vec<u8> {
        let database = Database::connect(self.database().url()).await.expect("a connection");
        let all = async |query: String| {
            let query = Statement::from_string(database.get_database_backend(), query);
            database.query_all_raw(query).await.expect("a read")
        };
        let columns = "SELECT table_name::text, column_name::text FROM information_schema.columns \
                       WHERE table_schema = 'public' AND data_type = 'bytea'";
        let mut bytes = Vec::new();
        for column in all(columns.to_owned()).await {
            let (table, column): (String, String) =
                (column.try_get_by_index(0).expect("text"), column.try_get_by_index(1).expect("text"));
            for row in all(format!("SELECT \"{column}\" FROM \"{table}\" WHERE \"{column}\" IS NOT NULL")).await {
                bytes.extend(row.try_get_by_index::<Vec<u8>>(0).expect("bytes"));
            }
        }
        bytes
    }
}
