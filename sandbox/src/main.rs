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
/// One port serves the WhatsApp protocol at /ws/chat and a JSON interface for scripts. The interface creates accounts,
/// scans pairing codes, archives chats on the phone and sends messages of contacts; GET / lists its routes. It runs
/// until Ctrl-C or SIGTERM. Without --data, all state is lost then.
///
/// There is no access control: a process that reaches the port can act as any phone. It only listens on loopback.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Loopback address to listen on; port 0 selects a free one.
    #[arg(long, env = "CHATGRAPH_SANDBOX_LISTEN", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// Secret from which the server's key and its root key are derived. Clients that trust these keys keep trusting
    /// them as long as the secret stays the same.
    #[arg(long, env = "CHATGRAPH_SANDBOX_SECRET", default_value = "sandbox", hide_env_values = true)]
    secret: String,

    /// Folder for the accounts. A later sandbox resumes from it, even after a kill. Clients reconnect if the address
    /// and the secret are the same.
    #[arg(long, env = "CHATGRAPH_SANDBOX_DATA", value_name = "DIR")]
    data: Option<PathBuf>,

    /// Create the demo account, a café owner's phone with some fifty chats and activity every few seconds.
    #[arg(long, env = "CHATGRAPH_SANDBOX_DEMO", value_parser = FalseyValueParser::new())]
    demo: bool,

    /// Disable the demo account's activity.
    #[arg(long, env = "CHATGRAPH_SANDBOX_QUIET", value_parser = FalseyValueParser::new())]
    quiet: bool,

    /// Print one line of JSON with `url`, `key`, `root` and `phone` (the demo account's number, or null) instead of
    /// text.
    #[arg(long, env = "CHATGRAPH_SANDBOX_JSON", value_parser = FalseyValueParser::new())]
    json: bool,

    /// Log filter for standard error, such as `debug` or `chatgraph_sandbox=trace`.
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

/// Waits for Ctrl-C, or for the signal with which service managers and containers stop a program.
///
/// Listens from the call on, not from the first poll, so that an early signal is not missed.
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

/// Waits for Ctrl-C.
#[cfg(windows)]
fn ending() -> io::Result<impl Future<Output = ()>> {
    let mut interrupted = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupted.recv().await;
    })
}

/// Prints the sandbox's address to standard output, and flushes it in case it is a pipe.
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
