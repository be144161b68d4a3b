//! Why the store cannot be used, in words for the log.

use redis::{ErrorKind, RedisError};

use super::Dial;

/// Letters of what a server says of itself.
const LONGEST: usize = 200;

pub(super) fn of_error(error: &RedisError, dial: &Dial) -> String {
    let said = printable(&dial.discreet(&error.to_string()));
    match (error.kind(), error.code()) {
        (ErrorKind::Parse | ErrorKind::UnexpectedReturnType, _) => {
            "what answers there is no Redis server".to_owned()
        }
        (ErrorKind::AuthenticationFailed, _) | (_, Some("WRONGPASS")) => {
            "it does not let us in: the user or the password is wrong".to_owned()
        }
        (_, Some("NOAUTH")) => "it does not let us in: it wants a password".to_owned(),
        (ErrorKind::Io, _) => said,
        _ => format!("it says: {said}"),
    }
}

/// On one line, and not too long.
fn printable(words: &str) -> String {
    let words = words.chars().take(LONGEST);
    words
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
