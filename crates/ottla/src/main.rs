//! The `ottla` binary: reads the command line and hands over to the command.

mod log_dump;
mod serve;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

/// Buffers of frames are made on one thread and freed on another, which is four to eight times as fast as with glibc's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A Kafka-compatible broker in one binary. Without a command it serves.
#[derive(Debug, Parser)]
#[command(name = "ottla", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a broker; it prints `ottla ready` and its listeners when it accepts connections.
    Serve(ServeArguments),
    #[command(flatten)]
    Operator(Box<cli::Command>),
    /// Look into the files of a log directory, of Ottla or of Apache Kafka.
    #[command(subcommand)]
    Log(LogCommand),
    /// Print what a shell needs to complete these commands.
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  ottla completions bash > /etc/bash_completion.d/ottla
  ottla completions zsh > \"${fpath[1]}/_ottla\"
  ottla completions fish > ~/.config/fish/completions/ottla.fish";

/// What a broker is started with. Environment variables like KAFKA_LOG_RETENTION_HOURS come on top of both.
#[derive(Debug, Args)]
struct ServeArguments {
    /// A TOML file whose keys are Kafka's.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one key, over the file.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum LogCommand {
    /// Print segments, indexes, producer snapshots and checkpoints.
    Dump {
        /// Files, or directories of partitions.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Print every record and not only the batches.
        #[arg(long)]
        records: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        None => serve::run(&arguments.serve),
        Some(Command::Serve(serve)) => serve::run(&serve),
        Some(Command::Log(LogCommand::Dump { paths, records })) => {
            dump(&paths, records).map_err(Into::into)
        }
        Some(Command::Operator(command)) => return cli::run(*command),
        Some(Command::Completions { shell }) => print(&completions(shell)).map_err(Into::into),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("ottla: {err}");
            ExitCode::FAILURE
        }
    }
}

/// What makes `shell` complete our commands.
fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "ottla", &mut script);
    script
}

fn print(bytes: &[u8]) -> io::Result<()> {
    unless_closed(io::stdout().lock().write_all(bytes))
}

fn dump(paths: &[PathBuf], records: bool) -> io::Result<()> {
    unless_closed(log_dump::run(paths, records, &mut io::stdout().lock()))
}

/// Whoever reads the output may have seen enough.
fn unless_closed(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(err) if err.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
