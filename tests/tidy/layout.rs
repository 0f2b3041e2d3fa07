//! What lies where: the top level, the sizes of files, the links between the READMEs.

use std::fs;
use std::path::Path;

use super::expect_none;
use super::tree::{files, names, root, texts};

/// The top level is the first that a newcomer sees. Besides these there are dot-files only.
const TOP_LEVEL: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "benches/",
    "config/",
    "crates/",
    "docker/",
    "tests/",
];

/// A larger file is data, and data is made by the test that needs it.
const BYTES_MAX: u64 = 1 << 20;

#[test]
fn top_level_has_only_what_belongs_there() {
    let others = names("").into_iter().filter(|name| !name.starts_with('.'));
    let others = others.filter(|name| !TOP_LEVEL.contains(&name.as_str()));
    expect_none(others.map(|name| format!("{name} does not belong on the top level")));
}

#[test]
fn file_is_not_too_large() {
    let sizes = files().into_iter().map(|path| {
        let bytes = fs::metadata(root().join(&path)).expect("the file was there").len();
        (path, bytes)
    });
    let large = sizes.filter(|(_, bytes)| *bytes > BYTES_MAX);
    expect_none(large.map(|(path, bytes)| format!("{path} has {bytes} bytes")));
}

#[test]
fn link_in_a_readme_leads_somewhere() {
    let mut problems = Vec::new();
    for (path, text) in texts(".md") {
        let directory = root().join(&path).parent().map(Path::to_owned).unwrap_or_default();
        let dead = links(&text).filter(|link| !directory.join(link).exists());
        problems.extend(dead.map(|link| format!("{path} links to {link}, which is not there")));
    }
    expect_none(problems);
}

/// The files that a Markdown text links to: `[what](where#part)`, but not the web and not the same page.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#', ' ']).next())
        .filter(|link| !link.is_empty() && !link.contains(':'))
}

#[test]
fn links_of_a_text_are_its_files() {
    let text = "[a](a.md) [b](../b.md#part) [c](#part) [d](https://kafka.apache.org/x) (e.md)";
    assert_eq!(links(text).collect::<Vec<_>>(), ["a.md", "../b.md"]);
}
