//! What is held, for how long, and that nothing of it is lost.

use std::future::poll_fn;

use http::{HeaderMap, HeaderValue, Method, Version, header};
use tokio::{
    io::{AsyncWriteExt, DuplexStream, duplex},
    time::{Instant, timeout},
};

use super::*;
use crate::{
    admit::{Asked, ReplyLimits},
    config::model,
    policy::Engines,
};

const LIMITS: ReplyLimits = ReplyLimits {
    header_size: 4096,
    header_count: 20,
};

/// One response on its way, and our end of the connection.
struct Bed {
    passage: Arc<Passage>,
    hold: Hold,
    reader: Reader,
    near: DuplexStream,
    far: DuplexStream,
}

fn bed(deadline: Duration, is_strained: bool) -> Bed {
    let compress = Compress::new(
        &model::Compress::default(),
        "defaults",
        &Arc::<Engines>::default(),
    );
    let mut fields = HeaderMap::new();
    fields.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("br"));
    let offer = compress.accept(&Method::GET, Version::HTTP_11, (&fields).into());
    let passage = Arc::new(Passage::new(&Arc::new(compress), offer));
    let (near, far) = duplex(1 << 20);
    Bed {
        hold: Hold::new(&passage, deadline, is_strained),
        passage,
        reader: Reader::in_portions(Reply::new(Asked::default(), LIMITS), 64 << 10),
        near,
        far,
    }
}

impl Bed {
    /// What Pingora gets by one read with this much room.
    async fn read(&mut self, room: usize) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; room];
        poll_fn(|cx| {
            let mut buf = ReadBuf::new(&mut buffer);
            let line = Pin::new(&mut self.near);
            ready!(self.hold.poll_read(&mut self.reader, line, cx, &mut buf))?;
            Poll::Ready(Ok(buf.filled().to_vec()))
        })
        .await
    }

    /// What it gets until there is no more.
    async fn read_all(&mut self, room: usize) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            match self.read(room).await.unwrap() {
                some if some.is_empty() => return all,
                some => all.extend(some),
            }
        }
    }

    /// Nothing is to be had, for a moment.
    async fn is_quiet(&mut self) -> bool {
        let moment = Duration::from_millis(1);
        timeout(moment, self.read(4096)).await.is_err()
    }
}

fn response(fields: &str, length: usize) -> Vec<u8> {
    let body = "abcdefghij".repeat(length / 10 + 1);
    let head = format!("HTTP/1.1 200 OK\r\n{fields}content-length: {length}\r\n\r\n");
    [head.as_bytes(), &body.as_bytes()[..length]].concat()
}

