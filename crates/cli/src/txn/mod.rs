//! `ottla txn`: transactions are listed, described and aborted.
//!
//! There are two who know of a transaction: the coordinator of its transactional id (`known`), and each partition that it
//! has written to (`open`). One that a partition has open and no coordinator knows hangs: nobody will end it, and nobody
//! who reads committed records gets past it.

mod abort;
mod describe;
mod known;
mod list;
mod open;

use clap::Subcommand;

pub(crate) use self::known::{Known, of_producers};
pub(crate) use self::open::{OpenTransaction, open_in};
use crate::Error;

/// What to do with transactions.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the transactional ids, and how far their transactions are.
    #[command(alias = "ls", after_help = list::EXAMPLES)]
    List(list::Arguments),
    /// Shows the producers, the start and the partitions of transactions.
    Describe(describe::Arguments),
    /// Aborts transactions, also one that hangs in a partition.
    #[command(after_help = abort::EXAMPLES)]
    Abort(abort::Arguments),
}

pub(crate) async fn run(command: Command) -> Result<(), Error> {
    match command {
        Command::List(arguments) => list::run(arguments).await,
        Command::Describe(arguments) => describe::run(arguments).await,
        Command::Abort(arguments) => abort::run(arguments).await,
    }
}
