//! The walk over made-up layouts, one row for each way in which a body can be right or wrong.

use super::*;
use crate::wire::{Reader, WireError};

/// Walks `body` as the one array of structs of a made-up message.
fn check(
    text: &'static str,
    is_flexible: bool,
    body: &[u8],
    expected: Result<(), (&str, WireError)>,
) {
    let layouts = parse::parse(text);
    let walked = walk(Reader::new(body, 3, is_flexible), &layouts[0].1, 4);
    let walked = walked.map_err(|Malformed { field, error }| (field, error));
    let expected = expected.map_err(|(field, error)| (field.to_owned(), error));
    assert_eq!(walked, expected, "{text} {body:x?}");
}

#[test]
fn walk_value_in_all_its_forms_is_passed_or_refused() {
    let truncated = |needed, left| WireError::Truncated { needed, left };
    check("Produce a:i32", false, &[0; 4], Ok(()));
    check("Produce a:i32", false, &[0; 3], Err(("a", truncated(4, 3))));
    check("Produce a:i32", false, &[0; 5], Ok(()));
    check("Produce a:i32@4-", false, &[], Ok(()));
    check("Produce a:i32@-3", true, &[0; 5], Ok(()));
    check("Produce a:str", false, &[0, 1, 65], Ok(()));
    check("Produce a:str", false, &[0xff, 0xff], Err(("a", WireError::Null)));
    check("Produce a:str", false, &[0xff, 0xfe], Err(("a", WireError::Negative(-2))));
    check("Produce a:str?3-", false, &[0xff, 0xff], Ok(()));
    check("Produce a:str?4-", false, &[0xff, 0xff], Err(("a", WireError::Null)));
    check("Produce a:str", true, &[2, 65, 0], Ok(()));
    check("Produce a:records?", true, &[0, 0], Ok(()));
    check("Produce a:bytes", true, &[9, 1, 2], Err(("a", truncated(8, 2))));
    check("Produce a:( b:i8 )?", false, &[1, 7], Ok(()));
    check("Produce a:( b:i8 )?", false, &[0xff], Ok(()));
    check("Produce a:( b:i8 )?", false, &[2], Err(("a", WireError::Presence(2))));
    check("Produce a:[i32]", true, &[2, 0, 0, 0, 1, 0], Ok(()));
    check("Produce a:[i32]", true, &[3, 0, 0, 0, 1, 0], Err(("a", truncated(8, 5))));
    check("Produce a:[ b:[ c:str ] ]", true, &[2, 2, 4, 65, 0], Err(("a.b.c", truncated(3, 2))));
}

#[test]
fn walk_length_beyond_the_body_is_refused() {
    let huge = [0x7f, 0xff, 0xff, 0xff, 0, 0];
    let error = WireError::Truncated { needed: i32::MAX as usize, left: 2 };
    check("Produce a:[ b:i32 ]", false, &huge, Err(("a", error)));
    check("Produce a:[i32]", false, &huge, Err(("a", error)));
    let huge = [0xff, 0xff, 0xff, 0xff, 0x0f, 0];
    let error = WireError::Truncated { needed: u32::MAX as usize - 1, left: 1 };
    check("Produce a:[ b:i32 ]", true, &huge, Err(("a", error)));
}

#[test]
fn walk_tagged_field_is_held_to_its_size() {
    let mismatch = WireError::TagSize { declared: 2, used: 1 };
    check("Produce a:i8#0", true, &[1, 0, 1, 5], Ok(()));
    check("Produce a:i8#0", true, &[1, 0, 2, 5, 5], Err(("", mismatch)));
    check("Produce a:i8#0", true, &[1, 9, 2, 5, 5], Ok(()));
    check("Produce a:i8@4-#0", true, &[1, 0, 2, 5, 5], Ok(()));
}

#[test]
fn walk_elements_beyond_the_limit_are_refused() {
    let error = WireError::TooManyElements(4);
    check("Produce a:[str]", true, &[5, 1, 1, 1, 1, 0], Ok(()));
    check("Produce a:[str]", true, &[6, 1, 1, 1, 1, 1, 0], Err(("a", error)));
    check("Produce a:[i8]", true, &[6, 1, 1, 1, 1, 1, 0], Ok(()));
    check("Produce", true, &[5, 9, 0, 9, 0, 9, 0, 9, 0, 9, 0], Err(("", error)));
}

#[test]
fn layouts_exist_for_all_apis_in_order() {
    for api in ApiKey::ALL {
        assert!(request(*api).is_some() && response(*api).is_some(), "{api}");
    }
}
