//! Injected failures of writes and syncs of an SQLite file in the real program: the system calls fail.

use std::{fs::File, os::unix::fs::FileExt as _, process::Command};

use tempfile::TempDir;

/// Kind of call that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// A write: the file system is full.
    Write = 0,
    /// A sync: the disk reports an I/O error.
    Sync = 1,
}

/// Number of shared integers for each kind of call.
const NUMBERS: u64 = 3;

/// Control of the injected failures in one program.
pub(crate) struct Faults {
    folder: TempDir,
    shared: File,
}

impl Faults {
    /// Compiles the preloaded library with the C compiler, which the build needs anyway.
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

    /// Returns the environment variables for the program.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let path = |name| self.folder.path().join(name).display().to_string();
        vec![("LD_PRELOAD".into(), path("faults.so")), ("CHATGRAPH_TEST_FAULTS".into(), path("shared"))]
    }

    /// Makes calls fail: `times` calls, after `skip` successful ones.
    pub(crate) fn arm(&self, call: Call, skip: i32, times: i32) {
        self.put(call, 0, skip);
        self.put(call, 2, 0);
        self.put(call, 1, times);
    }

    /// Makes all calls succeed again; returns the number of failed ones.
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
