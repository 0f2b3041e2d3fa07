//! What every source file looks like.

use std::collections::HashSet;
use std::io::{self, Write as _};

use super::expect_none;
use super::tree::{files, text, texts};

/// From here on, a file is named in the output: look whether it is two.
const LINES_WARN: usize = 500;
/// No file is longer.
const LINES_MAX: usize = 800;
/// No line is wider. Code is held to 100 by `rustfmt`, which leaves comments alone.
const COLUMNS_MAX: usize = 130;

/// Words that have no place in what is finished. Written in halves, for this file is searched too.
const BANNED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("todo", "!"),
    concat!("unimplemented", "!"),
    concat!("dbg", "!"),
    concat!("#[", "ignore"),
];

/// The kinds of files in which we look for banned words.
const TEXT_FILES: &[&str] =
    &["rs", "toml", "md", "sh", "py", "java", "js", "mjs", "go", "yml", "yaml", "run"];

#[test]
fn source_begins_with_its_description() {
    let bare = texts(".rs").into_iter().filter(|(_, text)| !text.starts_with("//! "));
    expect_none(bare.map(|(path, _)| format!("{path} does not begin with `//! `")));
}

#[test]
fn source_is_not_too_long() {
    let mut problems = Vec::new();
    for (path, text) in texts(".rs") {
        let lines = text.lines().count();
        if lines > LINES_MAX {
            problems.push(format!("{path} has {lines} lines, more than {LINES_MAX}"));
        } else if lines > LINES_WARN {
            // Past the test harness, which swallows what a passing test prints.
            let _ = writeln!(io::stderr(), "note: {path} has {lines} lines: is it two files?");
        }
        for (index, line) in text.lines().enumerate() {
            if line.chars().count() > COLUMNS_MAX {
                problems.push(format!("{path}:{} is wider than {COLUMNS_MAX}", index + 1));
            }
        }
    }
    expect_none(problems);
}

#[test]
fn source_has_no_banned_word() {
    let mut problems = Vec::new();
    for path in files() {
        let extension = path.rsplit(['.', '/']).next().unwrap_or_default();
        if !TEXT_FILES.contains(&extension) {
            continue;
        }
        for (index, line) in text(&path).lines().enumerate() {
            let banned = BANNED.iter().filter(|word| line.contains(*word));
            problems.extend(banned.map(|word| format!("{path}:{}: {word}", index + 1)));
        }
    }
    expect_none(problems);
}

#[test]
fn source_has_no_code_in_comments() {
    let mut problems = Vec::new();
    for (path, text) in texts(".rs") {
        for (index, line) in text.lines().enumerate() {
            if line.trim().strip_prefix("// ").is_some_and(is_code) {
                problems.push(format!("{path}:{} looks like code in a comment", index + 1));
            }
        }
    }
    expect_none(problems);
}

/// A guess, good enough for what is left behind when a line is switched off.
fn is_code(comment: &str) -> bool {
    let is_statement = ["let ", "use ", "return ", "pub ", "mod ", "assert"]
        .iter()
        .any(|word| comment.starts_with(word));
    let is_call = comment.ends_with(");")
        && comment.split_once('(').is_some_and(|(name, _)| !name.contains(' '));
    is_call || is_statement && comment.ends_with([';', '{'])
}

#[test]
fn comment_that_was_code_is_found() {
    for (comment, expected) in [
        ("let x = 1;", true),
        ("self.log.append(batch);", true),
        ("pub fn append(&mut self) {", true),
        ("Let the reader finish first;", false),
        ("The file is gone (see above);", false),
        ("use it again", false),
    ] {
        assert_eq!(is_code(comment), expected, "{comment}");
    }
}

/// A file that no `mod` line names is not compiled, however good it looks.
#[test]
fn source_is_part_of_a_crate() {
    let sources = texts(".rs");
    let mut declared = HashSet::new();
    for (path, text) in &sources {
        let modules = text.lines().filter_map(module);
        declared.extend(modules.flat_map(|name| places(path, name)));
    }
    let dead = sources.iter().filter(|(path, _)| !is_root(path) && !declared.contains(path));
    expect_none(dead.map(|(path, _)| format!("{path} is named by no `mod` line")));
}

/// The module that a line declares.
fn module(line: &str) -> Option<&str> {
    let line = line.trim().strip_suffix(';')?;
    let (before, name) = line.split_once("mod ")?;
    (before.is_empty() || before.starts_with("pub")).then_some(name)
}

/// Where the module `name`, declared in the file `path`, may be.
fn places(path: &str, name: &str) -> [String; 2] {
    let (directory, file) = path.rsplit_once('/').unwrap_or(("", path));
    let directory = if is_root(path) || file == "mod.rs" {
        directory.to_owned()
    } else {
        path.trim_end_matches(".rs").to_owned()
    };
    [format!("{directory}/{name}.rs"), format!("{directory}/{name}/mod.rs")]
}

/// Whether cargo finds a file without a `mod` line.
fn is_root(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let (file, directory) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let in_sources = path.contains("/src/");
    ["lib.rs", "main.rs", "build.rs"].contains(&file)
        || ["tests", "benches", "examples"].contains(&directory) && !in_sources
        || ["bin", "fuzz_targets"].contains(&directory)
}

#[test]
fn module_declared_in_a_file_is_beside_or_below_it() {
    assert_eq!(module("pub(crate) mod log;"), Some("log"));
    assert_eq!(module("mod log {"), None);
    assert_eq!(module("// the mod log;"), None);
    let below = ["a/src/log/read.rs".to_owned(), "a/src/log/read/mod.rs".to_owned()];
    assert_eq!(places("a/src/log.rs", "read"), below);
    assert_eq!(places("a/src/log/mod.rs", "read"), below);
    assert_eq!(places("a/src/lib.rs", "log")[0], "a/src/log.rs");
    assert!(is_root("crates/a/tests/b.rs") && !is_root("crates/a/src/b/tests.rs"));
}
