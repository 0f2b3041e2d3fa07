//! What became of each of several things that one command was to do.

use serde::Serialize;

use crate::Error;
use crate::output::Output;

/// One of them.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    /// What was to be done something with.
    pub(crate) name: String,
    /// What was done: `created`, `deleted`, `unchanged`; none after an error.
    pub(crate) done: Option<&'static str>,
    /// Why it was not.
    #[serde(serialize_with = "as_text")]
    pub(crate) error: Option<client::Error>,
}

impl Outcome {
    pub(crate) fn new(
        name: impl Into<String>,
        done: &'static str,
        result: Result<(), client::Error>,
    ) -> Self {
        let error = result.err();
        Self { name: name.into(), done: error.is_none().then_some(done), error }
    }
}

fn as_text<S: serde::Serializer>(
    error: &Option<client::Error>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    error.as_ref().map(ToString::to_string).serialize(serializer)
}

/// Shows what was done, and fails with what was not.
pub(crate) fn report(output: &Output, outcomes: Vec<Outcome>) -> Result<(), Error> {
    output.show(&outcomes, |outcomes| {
        let done = outcomes.iter().filter_map(|it| Some(format!("{} {}\n", it.done?, it.name)));
        done.collect()
    })?;
    let errors: Vec<_> = outcomes.into_iter().filter_map(|outcome| outcome.error).collect();
    if errors.is_empty() { Ok(()) } else { Err(Error::Several(errors)) }
}
