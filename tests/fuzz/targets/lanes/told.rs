//! What was said, less what may differ.

use std::fmt::Write;

/// Fields that are other ones each time, and one that is not said to HEAD by the express lane: how a body comes is seen by what is
/// read.
const LEFT_OUT: [&str; 3] = ["date", "x-request-id", "transfer-encoding"];

/// Fields as lines, in the order of their names; those of one name in the order in which they came.
pub(crate) fn fields(lines: &str) -> String {
    let lines = lines.split("\r\n").filter(|line| !line.is_empty());
    let mut fields: Vec<(String, &str)> = lines
        .map(|line| line.split_once(':').unwrap_or((line, "no value")))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .filter(|(name, value)| {
            !LEFT_OUT.contains(&name.as_str())
                && (name.as_str(), *value) != ("connection", "keep-alive")
        })
        .collect();
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    let mut text = String::new();
    for (name, value) in fields {
        let _ = writeln!(text, "  {name}: {value}");
    }
    text
}

/// A body in chunks, and where it ends; nothing if it does not.
pub(crate) fn decode(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let line = bytes[at..].windows(2).position(|two| two == b"\r\n")? + at;
        let size = bytes[at..line].split(|byte| *byte == b';').next()?;
        let size = usize::from_str_radix(str::from_utf8(size).ok()?, 16).ok()?;
        at = line + 2;
        if size == 0 {
            let end = bytes[at - 2..]
                .windows(4)
                .position(|four| four == b"\r\n\r\n")?;
            return Some((body, at - 2 + end + 4));
        }
        body.extend_from_slice(bytes.get(at..at + size)?);
        at += size + 2;
    }
}

/// All responses of a connection.
pub(crate) fn by_edge(bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some(end) = rest.windows(4).position(|four| four == b"\r\n\r\n") else {
            let _ = writeln!(text, "half a head: {}", String::from_utf8_lossy(rest));
            break;
        };
        let (head, after) = rest.split_at(end + 4);
        let head: String = head.iter().map(|byte| char::from(*byte)).collect();
        let (line, lines) = head.split_once("\r\n").unwrap_or((&head, ""));
        let id = value(lines, "x-request-id").unwrap_or("no id");
        let (body, length) = body(lines, after);
        let body = String::from_utf8_lossy(&body).replace(id, "ID");
        let _ = writeln!(text, "{line}\n{}{body:?}", fields(lines));
        rest = &after[length..];
    }
    text
}

fn value<'a>(lines: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = lines.split("\r\n").filter_map(|line| line.split_once(": "));
    fields
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// The body of a response, and how many bytes it takes. No body of ours begins like a response: so it is known if there is none.
fn body(lines: &str, after: &[u8]) -> (Vec<u8>, usize) {
    if after.starts_with(b"HTTP/1.1 ") {
        return (Vec::new(), 0);
    }
    if value(lines, "transfer-encoding").is_some() {
        return decode(after).unwrap_or_else(|| (after.to_vec(), after.len()));
    }
    let length = value(lines, "content-length").and_then(|length| length.parse().ok());
    let length = length.unwrap_or(0).min(after.len());
    (after[..length].to_vec(), length)
}
