//! `ottla group`: consumer groups are listed, described with their lag, moved and deleted.

mod delete;
mod describe;
mod list;
mod members;
mod seek;

use clap::Subcommand;

pub(crate) use self::list::{Group, list};
pub(crate) use self::members::{Member, describe};
use crate::Error;

/// What to do with groups.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the groups.
    #[command(alias = "ls")]
    List(list::Arguments),
    /// Shows the members of groups, what they have, and how far they lag behind.
    Describe(describe::Arguments),
    /// Moves a group that has no members.
    #[command(after_help = seek::EXAMPLES)]
    Seek(seek::Arguments),
    /// Deletes groups that have no members, with all they have committed.
    #[command(alias = "rm")]
    Delete(delete::Arguments),
}

pub(crate) async fn run(command: Command) -> Result<(), Error> {
    match command {
        Command::List(arguments) => list::run(arguments).await,
        Command::Describe(arguments) => describe::run(arguments).await,
        Command::Seek(arguments) => seek::run(arguments).await,
        Command::Delete(arguments) => delete::run(arguments).await,
    }
}
