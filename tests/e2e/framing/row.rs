//! One request of a corpus, and what must become of it.

/// What a request hides. No server must ever hear it.
pub(super) const HIDDEN: &str = "GET /smuggled HTTP/1.1\r\nhost: test\r\n\r\n";

#[derive(Clone)]
pub(super) struct Row {
    pub(super) name: String,
    /// `/ROW` stands for a path of its own.
    pub(super) bytes: Vec<u8>,
    pub(super) fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// 4xx, or 505, and the connection is closed; no server hears a whole request.
    Refused,
    /// This status, of ours, and the connection is closed.
    Closed(u16),
    /// This status, of ours; the connection may go on.
    Local(u16),
    /// So many requests reach the server and are answered by it; the connection goes on.
    Passed(usize),
    /// One request reaches the server, and the connection is closed after its answer.
    Last,
    /// Any of these, as long as every answer belongs to its request.
    Either,
}

pub(super) use Fate::{Closed, Either, Last, Local, Passed, Refused};

impl Row {
    pub(super) fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>, fate: Fate) -> Self {
        Self {
            name: name.into(),
            bytes: bytes.into(),
            fate,
        }
    }

    /// A POST with these lines, without their ends, and what follows the head.
    pub(super) fn post(lines: &[u8], after: &[u8], fate: Fate) -> Self {
        let head = b"POST /ROW HTTP/1.1\r\nhost: test\r\n";
        let bytes = [head, lines, b"\r\n\r\n", after].concat();
        Self::new(format!("{:?}", shown(lines)), bytes, fate)
    }

    /// A GET with these lines, without their ends.
    pub(super) fn get(lines: impl AsRef<[u8]>, fate: Fate) -> Self {
        let lines = lines.as_ref();
        let head = b"GET /ROW HTTP/1.1\r\nhost: test\r\n";
        let bytes = [head, lines, b"\r\n\r\n"].concat();
        Self::new(format!("{:?}", shown(lines)), bytes, fate)
    }

    /// A request line, without its end.
    pub(super) fn line(line: impl AsRef<[u8]>, fate: Fate) -> Self {
        let line = line.as_ref();
        let bytes = [line, b"\r\nhost: test\r\n\r\n"].concat();
        Self::new(format!("{:?}", shown(line)), bytes, fate)
    }

    /// With another name.
    pub(super) fn called(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }
}

fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let cut = text.char_indices().nth(70).map_or(text.len(), |(at, _)| at);
    text[..cut].to_owned()
}
