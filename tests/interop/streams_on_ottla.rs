//! Kafka Streams against the real binary: words are counted exactly once, whoever is killed meanwhile.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::jvm::{Jvm, wait_until};
use crate::kafka_dist::kafka_dist;
use crate::ottla_broker::OttlaBroker;
use crate::process;

const LIMIT: Duration = Duration::from_secs(300);
const LINES_OF_A_ROUND: usize = 3_000;
const WORDS_OF_A_LINE: usize = 6;
/// So many words there are.
const VOCABULARY: usize = 40;

fn java(class: &str, args: &[&str]) -> Jvm {
    let mut command = kafka_dist().java(&[], class);
    command.args(args);
    Jvm::start(command)
}

fn wait_for_lines(jvm: &Jvm, count: usize) {
    wait_until(&format!("{count} lines"), || jvm.lines().len() >= count);
}

fn ottla(broker: &OttlaBroker, arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ottla"));
    command.args(arguments).env("OTTLA_BOOTSTRAP", broker.bootstrap());
    let output = process::run(&mut command, LIMIT).unwrap_or_else(|err| panic!("{err}"));
    assert!(output.failure.is_none(), "{arguments:?}: {output:?}");
}

/// The words of one round. Some are much more frequent than others.
fn words(round: usize) -> impl Iterator<Item = String> {
    let first = round * LINES_OF_A_ROUND * WORDS_OF_A_LINE;
    let numbers = first..first + LINES_OF_A_ROUND * WORDS_OF_A_LINE;
    numbers.map(|number| format!("w{}", number % (1 + number * 7 % VOCABULARY)))
}

/// Writes the words of a round to the topic of lines.
fn feed(broker: &OttlaBroker, home: &Path, round: usize) {
    let words: Vec<_> = words(round).collect();
    let text: String = words.chunks(WORDS_OF_A_LINE).map(|line| line.join(" ") + "\n").collect();
    let path = home.join("input");
    std::fs::write(&path, text).expect("the folder is ours");
    ottla(broker, &["produce", "lines", path.to_str().expect("temporary folders are UTF-8")]);
}

/// Every count of every word, from the first to the last, must have come out once, and in this order.
fn assert_counted_once(counts: &[String], rounds: usize) {
    let mut seen = BTreeMap::<&str, usize>::new();
    for line in counts {
        let (word, count) = line.split_once(' ').expect("a word and its count");
        let before = seen.entry(word).or_default();
        assert_eq!(count.parse(), Ok(*before + 1), "{word} after {before}");
        *before += 1;
    }
    let mut expected = BTreeMap::<String, usize>::new();
    for word in (0..rounds).flat_map(words) {
        *expected.entry(word).or_default() += 1;
    }
    let expected: BTreeMap<_, _> = expected.iter().map(|(word, n)| (word.as_str(), *n)).collect();
    assert_eq!(seen, expected);
}

#[test]
fn streams_counts_words_exactly_once_while_it_and_the_broker_are_killed() {
    const ROUNDS: usize = 4;
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    let home = folder.path();
    let settings = ["group.initial.rebalance.delay.ms=0"];
    let mut broker = OttlaBroker::start(home, &settings);
    let address = broker.bootstrap().to_owned();
    let listener = format!("listeners=PLAINTEXT://{address}");
    let settings = [&settings[..], &[listener.as_str()]].concat();
    ottla(&broker, &["topic", "create", "lines", "-p", "3"]);
    ottla(&broker, &["topic", "create", "counts", "-p", "1"]);

    let application = |number: usize| {
        let state = home.join(format!("state-{number}")).display().to_string();
        java("WordCount", &[&address, &state])
    };
    let mut applications = [application(0), application(1)];
    // Partitions that it is told do not depend on a group, whose commits would be part of the test.
    let read = "--topic counts --partition 0 --offset earliest --isolation-level read_committed";
    let args: Vec<_> =
        ["--bootstrap-server", &address].into_iter().chain(read.split(' ')).collect();
    let reader = java("org.apache.kafka.tools.consumer.ConsoleConsumer", &args);

    let of_a_round = LINES_OF_A_ROUND * WORDS_OF_A_LINE;
    for round in 0..ROUNDS {
        feed(&broker, home, round);
        wait_for_lines(&reader, round * of_a_round + of_a_round / 3);
        let (killed, is_broker_killed) =
            [(Some(0), false), (None, true), (Some(1), true), (None, false)][round];
        if let Some(number) = killed {
            applications[number] = application(applications.len() + number);
        }
        if is_broker_killed {
            broker.kill();
            broker = OttlaBroker::start(home, &settings);
        }
    }
    wait_for_lines(&reader, ROUNDS * of_a_round);
    assert_counted_once(&reader.lines(), ROUNDS);
    drop(applications);

    // Whoever comes later reads the same.
    let late = java("org.apache.kafka.tools.consumer.ConsoleConsumer", &args);
    wait_for_lines(&late, ROUNDS * of_a_round);
    assert_eq!(*late.lines(), *reader.lines());
    broker.stop();
}
