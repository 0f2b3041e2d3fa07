//! `ottla topic`: topics are created, shown, altered and deleted.

mod alter;
mod create;
mod delete;
mod describe;
mod list;

use clap::Subcommand;

use crate::Error;

/// What to do with topics.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Creates topics.
    #[command(after_help = create::EXAMPLES)]
    Create(create::Arguments),
    /// Lists the topics.
    #[command(alias = "ls")]
    List(list::Arguments),
    /// Shows the partitions of topics, with leaders, replicas and offsets, and what is configured.
    Describe(describe::Arguments),
    /// Adds partitions, and sets or unsets configurations.
    #[command(after_help = alter::EXAMPLES)]
    Alter(alter::Arguments),
    /// Deletes topics, with all that is in them.
    #[command(alias = "rm")]
    Delete(delete::Arguments),
}

pub(crate) async fn run(command: Command) -> Result<(), Error> {
    match command {
        Command::Create(arguments) => create::run(arguments).await,
        Command::List(arguments) => list::run(arguments).await,
        Command::Describe(arguments) => describe::run(arguments).await,
        Command::Alter(arguments) => alter::run(arguments).await,
        Command::Delete(arguments) => delete::run(arguments).await,
    }
}
