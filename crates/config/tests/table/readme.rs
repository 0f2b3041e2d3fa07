//! Writes `config/README.md` from the tables. The test fails when the file is stale; `UPDATE=1` rewrites it.

use std::{env, fs};

use config::{BROKER, Definition, Dynamic, Scope, TOPIC, Table};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/README.md");

const HEAD: &str = "\
# Settings

This page is written by a test from the tables in `crates/config`; after a change there, run
`UPDATE=1 cargo test -p config --test table`.

Names, types, defaults and limits are those of Apache Kafka 4.3. An unknown key is an error that names
the nearest one, and a value that is not allowed is an error that says what is. Sizes are in bytes. The
largest numbers, 9223372036854775807 and 1.7976931348623157E308, stand for \"without limit\". Lists have
commas between their items.
";

const BROKER_HEAD: &str = "
## Of a broker

**Dynamic**: *no* settings change by a restart only, *per-broker* ones for one broker at a time while it
runs, and *cluster-wide* ones for one or for all.
";

const TOPIC_HEAD: &str = "
## Of a topic

Each can be set when the topic is created and changed at any time. Where a topic does not set a value,
the first of the settings under **broker** that is set holds, and else the default.
";

#[test]
fn readme_is_up_to_date() {
    let expected = format!("{HEAD}{BROKER_HEAD}{}{TOPIC_HEAD}{}", page(&BROKER), page(&TOPIC));
    if env::var_os("UPDATE").is_some() {
        fs::write(README, &expected).expect("config/ can be written");
    }
    let found = fs::read_to_string(README).unwrap_or_default();
    assert!(found == expected, "config/README.md is stale: UPDATE=1 cargo test -p config");
}

/// All groups of a table, internal settings left out.
fn page(table: &Table) -> String {
    let last = match table.scope {
        Scope::Broker => "dynamic",
        Scope::Topic => "broker",
    };
    let mut page = String::new();
    for group in table.groups {
        let title = group.title;
        let heads = format!("| key | type | default | {last} | what it does |");
        page += &format!("\n### {title}\n\n{heads}\n|---|---|---|---|---|\n");
        for row in group.rows.iter().filter(|row| !row.internal) {
            page += &line(table.scope, row);
        }
    }
    page
}

fn line(scope: Scope, row: &Definition) -> String {
    let last = match (scope, row.dynamic) {
        (Scope::Topic, _) => codes(row.synonyms.iter().map(|synonym| synonym.key)),
        (Scope::Broker, Dynamic::ReadOnly) => "no".to_owned(),
        (Scope::Broker, dynamic) => dynamic.to_string(),
    };
    let kind = format!("{} {}", row.kind, row.allowed);
    let default = row.default_value().map(|value| value.to_string());
    let default = codes(default.iter().map(String::as_str).filter(|text| !text.is_empty()));
    format!("| `{}` | {} | {default} | {last} | {} |\n", row.key, kind.trim_end(), row.doc)
}

fn codes<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
}
