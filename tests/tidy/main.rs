//! Holds the shape of the house: the arrows between the crates, what every file looks like, what lies where.
//!
//! Reads manifests and sources as text and knows nothing of their meaning. Each check gathers all that is wrong
//! before it fails, one line for each, so that one run shows everything.

mod crates;
mod layout;
mod sources;
mod tree;

/// Fails with all `problems`, if there are any.
#[track_caller]
fn expect_none(problems: impl IntoIterator<Item = String>) {
    let problems: Vec<String> = problems.into_iter().collect();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}
