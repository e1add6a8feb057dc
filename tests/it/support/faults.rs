//! Writes and syncs of an SQLite file that fail when a test says so, in the real program: the system's calls fail.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::process::Command;

use tempfile::TempDir;

/// Which calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// Writing: the file system is full.
    Write = 0,
    /// Syncing: the disk has an error.
    Sync = 1,
}

/// The numbers that are shared for a kind of call.
const NUMBERS: u64 = 3;

/// The switch of the faults of one program.
pub(crate) struct Faults {
    folder: TempDir,
    shared: File,
}

impl Faults {
    /// Makes it. The C compiler is the one that the build needs, too.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/faults.c");
        let library = folder.path().join("faults.so");
        let mut cc = Command::new("cc");
        let compiled = cc.args(["-shared", "-fPIC", "-o"]).arg(&library).args([source, "-ldl"]).status();
        assert!(compiled.expect("a C compiler").success());
        let path = folder.path().join("shared");
        let shared = File::options().create_new(true).read(true).write(true).open(path).expect("a file");
        shared.set_len(4096).expect("room");
        Self { folder, shared }
    }

    /// What the program is started with.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let path = |name| self.folder.path().join(name).display().to_string();
        vec![("LD_PRELOAD".into(), path("faults.so")), ("CHATGRAPH_TEST_FAULTS".into(), path("shared"))]
    }

    /// Lets calls fail: `times`, after `skip` that go well.
    pub(crate) fn arm(&self, call: Call, skip: i32, times: i32) {
        self.put(call, 0, skip);
        self.put(call, 2, 0);
        self.put(call, 1, times);
    }

    /// Lets all calls go well again; tells how many failed.
    pub(crate) fn disarm(&self, call: Call) -> i32 {
        self.put(call, 1, 0);
        let mut number = [0; 4];
        self.shared.read_exact_at(&mut number, place(call, 2)).expect("read");
        i32::from_ne_bytes(number)
    }

    fn put(&self, call: Call, which: u64, number: i32) {
        self.shared.write_all_at(&number.to_ne_bytes(), place(call, which)).expect("written");
    }
}

fn place(call: Call, which: u64) -> u64 {
    (call as u64 * NUMBERS + which) * 4
}
