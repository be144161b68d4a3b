//! A server's response as a whole, once [`Reply`] has let every byte of it through.

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

use super::{ResponseParts, find_head_end, reply::Reply};
use crate::respond::Refusal;

/// A final response; what came before it is forgotten, and so are trailers.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: StatusCode,
    pub fields: HeaderMap,
    pub body: Vec<u8>,
    /// Whether the server goes on with another request on the same connection.
    pub keeps_alive: bool,
}

/// Gathers one response, up to a size.
#[derive(Debug)]
pub struct Gathering {
    reply: Reply,
    bytes: Vec<u8>,
    /// Of them, how many belong to the response for sure.
    passed: usize,
    most: usize,
}

/// What there is of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gathered {
    Part,
    Whole,
    /// Whole, and something came after it that nobody asked for.
    WithSurplus,
}

impl Gathering {
    /// `most` is of bytes in all: heads, interim ones too, and the body with its framing.
    pub fn new(reply: Reply, most: usize) -> Self {
        Self {
            reply,
            bytes: Vec::new(),
            passed: 0,
            most,
        }
    }

    /// Adds the bytes that come next.
    ///
    /// # Errors
    /// [`Refusal::ServerMalformed`] if the response breaks the protocol, or passes a limit.
    pub fn add(&mut self, bytes: &[u8]) -> Result<Gathered, Refusal> {
        if self.bytes.len() + bytes.len() > self.most {
            return Err(Refusal::ServerMalformed("the response is too large"));
        }
        self.bytes.extend_from_slice(bytes);
        let rest = self.bytes.get(self.passed..).unwrap_or_default();
        self.passed += self.reply.pass(rest)?;
        Ok(
            match (self.reply.is_over(), self.passed == self.bytes.len()) {
                (false, _) => Gathered::Part,
                (true, true) => Gathered::Whole,
                (true, false) => Gathered::WithSurplus,
            },
        )
    }

    /// Whether nothing has come yet.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether the response is whole if the server has closed now.
    pub fn ends_here(&self) -> bool {
        self.reply.is_over() || self.reply.ends_with_connection()
    }

    /// The response, which is whole.
    ///
    /// # Errors
    /// [`Refusal::ServerMalformed`] if it is not.
    pub fn into_response(self) -> Result<Response, Refusal> {
        let mut bytes = Bytes::from(self.bytes);
        bytes.truncate(self.passed);
        let keeps_alive = !self.reply.ends_with_connection();
        let mut response =
            read(bytes).ok_or(Refusal::ServerMalformed("the response is not whole"))?;
        response.keeps_alive &= keeps_alive;
        Ok(response)
    }
}

/// Reads what [`Reply`] has found sound. `None` if it is not whole.
fn read(mut bytes: Bytes) -> Option<Response> {
    loop {
        let head = bytes.split_to(find_head_end(&bytes, 0)?);
        // Of a copy: fields may be kept for long, and are not to keep the body.
        let parts = ResponseParts::read(&Bytes::copy_from_slice(&head))?;
        if parts.status.is_informational() {
            continue;
        }
        let body = if parts.fields.contains(&header::TRANSFER_ENCODING) {
            join_chunks(&bytes)?
        } else {
            bytes.to_vec()
        };
        return Some(Response {
            status: parts.status,
            keeps_alive: parts.keeps_alive(),
            fields: parts.fields.into_map(),
            body,
        });
    }
}

/// The content of chunks that were found sound: sizes are hexadecimal and nothing stands beside them.
fn join_chunks(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::with_capacity(bytes.len());
    loop {
        let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
        let digits = str::from_utf8(bytes.get(..end)?).ok()?;
        let size = usize::from_str_radix(digits, 16).ok()?;
        if size == 0 {
            return Some(content);
        }
        let (chunk, rest) = bytes.get(end + 2..)?.split_at_checked(size)?;
        content.extend_from_slice(chunk);
        bytes = rest.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::admit::{Asked, ReplyLimits};

    fn gathering(most: usize) -> Gathering {
        let limits = ReplyLimits {
            header_size: 4096,
            header_count: 20,
        };
        Gathering::new(Reply::new(Asked::default(), limits), most)
    }

    /// What is read of these bytes, in pieces of this size, and whether something follows.
    fn read_in(size: usize, bytes: &[u8]) -> Result<(Response, Gathered), Refusal> {
        let mut gathering = gathering(1 << 16);
        let mut found = Gathered::Part;
        for piece in bytes.chunks(size) {
            if found == Gathered::Part {
                found = gathering.add(piece)?;
            }
        }
        assert!(
            found != Gathered::Part || gathering.ends_here(),
            "it is whole"
        );
        Ok((gathering.into_response()?, found))
    }

    #[test]
    fn a_response_is_read_whole_however_it_comes() {
        for (bytes, status, body, keeps_alive) in [
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
                200,
                "hi",
                true,
            ),
            ("HTTP/1.1 204 None\r\n\r\n", 204, "", true),
            (
                "HTTP/1.1 302\r\ncontent-length: 0\r\nconnection: x, Close\r\n\r\n",
                302,
                "",
                false,
            ),
            (
                "HTTP/1.0 401 No\r\ncontent-length: 2\r\n\r\nno",
                401,
                "no",
                false,
            ),
            (
                "HTTP/1.1 403 No\r\n\r\nuntil the end",
                403,
                "until the end",
                false,
            ),
            (
                "HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 401 No\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\nx: y\r\n\r\n",
                401,
                "abc0123456789",
                true,
            ),
        ] {
            for size in [1, 2, 7, 4096] {
                let (response, found) = read_in(size, bytes.as_bytes()).unwrap();
                assert_eq!(response.status, status, "{bytes}");
                assert_eq!(response.body, body.as_bytes(), "{bytes}");
                assert_eq!(response.keeps_alive, keeps_alive, "{bytes}");
                assert!(!response.fields.contains_key("link"));
                assert_ne!(found, Gathered::WithSurplus);
            }
        }
    }

    #[test]
    fn what_follows_a_response_is_told_and_no_part_of_it() {
        let bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhiHTTP/1.1";
        let (response, found) = read_in(4096, bytes).unwrap();
        assert_eq!(
            (response.body.as_slice(), found),
            (&b"hi"[..], Gathered::WithSurplus)
        );
    }

    #[test]
    fn a_response_is_no_larger_than_it_may_be() {
        let head = b"HTTP/1.1 200 OK\r\n\r\n";
        let mut gathering = gathering(100);
        assert_eq!(gathering.add(head), Ok(Gathered::Part));
        assert_eq!(gathering.add(&[b'x'; 81]), Ok(Gathered::Part));
        assert!(gathering.add(b"x").is_err());
    }

    #[test]
    fn half_a_response_is_none() {
        let mut gathering = gathering(1000);
        gathering
            .add(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhi")
            .unwrap();
        assert!(!gathering.ends_here());
    }

    proptest! {
        #[test]
        fn chunks_are_joined_as_they_were_cut(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            size in 1..64_usize,
        ) {
            let mut bytes = b"HTTP/1.1 401 No\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
            for piece in &pieces {
                bytes.extend(format!("{:x}\r\n", piece.len()).bytes());
                bytes.extend(piece);
                bytes.extend(b"\r\n");
            }
            bytes.extend(b"0\r\n\r\n");
            let (response, found) = read_in(size, &bytes).unwrap();
            prop_assert_eq!(response.body, pieces.concat());
            prop_assert_eq!(found, Gathered::Whole);
        }
    }
}
