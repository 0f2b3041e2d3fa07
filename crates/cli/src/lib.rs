//! The operator's commands, each a client of a running cluster: nothing here opens a log or links an engine.
//!
//! One verb, one file. What all verbs share: how the cluster is reached (`connect`), how results are shown (`output`,
//! `table`, `outcome`), what went wrong and what to do about it (`error`), and the words of the command line (`duration`,
//! `moment`, `position`, `record_format`, `record_json`, `filter`).
//!
//! Results go to standard output and everything else to standard error. Every command takes `--format json`; those that
//! print records take a format string there as well. A command fails with exit code 1, and with 2 if it was not
//! understood.

mod cluster;
mod configs;
mod connect;
mod consume;
mod doctor;
mod duration;
mod error;
mod filter;
mod group;
mod interrupt;
mod moment;
mod outcome;
mod output;
mod position;
mod produce;
mod record_format;
mod record_json;
mod replay;
mod table;
mod topic;
mod txn;
mod wire;

use std::process::ExitCode;

use clap::{ArgMatches, FromArgMatches, Subcommand};

use self::error::Error;

/// A command of an operator, for the binary to put among its own.
#[derive(Debug)]
pub struct Command(Box<Verb>);

impl FromArgMatches for Command {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(Box::new(Verb::from_arg_matches(matches)?)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl Subcommand for Command {
    fn augment_subcommands(command: clap::Command) -> clap::Command {
        Verb::augment_subcommands(command)
    }

    fn augment_subcommands_for_update(command: clap::Command) -> clap::Command {
        Verb::augment_subcommands_for_update(command)
    }

    fn has_subcommand(name: &str) -> bool {
        Verb::has_subcommand(name)
    }
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Create, list, describe, alter and delete topics.
    #[command(subcommand)]
    Topic(topic::Command),
    /// Write records from standard input or a file to a topic.
    #[command(after_help = produce::EXAMPLES)]
    Produce(produce::Arguments),
    /// Read records of topics, alone or as a member of a group.
    #[command(after_help = consume::EXAMPLES)]
    Consume(consume::Arguments),
    /// Read a stretch of a topic again, to standard output, a file or another topic.
    #[command(after_help = replay::EXAMPLES)]
    Replay(replay::Arguments),
    /// List, describe, move and delete consumer groups.
    #[command(subcommand)]
    Group(group::Command),
    /// List, describe and abort transactions.
    #[command(subcommand)]
    Txn(txn::Command),
    /// Get, set and unset configurations of topics, brokers, groups and client metrics.
    #[command(subcommand)]
    Config(configs::Command),
    /// Show the brokers, the controller and the features of the cluster.
    Cluster(cluster::Arguments),
    /// Look for what will trouble clients: addresses, partitions, topics of Connect and Debezium, transactions, disks, clocks.
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(doctor::Arguments),
}

/// Runs a command to its end. Whatever goes wrong has been said when this returns.
pub fn run(command: Command) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(Box::pin(run_verb(*command.0)));
            // A thread may still wait for standard input; nobody needs what it would bring.
            runtime.shutdown_background();
            result
        }
        Err(err) => Err(Error::Io { what: "the runtime does not start".to_owned(), err }),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has seen enough.
        Err(err) if err.is_broken_pipe() => ExitCode::SUCCESS,
        Err(err) => {
            err.say();
            ExitCode::FAILURE
        }
    }
}

async fn run_verb(verb: Verb) -> Result<(), Error> {
    match verb {
        Verb::Topic(command) => topic::run(command).await,
        Verb::Produce(arguments) => produce::run(arguments).await,
        Verb::Consume(arguments) => consume::run(arguments).await,
        Verb::Replay(arguments) => replay::run(arguments).await,
        Verb::Group(command) => group::run(command).await,
        Verb::Txn(command) => txn::run(command).await,
        Verb::Config(command) => configs::run(command).await,
        Verb::Cluster(arguments) => cluster::run(arguments).await,
        Verb::Doctor(arguments) => doctor::run(arguments).await,
    }
}
