//! Scripts: what is done to a shard, and what comes of it, in one text file. They lie in `testscripts`.
//!
//! A script is a list of blocks. A block is one or more commands, a line `---`, and what they are to lead to, up to an
//! empty line. Lines with `#` before the `---` are comments. `UPDATE=1 cargo test -p coordinator` writes down what
//! happens instead of comparing it.
//!
//! A request is `label: api group key=value …`; its response comes under its label. Member ids are shown short: `a-1` is
//! the first id that was offered to the client `a`. A member's metadata is text, or `@t1+t2` for a consumer's topics.
//!
//! Besides requests there are: `advance ms`, `set key value` (a setting), `hold` and `release` (nothing is committed in
//! between, but for `commit-one`, a record), `fail ERROR` (the next append), `reload`, `commit-txn` and `abort-txn` (a
//! producer's id), `topic` (its name and its new number of partitions), `delete-topic`, `config` (of all groups), and
//! `describe`, `describe-consumer`, `list` and `offsets`, which only look.

mod command;
mod consumer;
mod print;
mod request;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use bytes::BytesMut;
use config::MigrationPolicy;
use protocol::record::ControlType;
use protocol::{ErrorCode, ProducerId, TopicId};
use uuid::Uuid;

use super::driver::{Driver, Event, kafka_settings};
use crate::{DeletedTopic, GroupFilter, Settings};
use command::Command;

/// A shard that is played a script.
#[derive(Debug)]
struct Player {
    driver: Driver,
    /// The labels of the requests.
    labels: HashMap<u64, String>,
    /// How many ids each client, or instance id, has been offered.
    offered: HashMap<String, u128>,
    output: String,
}

impl Player {
    /// Carries out one line, and returns what came of it.
    fn play(&mut self, line: &str) -> String {
        let command = Command::parse(line);
        match command.name {
            "advance" => self.driver.advance(Duration::from_millis(command.number(0))),
            "set" => self.driver.configure(|settings| set(settings, &command)),
            "hold" => self.driver.is_held = true,
            "release" => self.driver.release(),
            "commit-one" => self.driver.commit_one(),
            "fail" => self.driver.next_failure = Some(error_code(command.word(0))),
            "reload" => self.driver.reload(),
            "commit-txn" => {
                self.driver.end_txn(ProducerId(command.number(0)), ControlType::Commit);
            }
            "abort-txn" => self.driver.end_txn(ProducerId(command.number(0)), ControlType::Abort),
            "topic" => self.set_topic(command.word(0), command.number(1)),
            "config" => self.configure_group(&command),
            "describe-consumer" => {
                let version = command.version(1);
                let group = self.driver.shard.describe_consumer_group(command.word(0), version);
                self.output += &print::described_consumer(&group);
            }
            "delete-topic" => {
                let id = command
                    .get("id")
                    .map_or(TopicId::ZERO, |id| TopicId([id.parse().unwrap(); 16]));
                self.set_topic(command.word(0), 0);
                let topic = DeletedTopic { id, name: command.word(0).into() };
                self.driver.input(|shard, now, out| shard.on_topics_deleted(now, &[topic], out));
            }
            "describe" => {
                let version = command.version(5);
                let group = self.driver.shard.describe_group(command.word(0), version);
                self.output += &print::described(&group);
            }
            "list" => {
                for group in
                    self.driver.shard.list_groups(&GroupFilter::new(&request::list(&command)))
                {
                    self.output += &print::listed(&group);
                }
            }
            "offsets" => {
                for (group, topic, partition, offset) in self.driver.shard.offsets() {
                    writeln!(self.output, "{group} {topic}-{partition}:{offset}").unwrap();
                }
            }
            _ => self.request(&command),
        }
        self.print_events();
        std::mem::take(&mut self.output)
    }

