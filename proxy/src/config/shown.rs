//! Values of a file as messages show them.

use super::{problem::quoted, raw::Value};

/// A short value as it may stand inside brackets.
pub(super) fn as_yaml(value: &Value) -> Option<String> {
    match value {
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Text(text) if text.len() <= 60 => {
            let is_plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_./:%".contains(c))
                && !text.ends_with(':');
            Some(if is_plain { text.clone() } else { quoted(text) })
        }
        _ => None,
    }
}

/// What stands in the file, for messages.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null | Value::Unreadable => "nothing".to_owned(),
        Value::Bool(flag) => format!("{flag}"),
        Value::Int(number) => format!("the number {number}"),
        Value::Float(number) => format!("the number {number}"),
        Value::Text(text) => format!("the text {}", quoted(text)),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a mapping".to_owned(),
    }
}
