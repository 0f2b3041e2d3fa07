//! The `ottla` binary: reads the command line and hands over to the command.

mod log_dump;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A Kafka-compatible broker in one binary.
#[derive(Debug, Parser)]
#[command(name = "ottla", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Looks into the files of a log directory, of Ottla or of Apache Kafka.
    #[command(subcommand)]
    Log(LogCommand),
}

#[derive(Debug, Subcommand)]
enum LogCommand {
    /// Prints segments, indexes, producer snapshots and checkpoints.
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
    let result = match &arguments.command {
        Command::Log(LogCommand::Dump { paths, records }) => {
            log_dump::run(paths, *records, &mut std::io::stdout().lock())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has seen enough.
        Err(err) if err.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("ottla: {err}");
            ExitCode::FAILURE
        }
    }
}