    /// The number in a topic's name is what its id is made of.
    fn set_topic(&mut self, name: &str, partition_count: i32) {
        let number = name.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0);
        self.driver.set_topic(name, TopicId([number; 16]), partition_count);
    }

    fn configure_group(&mut self, command: &Command<'_>) {
        let config = &mut Arc::make_mut(&mut self.driver.cluster).config;
        let value = command.number(1);
        match command.word(0) {
            "consumer.session.timeout.ms" => config.consumer_session_timeout_ms = value,
            "consumer.assignment.interval.ms" => config.consumer_assignment_interval_ms = value,
            other => panic!("groups have no setting {other}"),
        }
        self.driver.tell_cluster();
    }

    fn request(&mut self, command: &Command<'_>) {
        let token = self.driver.token(command.version(request::newest_version(command.name)));
        self.labels.insert(token.id, command.label.to_owned());
        let client = command.get("instance").or_else(|| command.get("client"));
        let client = client.unwrap_or(command.label);
        let number = self.offered.entry(client.to_owned()).or_default();
        if command.name == "join" && command.get("member").is_none() {
            *number += 1;
        }
        let sender = request::Sender { token, uuid: Uuid::from_u128(*number) };
        self.driver.input(|shard, now, out| request::send(shard, now, &sender, command, out));
    }

    fn print_events(&mut self) {
        let mut time = None;
        for event in std::mem::take(&mut self.driver.events) {
            let line = match event {
                Event::Time(elapsed) => {
                    time = Some(elapsed);
                    continue;
                }
                Event::Answered(token, response) => {
                    let encoded = response.encode(token.api_version, &mut BytesMut::new());
                    encoded.expect("the version can carry the response");
                    format!("{}: {}", self.labels[&token.id], print::response(&response))
                }
                Event::Appended(record) => format!("append {}", print::record(&record)),
                Event::Failed(error) => format!("append fails: {error}"),
            };
            if let Some(elapsed) = time.take() {
                writeln!(self.output, "at {}", elapsed.as_millis()).unwrap();
            }
            writeln!(self.output, "{line}").unwrap();
        }
    }
}

fn set(settings: &mut Settings, command: &Command<'_>) {
    let value: u64 = command.number(1);
    match command.word(0) {
        "group.consumer.max.size" => settings.consumer.max_size = value.try_into().unwrap(),
        "group.consumer.migration" => {
            settings.consumer.migration_policy =
                MigrationPolicy { upgrade: value & 1 != 0, downgrade: value & 2 != 0 };
        }
        "consumer.protocol" => settings.consumer_protocol = value != 0,
        "group.max.size" => settings.group_max_size = value.try_into().unwrap(),
        "group.initial.rebalance.delay.ms" => {
            settings.group_initial_rebalance_delay = Duration::from_millis(value);
        }
        "offset.metadata.max.bytes" => {
            settings.offset_metadata_max_bytes = value.try_into().unwrap();
        }
        "offsets.retention.ms" => settings.offsets_retention_ms = value.try_into().unwrap(),
        "append.bytes.max" => settings.append_bytes_max = value.try_into().unwrap(),
        other => panic!("there is no setting {other}"),
    }
}

fn error_code(name: &str) -> ErrorCode {
    let found = ErrorCode::ALL.iter().find(|error| error.name() == name);
    *found.unwrap_or_else(|| panic!("there is no error {name}"))
}

/// The script with what happens in place of what was to happen.
fn play(script: &str) -> String {
    let driver = Driver::new(kafka_settings());
    let mut player =
        Player { driver, labels: HashMap::new(), offered: HashMap::new(), output: String::new() };
    let mut blocks = Vec::new();
    for block in script.split("\n\n") {
        let input = block.split("---").next().unwrap().trim();
        let mut output = String::new();
        let mut has_command = false;
        for line in input.lines().filter(|line| !line.starts_with('#')) {
            has_command = true;
            output += &player.play(line);
        }
        match (input.is_empty(), has_command) {
            (true, _) => {}
            (false, false) => blocks.push(input.to_owned()),
            (false, true) => blocks.push(format!("{input}\n---\n{output}").trim_end().to_owned()),
        }
    }
    blocks.join("\n\n") + "\n"
}

/// Plays all scripts in a directory of `testscripts`.
#[expect(clippy::disallowed_methods, reason = "scripts are files")]
fn play_all(directory: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("testscripts").join(directory);
    let mut count = 0;
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        let script = fs::read_to_string(&path).unwrap();
        let played = play(&script);
        if env::var_os("UPDATE").is_some() {
            fs::write(&path, &played).unwrap();
        } else {
            assert_eq!(played, script, "{}", path.display());
        }
        count += 1;
    }
    assert!(count > 0, "{} has no scripts", directory.display());
}

#[test]
fn classic_groups_do_as_their_scripts_say() {
    play_all("classic");
}

#[test]
fn consumer_groups_do_as_their_scripts_say() {
    play_all("consumer");
}

#[test]
fn groups_that_change_their_protocol_do_as_their_scripts_say() {
    play_all("migration");
}

#[test]
fn offsets_do_as_their_scripts_say() {
    play_all("offsets");
}
