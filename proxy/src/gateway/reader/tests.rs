//! What is read off a line, however it comes.

use std::task::Waker;

use super::*;
use crate::{
    admit::{Asked, ReplyLimits},
    respond::Refusal,
};

const RESPONSE: &[u8] =
    b"HTTP/1.1 103 Hm\r\nlink: <a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

fn reader() -> Reader {
    let limits = ReplyLimits {
        header_size: 4096,
        header_count: 20,
    };
    Reader::in_portions(Reply::new(Asked::default(), limits), 64 << 10)
}

/// A line on which these pieces come, one a read, and then the end.
struct Pieces<'a>(Vec<&'a [u8]>);

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(first) = self.0.first_mut() {
            let (now, later) = first.split_at(first.len().min(buf.remaining()));
            buf.put_slice(now);
            *first = later;
            if later.is_empty() {
                self.0.remove(0);
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// All that is given on, with room for so many bytes at a time.
fn read_all(pieces: Vec<&[u8]>, room: usize) -> (Vec<u8>, Reader, Option<io::Error>) {
    let (mut line, mut reader) = (Pieces(pieces), reader());
    let mut nobody = Context::from_waker(Waker::noop());
    let (mut given, mut buffer) = (Vec::new(), vec![0; room]);
    loop {
        let mut buf = ReadBuf::new(&mut buffer);
        match reader.poll_read(Pin::new(&mut line), &mut nobody, &mut buf) {
            Poll::Ready(Ok(())) if buf.filled().is_empty() => return (given, reader, None),
            Poll::Ready(Ok(())) => given.extend_from_slice(buf.filled()),
            Poll::Ready(Err(error)) => return (given, reader, Some(error)),
            Poll::Pending => panic!("the line is never quiet"),
        }
    }
}

#[test]
fn the_response_is_given_on_whole_and_nothing_after_it() {
    let more = [RESPONSE, b"HTTP/1.1 200 OK\r\n\r\n"].concat();
    for size in [1, 2, 3, 7, 40, 1000] {
        for room in [2, 3, 64, 4096] {
            let (given, reader, error) = read_all(RESPONSE.chunks(size).collect(), room);
            assert_eq!((given.as_slice(), error.is_none()), (RESPONSE, true));
            assert!(reader.is_over() && !reader.has_surplus());
            let (given, reader, error) = read_all(more.chunks(size).collect(), room);
            assert_eq!((given.as_slice(), error.is_none()), (RESPONSE, true));
            assert!(reader.is_over());
            let in_one_read = size > RESPONSE.len() && room > RESPONSE.len();
            assert!(reader.has_surplus() || !in_one_read, "{size} {room}");
        }
    }
}

#[test]
fn of_a_head_that_is_not_sound_nothing_is_given_on() {
    let bad = b"HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 1\r\n\r\nx";
    for size in [1, 5, 100] {
        let (given, _, error) = read_all(bad.chunks(size).collect(), 64);
        assert_eq!(given, b"");
        let error = error.unwrap();
        let refusal = error.get_ref().and_then(|it| it.downcast_ref::<Refusal>());
        assert!(matches!(refusal, Some(Refusal::ServerMalformed(_))));
    }
    // Nor of one that ends in the middle.
    let (given, reader, error) = read_all(vec![&bad[..20]], 64);
    assert_eq!((given.as_slice(), error.is_none()), (&b""[..], true));
    assert!(!reader.is_over());
}

#[test]
fn what_comes_after_the_end_is_seen() {
    let (_, mut reader, _) = read_all(vec![RESPONSE], 4096);
    let mut nobody = Context::from_waker(Waker::noop());
    let mut more = Pieces(vec![b"x"]);
    assert!(
        reader
            .poll_surplus(Pin::new(&mut more), &mut nobody)
            .is_ready()
    );
    assert!(reader.has_surplus());
}
