//! Texts in, values and refusals out.

use crate::allowed::Allowed;
use crate::definition::Definition;
use crate::kind::Kind;
use crate::value::Value;

fn row(kind: Kind, allowed: Allowed) -> Definition {
    Definition::unset("a.key", kind).allowed(allowed)
}

/// Checks what `text` becomes, printed; `None` if it must be refused.
fn check(kind: Kind, allowed: Allowed, text: &str, expected: Option<&str>) {
    let printed = row(kind, allowed).parse(text).ok().map(|value| value.to_string());
    assert_eq!(printed.as_deref(), expected, "{kind} {allowed:?} {text:?}");
}

#[test]
fn parse_by_kind_takes_what_kafka_takes() {
    for (kind, text, expected) in [
        (Kind::Boolean, " TRUE ", Some("true")),
        (Kind::Boolean, "yes", None),
        (Kind::Short, "32768", None),
        (Kind::Int, "-2147483648", Some("-2147483648")),
        (Kind::Int, "2147483648", None),
        (Kind::Int, "1e3", None),
        (Kind::Int, "", None),
        (Kind::Long, "+9223372036854775807", Some("9223372036854775807")),
        (Kind::Long, "9223372036854775808", None),
        (Kind::Double, "5", Some("5.0")),
        (Kind::Double, "NaN", None),
        (Kind::String, " a b ", Some("a b")),
        (Kind::Class, "org.example.Policy", Some("org.example.Policy")),
        (Kind::List, " a , b ", Some("a,b")),
        (Kind::List, "  ", Some("")),
        (Kind::Password, "secret", Some("[hidden]")),
    ] {
        check(kind, Allowed::Any, text, expected);
    }
}

#[test]
fn parse_by_limits_refuses_what_is_outside() {
    let policies = Allowed::ListOf(&["compact", "delete"]);
    let directories = Allowed::Distinct { or_empty: false };
    for (kind, allowed, text, fits) in [
        (Kind::Int, Allowed::AtLeast(1), "1", true),
        (Kind::Int, Allowed::AtLeast(1), "0", false),
        (Kind::Long, Allowed::Between(-1, 22), "22", true),
        (Kind::Long, Allowed::Between(-1, 22), "23", false),
        (Kind::Long, Allowed::Between(-1, 22), "-2", false),
        (Kind::Double, Allowed::Between(0, 1), "1.0", true),
        (Kind::Double, Allowed::Between(0, 1), "1.01", false),
        (Kind::Int, Allowed::GzipLevel, "-1", true),
        (Kind::Int, Allowed::GzipLevel, "9", true),
        (Kind::Int, Allowed::GzipLevel, "0", false),
        (Kind::Int, Allowed::GzipLevel, "10", false),
        (Kind::String, Allowed::OneOf(&["a", "b"]), "b", true),
        (Kind::String, Allowed::OneOf(&["a", "b"]), "B", false),
        (Kind::List, policies, "delete,compact", true),
        (Kind::List, policies, "", true),
        (Kind::List, policies, "delete,delete", true),
        (Kind::List, policies, "delete,", false),
        (Kind::List, directories, "/a,/b", true),
        (Kind::List, directories, "/a,,/b", false),
        (Kind::List, directories, "", false),
        (Kind::List, Allowed::SomeOf(&["a"]), "a", true),
        (Kind::List, Allowed::SomeOf(&["a"]), "", false),
        (Kind::List, Allowed::SomeOf(&["a"]), "a,b", false),
        (Kind::List, Allowed::Selectors, "client_id=a.*, client_software_name = b", true),
        (Kind::List, Allowed::Selectors, "client_id", false),
        (Kind::List, Allowed::Selectors, "nobody=a", false),
        (Kind::List, Allowed::Selectors, "client_id=a=b", false),
        (Kind::String, Allowed::AnyCase(&["a", "b"]), "B", true),
        (Kind::String, Allowed::AnyCase(&["a", "b"]), "c", false),
        (Kind::List, Allowed::Distinct { or_empty: true }, "", true),
        (Kind::List, Allowed::Replicas, "*", true),
        (Kind::List, Allowed::Replicas, "0:1, 12:3,", true),
        (Kind::List, Allowed::Replicas, "0:1,*", false),
        (Kind::List, Allowed::Replicas, "0:", false),
    ] {
        assert_eq!(row(kind, allowed).parse(text).is_ok(), fits, "{kind} {allowed:?} {text:?}");
    }
}

#[test]
fn parse_refused_says_key_value_and_limits() {
    let error = row(Kind::Int, Allowed::AtLeast(4)).parse("3").unwrap_err();
    assert_eq!(
        error.to_string(),
        "a.key cannot be `3`: it takes a value of type int of at least 4"
    );
    let error = row(Kind::Boolean, Allowed::Any).parse("on").unwrap_err();
    assert_eq!(error.to_string(), "a.key cannot be `on`: it takes a value of type boolean");
}

#[test]
fn password_printed_or_refused_stays_hidden() {
    let value = row(Kind::Password, Allowed::Any).parse("secret").unwrap();
    assert!(!format!("{value} {value:?}").contains("secret"));
    let Value::Password(password) = value else { panic!("a password is a Value::Password") };
    assert_eq!(password.reveal(), "secret");
    let error = row(Kind::Password, Allowed::AtLeast(1)).parse("secret").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
}

#[test]
fn double_printed_looks_as_in_java() {
    for (number, printed) in [
        (0.0, "0.0"),
        (0.5, "0.5"),
        (0.001, "0.001"),
        (0.000_12, "1.2E-4"),
        (9_999_999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (-2.5e8, "-2.5E8"),
        (f64::MAX, "1.7976931348623157E308"),
    ] {
        assert_eq!(Value::Double(number).to_string(), printed);
    }
}

#[test]
fn offset_reset_is_a_place_or_a_duration() {
    for (text, fits) in [
        ("earliest", true),
        ("EARLIEST", false),
        ("none", false),
        ("by_duration:PT1H", true),
        ("by_duration:P1D", true),
        ("by_duration:P1DT", false),
        ("by_duration:pt1h2m", true),
        ("by_duration:PT2M1H", false),
        ("by_duration:PT1.5S", true),
        ("by_duration:PT1.5H", false),
        ("by_duration:PT0.0000000001S", false),
        ("by_duration:-PT1H", false),
        ("by_duration:P", false),
        ("by_duration:PT", false),
        ("by_duration:1H", false),
        ("by_duration:", false),
        ("by_duration", false),
    ] {
        let parsed = row(Kind::String, Allowed::OffsetReset).parse(text);
        assert_eq!(parsed.is_ok(), fits, "{text}");
    }
}

#[test]
fn set_with_a_text_twice_has_it_once() {
    let policies = Allowed::ListOf(&["compact", "delete"]);
    check(Kind::List, policies, "delete, compact,delete", Some("delete,compact"));
    check(Kind::List, Allowed::Any, "a,a", Some("a,a"));
}

#[test]
fn missing_setting_takes_its_default_only() {
    let row = Definition::string("a.key", "x").missing();
    row.parse("x").unwrap();
    let error = row.parse("y").unwrap_err();
    assert_eq!(
        error.to_string(),
        "a.key cannot be set: this broker does not support it yet, only its default `x`"
    );
}
