//! The command line itself: help, completions, and what is not understood.

use std::process::Stdio;

use crate::stage::{NOBODY, Said, Stage, finish, ottla, start};

fn run(arguments: &[&str]) -> Said {
    finish(start(ottla(arguments).env_remove("OTTLA_BOOTSTRAP").stdin(Stdio::null())))
}

#[test]
fn help_of_every_verb_says_how_to_reach_the_cluster() {
    for verb in [
        &["topic", "create"][..],
        &["topic", "list"],
        &["topic", "describe"],
        &["topic", "alter"],
        &["topic", "delete"],
        &["produce"],
        &["consume"],
        &["replay"],
        &["group", "list"],
        &["group", "describe"],
        &["group", "seek"],
        &["group", "delete"],
        &["config", "get"],
        &["config", "set"],
        &["config", "unset"],
        &["cluster"],
        &["doctor"],
    ] {
        let said = run(&[verb, &["--help"]].concat());
        assert_eq!(said.code, Some(0), "{said:?}");
        for part in ["-b, --bootstrap", "127.0.0.1:9092", "--format"] {
            assert!(said.out.contains(part), "{verb:?} lacks {part}:\n{}", said.out);
        }
    }
    for verb in ["produce", "consume", "replay", "doctor"] {
        let help = run(&[verb, "--help"]).out;
        assert!(
            help.contains(&format!("Examples:\n  ottla {verb}"))
                || help.contains("| ottla produce"),
            "{help}"
        );
    }
}

#[test]
fn completions_know_the_verbs_in_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = run(&["completions", shell]);
        assert_eq!(said.code, Some(0));
        assert!(
            ["replay", "doctor", "bootstrap"].iter().all(|it| said.out.contains(it)),
            "{shell}"
        );
    }
}

#[test]
fn command_that_is_not_understood_exits_with_2_and_says_what_there_is() {
    for (arguments, expected) in [
        (&["topics"][..], "topic"),
        (&["consume"], "<TOPIC>"),
        (&["consume", "t", "-o", "noon"], "@MOMENT"),
        (&["consume", "t", "-f", "%q"], "%k %v"),
        (&["consume", "t", "-g", "g", "-p", "1"], "cannot be used with"),
        (&["consume", "t", "--timeout", "5"], "500ms, 30s"),
        (&["topic", "create", "t", "-c", "x"], "KEY=VALUE"),
        (&["topic", "alter", "t"], "--partitions"),
        (&["replay", "t", "--rate", "0"], "records a second"),
        (&["produce", "t", "-z", "rar"], "gzip"),
    ] {
        let said = run(arguments);
        assert_eq!(said.code, Some(2), "{arguments:?}: {said:?}");
        assert!(said.err.contains(expected), "{arguments:?}: {}", said.err);
    }
}

#[test]
fn broker_that_is_not_there_is_an_error_with_advice() {
    for verb in [&["topic", "list"][..], &["consume", "t"], &["group", "list"], &["cluster"]] {
        let said = run(&[verb, &["-b", NOBODY]].concat());
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains(&format!("cannot connect to {NOBODY}")), "{}", said.err);
        assert!(
            said.err.contains("ottla serve") && said.err.contains("--bootstrap"),
            "{}",
            said.err
        );
    }
}

#[test]
fn bootstrap_takes_several_addresses_of_which_one_will_do() {
    let stage = Stage::new();
    let both = format!("{NOBODY},{}", stage.bootstrap());
    let said = run(&["topic", "list", "--bootstrap", &both]);
    assert_eq!(said.code, Some(0), "{said:?}");
}
