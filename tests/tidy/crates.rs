//! The crates and the arrows between them. A new arrow is a decision about the architecture, and it is made here.

use super::expect_none;
use super::tree::{names, text};

/// What each crate may use, `*` for all that stand above it; and `testkit` besides, in tests.
const ARROWS: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("config", &["protocol"]),
    ("storage", &["protocol", "config"]),
    ("tiered", &["protocol", "config", "storage"]),
    ("replication", &["protocol", "config"]),
    ("controller", &["protocol", "config", "storage"]),
    ("coordinator", &["protocol", "config"]),
    ("security", &["protocol", "config"]),
    ("client", &["protocol", "security"]),
    ("broker", &["*"]),
    ("registry", &["protocol", "config", "security", "client"]),
    ("console", &["protocol", "config", "security", "client", "broker"]),
    ("cli", &["protocol", "config", "client"]),
    ("ottla", &["*"]),
    ("testkit", &["*"]),
];

/// The folders of the crates. `ottla` is the binary of the root package and has the manifest of the workspace.
fn crates() -> Vec<String> {
    let names = names("crates").into_iter();
    names.filter_map(|name| name.strip_suffix('/').map(str::to_owned)).collect()
}

/// The path of a crate's manifest.
fn manifest(name: &str) -> String {
    if name == "ottla" { "Cargo.toml".to_owned() } else { format!("crates/{name}/Cargo.toml") }
}

/// The `key = value` lines of a manifest, each with its section.
fn entries(manifest: &str) -> Vec<(String, String)> {
    let mut section = String::new();
    let mut entries = Vec::new();
    for line in text(manifest).lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.trim_matches(['[', ']']).to_owned();
        } else if line.contains('=') && !line.starts_with('#') {
            entries.push((section.clone(), line.to_owned()));
        }
    }
    entries
}

/// The packages that a manifest depends on, each with whether only its tests do.
fn dependencies(manifest: &str) -> Vec<(String, bool)> {
    let mut dependencies = Vec::new();
    for (section, line) in entries(manifest) {
        // `[dependencies]` with the names on its lines, or `[dependencies.name]`.
        let Some((before, name)) = section.split_once("dependencies") else { continue };
        let name = match name.strip_prefix('.') {
            Some(name) => name,
            None => line.split(['.', '=', ' ']).next().unwrap_or_default(),
        };
        if before != "workspace." {
            dependencies.push((name.trim_matches('"').to_owned(), before.ends_with("dev-")));
        }
    }
    dependencies
}

/// Says what is wrong with a dependency of the crate `from`, if anything is.
fn refuse(from: &str, to: &str, in_tests: bool) -> Option<String> {
    let row = |key: &str| ARROWS.iter().enumerate().find(|(_, (name, _))| *name == key);
    let ((from_place, (_, arrows)), (to_place, _)) = (row(from)?, row(to)?);
    let is_allowed = arrows.contains(&to)
        || **arrows == ["*"] && to_place < from_place
        || to == "testkit" && in_tests;
    (!is_allowed).then(|| format!("{from} must not use {to}"))
}

#[test]
fn arrows_between_crates_are_those_of_the_table() {
    expect_none(crates().iter().flat_map(|from| {
        let dependencies = dependencies(&manifest(from)).into_iter();
        dependencies.filter_map(move |(to, in_tests)| refuse(from, &to, in_tests))
    }));
}

#[test]
fn arrow_that_is_not_in_the_table_is_refused() {
    assert_eq!(refuse("storage", "protocol", false), None);
    assert_eq!(refuse("storage", "testkit", true), None);
    assert_eq!(refuse("storage", "bytes", false), None);
    assert!(refuse("storage", "testkit", false).is_some());
    assert!(refuse("protocol", "config", true).is_some());
    assert!(refuse("cli", "storage", false).is_some());
    assert!(refuse("broker", "registry", false).is_some());
    assert!(refuse("ottla", "testkit", false).is_some());
}

#[test]
fn crates_are_in_the_table_the_map_and_the_workspace() {
    let (map, workspace) = (text("crates/README.md"), text("Cargo.toml"));
    expect_none(crates().into_iter().flat_map(|name| {
        let entries = entries(&manifest(&name));
        let has = |section: &str, line: String| entries.contains(&(section.to_owned(), line));
        let is_root = name == "ottla";
        let checks = [
            (ARROWS.iter().any(|(known, _)| *known == name), "is not in tests/tidy/crates.rs"),
            (map.contains(&format!("`{name}`")), "is not in crates/README.md"),
            (is_root || workspace.contains(&format!("\"crates/{name}\"")), "is not a member"),
            (has("package", format!("name = \"{name}\"")), "has a package of another name"),
            (has("lints", "workspace = true".to_owned()), "lacks the lints of the workspace"),
        ];
        let failed = checks.into_iter().filter(|(holds, _)| !holds);
        failed.map(|(_, what)| format!("crates/{name} {what}")).collect::<Vec<_>>()
    }));
}
