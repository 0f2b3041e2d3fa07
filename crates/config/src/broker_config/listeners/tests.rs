//! Listeners in settings, and what a broker makes of them.

use super::*;
use crate::broker_config::tests::{check_refused, config, names};

#[test]
fn listeners_by_what_they_are_for() {
    let config = config(&[
        ("listeners", "client://:9092, Inside://[::1]:9093, C://localhost:9094"),
        ("controller.listener.names", "c"),
        ("listener.security.protocol.map", "CLIENT:PLAINTEXT,INSIDE:plaintext,C:PLAINTEXT"),
        ("inter.broker.listener.name", "inside"),
        ("advertised.listeners", "CLIENT://a.example:1, INSIDE://b.example:1, C://c.example:1"),
        ("controller.quorum.voters", "1@c.example:9094"),
        ("controller.quorum.bootstrap.servers", "localhost:9094"),
        ("ottla.http.listener", "[::1]:9644"),
    ])
    .unwrap();
    assert_eq!(names(&config.listeners), ["CLIENT://:9092", "INSIDE://[::1]:9093"]);
    assert_eq!(names(&config.controller_listeners), ["C://localhost:9094"]);
    assert_eq!(
        names(&config.advertised_listeners.unwrap()),
        ["CLIENT://a.example:1", "INSIDE://b.example:1"]
    );
    assert_eq!(config.inter_broker_listener, "INSIDE");
    assert_eq!(config.http_listener, Some(HostPort { host: "::1".to_owned(), port: 9644 }));
}

#[test]
fn listeners_on_one_port_need_two_families() {
    let listeners = |text| {
        config(&[
            ("listeners", text),
            ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,B:PLAINTEXT,C:PLAINTEXT"),
        ])
    };
    listeners("PLAINTEXT://127.0.0.1:1,B://[::1]:1").unwrap();
    listeners("PLAINTEXT://127.0.0.1:0,B://127.0.0.1:0").unwrap();
    for text in [
        "PLAINTEXT://127.0.0.1:1,B://127.0.0.2:1",
        "PLAINTEXT://127.0.0.1:1,B://:1",
        "PLAINTEXT://127.0.0.1:1,B://[::1]:1,C://[::2]:1",
    ] {
        listeners(text).unwrap_err();
    }
}

#[test]
fn listeners_that_do_not_fit_are_refused() {
    let reason = "so far only PLAINTEXT works";
    check_refused(&[("listeners", "SSL://:1")], "listeners", reason);
    check_refused(&[("listeners", "SASL_PLAINTEXT://:1")], "listeners", reason);
    check_refused(
        &[("listeners", "A://:1")],
        "listeners",
        "name one in listener.security.protocol.map",
    );
    check_refused(&[("listeners", "PLAINTEXT:1")], "listeners", "of the form NAME://host:port");
    let twice = [("listeners", "PLAINTEXT://:1,plaintext://:2")];
    check_refused(&twice, "listeners", "PLAINTEXT comes twice");
    let map = "listener.security.protocol.map";
    check_refused(&[(map, "PLAINTEXT")], map, "a list of NAME:PROTOCOL");
    check_refused(&[(map, "A:TLS")], map, "only PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL");
    let all = [("controller.listener.names", "PLAINTEXT")];
    check_refused(&all, "listeners", "all are in controller.listener.names");
    let none = [("controller.listener.names", "C")];
    check_refused(&none, "controller.listener.names", "C is none of listeners");
    let http = [("ottla.http.listener", "127.0.0.1:9092")];
    check_refused(&http, "ottla.http.listener", "PLAINTEXT has this port");
    check_refused(&[("ottla.http.listener", "x")], "ottla.http.listener", "host:port");
}

#[test]
fn advertised_listeners_that_nobody_reaches_are_refused() {
    let check = |text, reason| {
        check_refused(&[("advertised.listeners", text)], "advertised.listeners", reason);
    };
    check("PLAINTEXT://0.0.0.0:1", "name the host and port to reach");
    check("PLAINTEXT://[::]:1", "name the host and port to reach");
    check("PLAINTEXT://:1", "name the host and port to reach");
    check("PLAINTEXT://a:0", "name the host and port to reach");
    check("SSL://a:1", "so far only PLAINTEXT works");
    let other = [
        ("listeners", "PLAINTEXT://:1,A://:2"),
        ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,A:PLAINTEXT,B:PLAINTEXT"),
    ];
    let with = |pair| [other[0], other[1], pair];
    let unknown = with(("advertised.listeners", "B://a:1"));
    check_refused(&unknown, "advertised.listeners", "B is none of listeners");
    let without_inter_broker = with(("advertised.listeners", "A://a:1"));
    let reason = "brokers would reach each other over PLAINTEXT, and there is only A";
    check_refused(&without_inter_broker, "inter.broker.listener.name", reason);
    let inter_broker = with(("inter.broker.listener.name", "X"));
    let reason = "name one in listener.security.protocol.map";
    check_refused(&inter_broker, "inter.broker.listener.name", reason);
    let both = [
        ("inter.broker.listener.name", "PLAINTEXT"),
        ("security.inter.broker.protocol", "PLAINTEXT"),
    ];
    check_refused(&both, "inter.broker.listener.name", "set only one of them");
}
