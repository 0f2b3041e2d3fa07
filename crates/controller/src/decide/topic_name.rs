//! Which names topics may have.

use protocol::ErrorCode;

use super::ApiError;

/// A partition's directory is named after its topic, with its number and what deletion adds, in at most 255 bytes.
const NAME_BYTES_MAX: usize = 249;

/// Says whether a topic may be called `name` (`Topic.validate`).
pub fn check_topic_name(name: &str) -> Result<(), ApiError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let reason = match name {
        "" => "it is empty".to_owned(),
        "." | ".." => format!("`{name}` stands for a directory"),
        // Not repeated: a client may be told so for each of a million partitions.
        name if name.len() > NAME_BYTES_MAX => {
            format!("it is longer than {NAME_BYTES_MAX} characters")
        }
        name if !name.bytes().all(is_allowed) => {
            format!("`{name}` has characters other than ASCII letters, digits, `.`, `_` and `-`")
        }
        _ => return Ok(()),
    };
    let message = format!("the topic's name is not allowed: {reason}");
    Err(ApiError::new(ErrorCode::InvalidTopicException, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_name_is_checked_as_kafka_does() {
        let longest = "t".repeat(249);
        for name in ["a", "A.b_c-9", "...", "__consumer_offsets", &longest] {
            assert_eq!(check_topic_name(name), Ok(()), "{name}");
        }
        let too_long = "t".repeat(250);
        for name in ["", ".", "..", "a b", "a/b", "a:b", "\u{fc}", "a\0", &too_long] {
            let error = check_topic_name(name).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidTopicException, "{name}");
        }
    }
}
