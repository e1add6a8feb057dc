//! The `chatgraph` program: reads the command line, sets up the log, carries out the command.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::process::ExitCode;

use chatgraph::cli::Cli;
use chatgraph::server;
use chatgraph::telemetry;
use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let telemetry = match telemetry::init(&cli.log.into()) {
        Ok(telemetry) => telemetry,
        Err(error) => return fail(&error),
    };
    let ended = server::run(cli.command).await;
    telemetry.shut_down();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        // A pager or `head` has read enough.
        Err(server::Error::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Tells the error and what caused it, in one line.
fn fail(error: &dyn std::error::Error) -> ExitCode {
    let mut line = format!("chatgraph: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string cannot fail.
        let _ = write!(line, ": {error}");
        cause = error.source();
    }
    eprintln!("{line}");
    ExitCode::FAILURE
}
