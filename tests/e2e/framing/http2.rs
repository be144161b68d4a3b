//! What HTTP/2 clients send, and what an HTTP/1 server hears of it.

use std::time::Duration;

use super::{
    pseudo, regular,
    stream::{Fate, Stream, Trailers},
};
use crate::harness::{
    Frames, Proxy, Recorder,
    frames::{
        CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, HEADERS, RST_STREAM, push_string,
        status_in,
    },
};

const TEXT: &str = "
    listeners:
      http: { bind: 127.0.0.1:$http }
      https:
        bind: 127.0.0.1:$https
        tls: intermediate
        limits: { connections_per_client: 2000, header_timeout: 3s, body_idle_timeout: 3s, body_size: 1MiB }
    certificates: [{ hosts: [localhost], self_signed: true }]
    upstreams: { web: { servers: [RECORDER] } }
    routes: [{ upstream: web }]
    ";

/// Longer than any of the deadlines above.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a frame at most, without other settings (RFC 9113 section 4.2).
const FRAME: usize = 16 << 10;

#[tokio::test]
async fn nothing_malformed_passes_from_http_2_to_http_1() {
    let rows = [pseudo::rows(), regular::rows()];
    let rows: Vec<_> = rows.into_iter().flatten().collect();
    assert!(rows.len() >= 90, "{} rows", rows.len());
    let recorder = Recorder::start().await;
    let proxy = Proxy::with(&TEXT.replace("RECORDER", &recorder.to_string()), &[]).await;
    let mut wrong = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let path = format!("/r/{number:05}");
        let tried = tokio::time::timeout(PATIENCE, try_row(&proxy, &recorder, row, &path)).await;
        let verdict = tried.unwrap_or_else(|_| Err("it hangs".to_owned()));
        wrong.extend(verdict.err().map(|why| format!("{}: {why}", row.name)));
    }
    wrong.extend(recorder.faults());
    assert_eq!(recorder.count("/smuggled"), 0);
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

async fn try_row(
    proxy: &Proxy,
    recorder: &Recorder,
    row: &Stream,
    path: &str,
) -> Result<(), String> {
    let mut frames = Frames::begin(proxy).await;
    // A stream before it on the same connection, and one after it.
    frames
        .get(1, &format!("/before{path}"))
        .await
        .map_err(|e| e.to_string())?;
    expect(&mut frames, 1, &format!("/before{path}")).await?;
    send(&mut frames, row, path).await;
    let outcome = outcome(&mut frames, 3).await;
    let heard = recorder.count(path);
    match (row.fate, &outcome) {
        (Fate::Passed, Outcome::Answer(200, body)) if body.starts_with(path) && heard == 1 => {}
        (Fate::Local(expected), Outcome::Answer(status, _))
            if *status == expected && heard == 0 => {}
        (Fate::Refused | Fate::Closed, Outcome::Answer(400..500, _) | Outcome::Reset)
            if heard == 0 => {}
        (Fate::Closed, Outcome::End) if heard == 0 => return Ok(()),
        (Fate::Either, Outcome::Answer(200 | 400..500, _) | Outcome::Reset) => {}
        _ => return Err(format!("{outcome:?}, heard {heard} times")),
    }
    if row.fate != Fate::Closed {
        let path = format!("/after{path}");
        frames
            .get(5, &path)
            .await
            .map_err(|error| error.to_string())?;
        expect(&mut frames, 5, &path).await?;
    }
    Ok(())
}

/// What became of a stream.
#[derive(Debug)]
enum Outcome {
    Answer(u16, String),
    Reset,
    /// The connection ended.
    End,
}

async fn expect(frames: &mut Frames, stream: u32, path: &str) -> Result<(), String> {
    match outcome(frames, stream).await {
        Outcome::Answer(200, body) if body == path => Ok(()),
        other => Err(format!("{path}: {other:?}")),
    }
}

async fn outcome(frames: &mut Frames, stream: u32) -> Outcome {
    let Some(head) = frames
        .next_where(|frame| frame.stream == stream && matches!(frame.kind, HEADERS | RST_STREAM))
        .await
    else {
        return Outcome::End;
    };
    if head.kind == RST_STREAM {
        return Outcome::Reset;
    }
    let status = status_in(&head.payload);
    let mut body = Vec::new();
    let mut last = head;
    while last.flags & END_STREAM == 0 {
        let of_stream = |frame: &Frame| {
            frame.stream == stream && matches!(frame.kind, DATA | HEADERS | RST_STREAM)
        };
        match frames.next_where(of_stream).await {
            Some(frame) if frame.kind == DATA => {
                body.extend_from_slice(&frame.payload);
                last = frame;
            }
            Some(frame) if frame.kind == HEADERS => last = frame,
            _ => break,
        }
    }
    Outcome::Answer(status, String::from_utf8_lossy(&body).into_owned())
}

/// A proxy that refuses may close before it has read all.
async fn send(frames: &mut Frames, row: &Stream, path: &str) {
    let has_trailers = !matches!(row.trailers, Trailers::None);
    let ends = row.data.is_empty() && !has_trailers;
    let _ = send_head(frames, &row.fields, ends, path).await;
    for (nth, part) in row.data.iter().enumerate() {
        let ends = nth + 1 == row.data.len() && !has_trailers;
        let flags = if ends { END_STREAM } else { 0 };
        let _ = frames.send(DATA, flags, 3, part).await;
    }
    let _ = match &row.trailers {
        Trailers::None => Ok(()),
        Trailers::Last(trailers) => send_head(frames, trailers, true, path).await,
        Trailers::Open(trailers) => send_head(frames, trailers, false, path).await,
    };
}

async fn send_head(
    frames: &mut Frames,
    fields: &[(Vec<u8>, Vec<u8>)],
    ends: bool,
    path: &str,
) -> std::io::Result<()> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0x10); // a literal that is never indexed (RFC 7541 section 6.2.3)
        push_string(&mut block, name);
        push_string(
            &mut block,
            &super::judge::replace(value, b"/ROW", path.as_bytes()),
        );
    }
    let pieces: Vec<_> = block.chunks(FRAME).collect();
    let pieces = if pieces.is_empty() {
        vec![&[][..]]
    } else {
        pieces
    };
    for (nth, piece) in pieces.iter().enumerate() {
        let (kind, mut flags) = if nth == 0 {
            (HEADERS, if ends { END_STREAM } else { 0 })
        } else {
            (CONTINUATION, 0)
        };
        if nth + 1 == pieces.len() {
            flags |= END_HEADERS;
        }
        frames.send(kind, flags, 3, piece).await?;
    }
    Ok(())
}
