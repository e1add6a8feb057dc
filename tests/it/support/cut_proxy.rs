//! A proxy to a PostgreSQL server that interrupts a connection at a protocol message, or withholds answers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf},
    sync::watch,
    task::AbortHandle,
};
use tokio_util::task::TaskTracker;

/// Time for the server to process a message before the connection is closed after it.
const ACT: Duration = Duration::from_millis(40);
/// Longer than the limit on idle transactions.
const IDLE: Duration = Duration::from_secs(11);
/// First packet of a client that requests TLS.
const TLS: [u8; 4] = 80_877_103_u32.to_be_bytes();

/// Point at which a connection is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CutPoint {
    /// The message does not reach the server.
    Before,
    /// The message reaches the server, but its answer does not come back.
    Behind,
    /// The message reaches the server, and the connection stays open without answers.
    Silent,
    /// The message reaches the server after it has ended the idle transaction.
    Late,
}

/// The pending interruptions.
#[derive(Default)]
struct Plan {
    /// Number of the message in a writing transaction, counted from its BEGIN; the kind, and the remaining
    /// transactions.
    message: Option<(usize, CutPoint, usize)>,
    /// Words of the next statement that gets no answer.
    words: Option<Vec<u8>>,
    cuts: usize,
    commits_cut: usize,
}

/// A proxy in front of a PostgreSQL server. It stops when it is dropped.
pub(crate) struct Proxy {
    url: String,
    plan: Arc<Mutex<Plan>>,
    task: AbortHandle,
}

impl Proxy {
    /// Starts a proxy to the database at `url`.
    pub(crate) async fn before(url: &str) -> Self {
        let (head, rest) = url.split_once('@').expect("postgres://USER@HOST:PORT/DATABASE");
        let (server, database) = rest.split_once('/').expect("a database");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("{head}@{}/{database}", listener.local_addr().expect("an address"));
        let plan = Arc::<Mutex<Plan>>::default();
        let (server, shared) = (server.to_owned(), Arc::clone(&plan));
        let tasks = TaskTracker::new();
        let connections = tasks.clone();
        let task = tasks.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                connections.spawn(carry(client, server, Arc::clone(&shared)));
            }
        });
        Self { url, plan, task: task.abort_handle() }
    }

    /// Returns the URL for `--database`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Interrupts the next `times` writing transactions at their message with this number.
    pub(crate) fn cut(&self, message: usize, how: CutPoint, times: usize) {
        let mut plan = self.plan.lock().expect("whole");
        (plan.message, plan.cuts, plan.commits_cut) = (Some((message, how, times)), 0, 0);
    }

    /// Withholds the answer to the next statement with these words.
    pub(crate) fn withhold_answer(&self, words: &str) {
        self.plan.lock().expect("whole").words = Some(words.as_bytes().to_vec());
    }

    /// Returns true once that statement has arrived.
    pub(crate) fn is_answer_withheld(&self) -> bool {
        self.plan.lock().expect("whole").words.is_none()
    }

    /// Ends all interruptions; returns their number so far, and the number of those at a COMMIT.
    pub(crate) fn stop_cutting(&self) -> (usize, usize) {
        let mut plan = self.plan.lock().expect("whole");
        plan.message = None;
        (plan.cuts, plan.commits_cut)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(client: TcpStream, server: TcpStream, plan: Arc<Mutex<Plan>>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (silent, mut is_silent) = watch::channel(false);
    let back = TaskTracker::new().spawn(async move {
        let mut some = vec![0; 65_536];
        while let Ok(read @ 1..) = from_server.read(&mut some).await {
            if !*is_silent.borrow_and_update() && to_client.write_all(&some[..read]).await.is_err() {
                return;
            }
        }
    });
    let mut transaction = None;
    let mut statements = HashMap::new();
    let mut begun = false;
    while let Some(message) = read(&mut from_client, begun).await {
        begun |= !begun && message.get(4..8) != Some(&TLS);
        let cut = plan.lock().expect("whole").meet(&message, &mut transaction, &mut statements);
        match cut {
            None if *silent.borrow() => {}
            None => {
                if to_server.write_all(&message).await.is_err() {
                    break;
                }
            }
            Some(CutPoint::Before) => break,
            Some(CutPoint::Late) => {
                tokio::time::sleep(IDLE).await;
                if to_server.write_all(&message).await.is_err() {
                    break;
                }
            }
            Some(CutPoint::Behind) => {
                silent.send_replace(true);
                let _ = to_server.write_all(&message).await;
                tokio::time::sleep(ACT).await;
                break;
            }
            Some(CutPoint::Silent) => {
                silent.send_replace(true);
                let _ = to_server.write_all(&message).await;
            }
        }
    }
    back.abort();
}

/// Reads the next message of a client; the first ones have no type byte.
async fn read(from: &mut OwnedReadHalf, typed: bool) -> Option<Vec<u8>> {
    let head = if typed { 5 } else { 4 };
    let mut message = vec![0; head];
    from.read_exact(&mut message).await.ok()?;
    let length = u32::from_be_bytes(message[head - 4..].try_into().expect("four bytes")) as usize;
    message.resize(head - 4 + length, 0);
    from.read_exact(&mut message[head..]).await.ok()?;
    Some(message)
}

impl Plan {
    /// Returns the interruption for a message. `transaction` counts messages since BEGIN, `statements` has the prepared
    /// ones.
    fn meet(
        &mut self,
        message: &[u8],
        transaction: &mut Option<usize>,
        statements: &mut HashMap<Vec<u8>, Vec<u8>>,
    ) -> Option<CutPoint> {
        let contains = |within: &[u8], words: &[u8]| within.windows(words.len()).any(|part| part == words);
        let mut strings = message.get(5..).unwrap_or_default().split(|byte| *byte == 0);
        match message[0] {
            b'P' => {
                let (name, text) = (strings.next().unwrap_or_default(), strings.next().unwrap_or_default());
                statements.insert(name.to_vec(), text.to_vec());
            }
            b'B' => {
                let statement = strings.nth(1).unwrap_or_default();
                let text = statements.get(statement).map(Vec::as_slice).unwrap_or_default();
                if self.words.as_ref().is_some_and(|words| contains(text, words)) {
                    self.words = None;
                    return Some(CutPoint::Silent);
                }
            }
            _ => {}
        }
        let is = |words: &[u8]| message[0] == b'Q' && message.get(5..).is_some_and(|text| text.starts_with(words));
        let number = match transaction {
            None if is(b"BEGIN") => 0,
            None => return None,
            Some(number) => *number + 1,
        };
        *transaction = Some(number);
        let ends = is(b"COMMIT");
        if ends {
            *transaction = None;
        }
        let (place, how, times) = self.message.as_mut()?;
        if *place != number || *times == 0 {
            return None;
        }
        *times -= 1;
        self.cuts += 1;
        self.commits_cut += usize::from(ends);
        Some(*how)
    }
}
