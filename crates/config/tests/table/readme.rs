//! Writes `config/README.md` from the tables. The test fails when the file is stale; `UPDATE=1` rewrites it.

use std::{env, fs};

use config::{BROKER, CLIENT_METRICS, Definition, Dynamic, Effect, GROUP, Scope, TOPIC, Table};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/README.md");

const HEAD: &str = "\
# Settings

This page is written by a test from the tables in `crates/config`; after a change there, run
`UPDATE=1 cargo test -p config --test table`.

Names, types, defaults and limits are those of Apache Kafka 4.3. An unknown key is an error that names
the nearest one, and a value that is not allowed is an error that says what is. Sizes are in bytes. The
largest numbers, 9223372036854775807 and 1.7976931348623157E308, stand for \"without limit\". Lists have
commas between their items.

## Where a broker's settings come from

In rising priority: a file (`ottla --config FILE`), the command line (`--set key=value`), and the environment in the
form of Kafka's image: `KAFKA_` and the key in capital letters, with `_` for a dot, `__` for an underscore and
`___` for a dash. An error names the place.

The file is TOML. Dotted keys, tables and quoted keys say the same:

    log.retention.hours = 168
    log.dirs = [\"/disk1\", \"/disk2\"]
    listeners = \"PLAINTEXT://0.0.0.0:9092\"

    [group.consumer]
    session.timeout.ms = 50_000

TOML wants texts in quotation marks, which is all that a `server.properties` lacks. Where one key begins with another,
as `max.connections.per.ip` with `max.connections`, TOML also wants the shorter one in quotation marks.

## What is not there yet

What is *accepted, not used yet* may be set, which has no effect and does no harm. Of what is *not there yet* only the
default is taken. Kafka's other settings, which make no sense here, are refused with the reason.
";

const BROKER_HEAD: &str = "
## Of a broker

**Dynamic**: *no* settings change by a restart only, *per-broker* ones for one broker at a time while it
runs, *cluster-wide* ones for one or for all, and *only* ones in no other way than these.
";

const TOPIC_HEAD: &str = "
## Of a topic

Each can be set when the topic is created and changed at any time. Where a topic does not set a value,
the first of the settings under **broker** that is set holds, and else the default.
";

const GROUP_HEAD: &str = "
## Of a group

Each can be set at any time, within the broker's limits. Where a group does not set a value, the setting under
**broker** holds.
";

const CLIENT_METRICS_HEAD: &str = "
## Of a client metrics subscription

Each can be set at any time.
";

#[test]
fn readme_is_up_to_date() {
    let tables = [
        (BROKER_HEAD, &BROKER),
        (TOPIC_HEAD, &TOPIC),
        (GROUP_HEAD, &GROUP),
        (CLIENT_METRICS_HEAD, &CLIENT_METRICS),
    ];
    let pages = tables.map(|(head, table)| format!("{head}{}", page(table)));
    let expected = format!("{HEAD}{}", pages.concat());
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
        Scope::Topic | Scope::Group | Scope::ClientMetrics => "broker",
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
        (Scope::Broker, Dynamic::ReadOnly) => "no".to_owned(),
        (Scope::Broker, dynamic) => dynamic.to_string(),
        _ => codes(row.synonyms.iter().map(|synonym| synonym.key)),
    };
    let effect = match row.effect {
        Effect::Used => "",
        Effect::Accepted => " *Accepted, not used yet.*",
        Effect::Missing => " *Not there yet.*",
    };
    let kind = format!("{} {}", row.kind, row.allowed);
    let default = row.default_value().map(|value| value.to_string());
    let default = codes(default.iter().map(String::as_str).filter(|text| !text.is_empty()));
    format!("| `{}` | {} | {default} | {last} | {}{effect} |\n", row.key, kind.trim_end(), row.doc)
}

fn codes<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
}
