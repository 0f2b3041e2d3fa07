//! How results are shown: as text for people, or as JSON for programs.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::Error;

/// Who reads the results.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// People.
    Text,
    /// Programs: one JSON value.
    Json,
}

/// How to show the results.
#[derive(Clone, Debug, Args)]
pub(crate) struct Output {
    /// How to show the results.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

impl Output {
    /// Shows a value: itself as JSON, or what `text` makes of it.
    pub(crate) fn show<T: Serialize>(
        &self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), Error> {
        let mut shown = match self.format {
            Format::Text => text(value),
            Format::Json => serde_json::to_string_pretty(value).expect("keys are strings") + "\n",
        };
        if !shown.is_empty() && !shown.ends_with('\n') {
            shown.push('\n');
        }
        let mut out = io::stdout().lock();
        out.write_all(shown.as_bytes()).and_then(|()| out.flush()).map_err(Error::Output)
    }
}
