//! The sandbox as a program: a WhatsApp server with phones on loopback, scripted over HTTP.

use std::{
    io::{self, IsTerminal as _, Write as _},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use chatgraph_sandbox::{Config, Error, Phone, Sandbox, demo};
use clap::{Parser, builder::FalseyValueParser};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// A WhatsApp server with phones, for running a real client against.
///
/// One port serves everything: the WhatsApp protocol at /ws/chat, and a JSON interface with which a script
/// creates accounts, scans pairing codes, archives chats on the phone and lets contacts write. GET / lists its
/// routes. It runs until Ctrl-C (or SIGTERM) and forgets everything then, unless it is given a folder.
///
/// It has no security of its own: whoever reaches the port can be any phone. It listens on loopback only.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The loopback address to listen on; port 0 takes a free one.
    #[arg(long, env = "CHATGRAPH_SANDBOX_LISTEN", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// The text the server's key and its root key are made from. Clients trust these, so keep the text and they keep
    /// their trust.
    #[arg(long, env = "CHATGRAPH_SANDBOX_SECRET", default_value = "sandbox", hide_env_values = true)]
    secret: String,

    /// The folder to keep the accounts in. A later sandbox on it goes on where this one ended, however it ended.
    /// Clients find it again under the same address and secret.
    #[arg(long, env = "CHATGRAPH_SANDBOX_DATA", value_name = "DIR")]
    data: Option<PathBuf>,

    /// Creates the demo account, a café owner's phone with some forty chats, in which something happens every
    /// few seconds.
    #[arg(long, env = "CHATGRAPH_SANDBOX_DEMO", value_parser = FalseyValueParser::new())]
    demo: bool,

    /// Leaves the demo account in peace: nothing happens unless a script does it.
    #[arg(long, env = "CHATGRAPH_SANDBOX_QUIET", value_parser = FalseyValueParser::new())]
    quiet: bool,

    /// Prints one line of JSON with `url`, `key`, `root` and `phone` (the demo account's number, or null) instead of text.
    #[arg(long, env = "CHATGRAPH_SANDBOX_JSON", value_parser = FalseyValueParser::new())]
    json: bool,

    /// What is logged to standard error, such as `debug` or `chatgraph_sandbox=trace`.
    #[arg(long, env = "CHATGRAPH_SANDBOX_LOG", default_value = "info")]
    log: EnvFilter,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chatgraph-sandbox: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt()
        .with_env_filter(options.log)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    let ending = ending()?;
    let sandbox = Sandbox::start(Config { listen: options.listen, secret: options.secret, data: options.data }).await?;
    let phone = if options.demo { Some(demo_account(&sandbox)?) } else { None };
    announce(&sandbox, phone.as_ref(), options.json)?;
    let stop = CancellationToken::new();
    let activity = phone.filter(|_| !options.quiet).map(|phone| tokio::spawn(demo::activity(phone, stop.clone())));
    ending.await;
    stop.cancel();
    if let Some(activity) = activity {
        activity.await?;
    }
    sandbox.stop().await;
    Ok(())
}

fn demo_account(sandbox: &Sandbox) -> Result<Phone, Error> {
    if let Some(kept) = sandbox.account(demo::PHONE) {
        return Ok(kept);
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    sandbox.create_account(demo::account(None, now_ms))
}

/// Ends with Ctrl-C, or with the signal by which service managers and containers end a program.
///
/// It listens for them from the call on, not from the first poll, so that one that comes early counts.
#[cfg(unix)]
fn ending() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupted, mut terminated) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}

/// Ends with Ctrl-C.
#[cfg(windows)]
fn ending() -> io::Result<impl Future<Output = ()>> {
    let mut interrupted = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupted.recv().await;
    })
}

/// Tells on standard output where the sandbox is, at once and also through a pipe.
fn announce(sandbox: &Sandbox, phone: Option<&Phone>, as_json: bool) -> io::Result<()> {
    let (url, key, root, phone) = (sandbox.url(), sandbox.key(), sandbox.root(), phone.map(Phone::number));
    let mut out = io::stdout().lock();
    if as_json {
        writeln!(out, "{}", json!({"url": url, "key": key, "root": root, "phone": phone}))?;
    } else {
        writeln!(out, "The sandbox is at {url}\nIts key is {key}\nIts root key is {root}")?;
        if let Some(phone) = phone {
            writeln!(out, "The demo account is {phone}")?;
        }
    }
    out.flush()
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    message
}