const TEXT: &str = "content-type: text/plain\r\n";
const LONG: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_body_is_shown_whole_before_its_head_and_given_on_as_it_came() {
    for length in [1024, 5000, 100_000, 256 << 10] {
        for (pieces, room) in [
            (usize::MAX, 4096),
            (length / 100, 4096),
            (length / 3, 65_536),
            (length / 200 + 80, 100_000),
        ] {
            let all = response(TEXT, length);
            let mut bed = bed(LONG, false);
            let (last, before) = all.split_last().unwrap();
            for piece in before.chunks(pieces) {
                bed.far.write_all(piece).await.unwrap();
                assert!(bed.is_quiet().await, "{length} in {pieces}");
                assert!(bed.passage.take().is_none());
            }
            bed.far.write_all(&[*last]).await.unwrap();
            let first = bed.read(room).await.unwrap();
            let body = bed.passage.take().unwrap();
            assert!(all.ends_with(&body) && body.len() == length);
            assert!(bed.passage.has_more_than(length as u64 - 1));
            assert!(!bed.passage.has_more_than(length as u64));
            assert!([first, bed.read_all(room).await].concat() == all);
            assert!(bed.hold.is_empty() && bed.reader.is_over());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_held_is_given_on_in_the_portions_that_suit_the_client() {
    let all = response(TEXT, 200_000);
    let mut bed = bed(LONG, false);
    bed.reader = Reader::in_portions(Reply::new(Asked::default(), LIMITS), 16 << 10);
    bed.far.write_all(&all).await.unwrap();
    let mut got = Vec::new();
    while got.len() < all.len() {
        let some = bed.read(64 << 10).await.unwrap();
        assert!(some.len() <= 16 << 10, "{}", some.len());
        got.extend(some);
    }
    assert!(got == all && bed.passage.take().is_some());
}

#[tokio::test(start_paused = true)]
async fn what_would_not_be_compressed_in_one_go_is_not_held() {
    let chunked = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let empty = "HTTP/1.1 204 No Content\r\ncontent-type: text/plain\r\n\r\n";
    for all in [
        response("content-type: image/png\r\n", 5000),
        response("", 5000),
        response(&format!("{TEXT}set-cookie: a=b\r\n"), 5000),
        response(&format!("{TEXT}content-encoding: gzip\r\n"), 5000),
        response(TEXT, 1023),
        response(TEXT, (256 << 10) + 1),
        chunked.as_bytes().to_vec(),
        empty.as_bytes().to_vec(),
    ] {
        let mut bed = bed(LONG, false);
        let some = all.len().min(1000);
        bed.far.write_all(&all[..some]).await.unwrap();
        assert!(bed.read(4096).await.unwrap() == all[..some]);
        bed.far.write_all(&all[some..]).await.unwrap();
        drop(bed.far.shutdown().await);
        assert!(bed.read_all(4096).await == all[some..]);
        assert!(bed.passage.take().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_pingora_has_no_room_for_is_not_held() {
    let all = response(&format!("{TEXT}x-long: {}\r\n", "x".repeat(3000)), 2000);
    let mut bed = bed(LONG, false);
    bed.far.write_all(&all).await.unwrap();
    assert!(bed.read_all(1000).await == all);
    assert!(bed.passage.take().is_none());
}

#[tokio::test(start_paused = true)]
async fn where_memory_is_strained_nothing_is_held() {
    let all = response(TEXT, 5000);
    let mut bed = bed(LONG, true);
    bed.far.write_all(&all[..2000]).await.unwrap();
    assert!(bed.read(4096).await.unwrap() == all[..2000]);
    assert!(bed.passage.has_more_than(1000));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_long_is_not_waited_for() {
    for (deadline, patience) in [
        (LONG, PATIENCE),
        (Duration::from_millis(300), Duration::from_millis(150)),
    ] {
        let all = response(TEXT, 5000);
        let mut bed = bed(deadline, false);
        bed.far.write_all(&all[..1000]).await.unwrap();
        let started = Instant::now();
        assert!(bed.read(4096).await.unwrap() == all[..1000]);
        assert_eq!(started.elapsed().as_millis(), patience.as_millis());
        bed.far.write_all(&all[1000..]).await.unwrap();
        assert!(bed.read_all(4096).await == all[1000..]);
        assert!(bed.passage.take().is_none() && bed.hold.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_shown_of_what_breaks_off() {
    let all = response(TEXT, 5000);
    let mut bed = bed(LONG, false);
    bed.far.write_all(&all[..4000]).await.unwrap();
    bed.far.shutdown().await.unwrap();
    assert!(bed.read_all(4096).await.is_empty());
    assert!(bed.passage.take().is_none());
}

#[tokio::test(start_paused = true)]
async fn interim_responses_pass_at_once() {
    let interim = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n";
    let all = response(TEXT, 5000);
    let mut bed = bed(LONG, false);
    bed.far.write_all(interim).await.unwrap();
    assert_eq!(bed.read(4096).await.unwrap(), interim);
    bed.far.write_all(&all).await.unwrap();
    assert!(bed.read_all(4096).await == all);
    assert_eq!(bed.passage.take().unwrap().len(), 5000);
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_with_the_response_is_held_with_it() {
    let interim = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n".as_slice();
    let all = [interim, interim, &response(TEXT, 2000)].concat();
    let mut bed = bed(LONG, false);
    bed.far.write_all(&all[..500]).await.unwrap();
    assert!(bed.is_quiet().await);
    bed.far.write_all(&all[500..]).await.unwrap();
    assert!(bed.read_all(4096).await == all);
    assert_eq!(bed.passage.take().unwrap().len(), 2000);
}

#[tokio::test(start_paused = true)]
async fn after_a_mouthful_of_a_stream_others_have_their_turn() {
    for is_encoded in [true, false] {
        let all = response(TEXT, 600_000);
        let mut bed = bed(LONG, false);
        if is_encoded {
            bed.passage.is_encoded();
        }
        bed.far.write_all(&all).await.unwrap();
        let (mut pauses, mut got) = (0, 0);
        let mut buffer = vec![0; 64 << 10];
        while got < all.len() {
            got += poll_fn(|cx| {
                let mut buf = ReadBuf::new(&mut buffer);
                let line = Pin::new(&mut bed.near);
                let polled = bed.hold.poll_read(&mut bed.reader, line, cx, &mut buf);
                pauses += usize::from(polled.is_pending());
                polled.map_ok(|()| buf.filled().len())
            })
            .await
            .unwrap();
        }
        assert_eq!(pauses > 5, is_encoded, "{pauses}");
    }
}
