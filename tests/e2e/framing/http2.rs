//! What HTTP/2 clients send, and what an HTTP/1 server hears of it.

use std::time::Duration;

use super::{
    pseudo, regular,
    stream::{Fate, Stream, Trailers},
};
use crate::harness::{
    Frames, Proxy, Recorder,
    frames::{
        CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, RST_STREAM, frame,
        headers_block, push_string, request, status_in,
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
    let before = refused(proxy).await;
    send(&mut frames, row, path).await;
    let outcome = outcome(&mut frames, 3).await;
    let heard = recorder.count(path);
    let is_refused = match row.fate {
        Fate::Passed => false,
        Fate::Either => !matches!(outcome, Outcome::Answer(200, _)),
        Fate::Local(_) | Fate::Refused | Fate::Closed => true,
    };
    if is_refused && !is_counted(proxy, before).await {
        return Err(format!("{outcome:?} is not counted"));
    }
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

/// Requests and connections that were refused so far, for any reason.
async fn refused(proxy: &Proxy) -> u64 {
    let page = proxy.admin("/metrics").await.unwrap();
    let text = page.text();
    let counts = text.lines().filter(|line| {
        line.starts_with("simplon_refusals_total{")
            || line.starts_with("simplon_connections_refused_total{")
    });
    counts
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// An exchange is counted when it is over, which may be after the client has its answer.
async fn is_counted(proxy: &Proxy, before: u64) -> bool {
    for _ in 0..50 {
        if refused(proxy).await > before {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
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

#[tokio::test]
async fn requests_that_the_lane_turns_away_are_counted_and_end_with_a_word() {
    let recorder = Recorder::start().await;
    let text = TEXT.replace("RECORDER", &recorder.to_string());
    let nobody = [(":method", "GET"), (":scheme", "https"), (":path", "/")];
    let large = "x".repeat(15_000);
    let too_large = [&request("GET", "/")[..], &[("x", large.as_str()); 5]].concat();
    let target = [
        &nobody[..2],
        &[(":authority", "localhost"), (":path", "/\n")],
    ]
    .concat();
    let cases: [(&[_], _); 3] = [
        (&nobody, "malformed"),
        (&target, "malformed"),
        (&too_large, "header_too_large"),
    ];
    for (fields, reason) in cases {
        let proxy = Proxy::with(&text, &[]).await;
        let mut frames = Frames::begin(&proxy).await;
        let block = headers_block(fields);
        for nth in 0..101 {
            let mut stream = Vec::new();
            for (place, piece) in block.chunks(FRAME).enumerate() {
                let is_last = (place + 1) * FRAME >= block.len();
                let (kind, ends) = if place == 0 {
                    (HEADERS, END_STREAM)
                } else {
                    (CONTINUATION, 0)
                };
                let flags = if is_last { ends | END_HEADERS } else { ends };
                stream.extend(frame(kind, flags, 2 * nth + 1, piece));
            }
            if frames.send_bytes(&stream).await.is_err() || frames.look().await {
                break;
            }
        }
        let rest = frames.rest().await;
        let goodbye = rest.last().unwrap();
        assert_eq!(
            (goodbye.kind, goodbye.code()),
            (GOAWAY, 0xb),
            "{reason}: {rest:?}"
        );
        assert_eq!(
            String::from_utf8_lossy(&goodbye.payload[8..]),
            "made_you_reset"
        );
        let labels = [("reason", reason)];
        let counted = proxy.metric("simplon_refusals_total", &labels).await;
        let counted = counted.unwrap();
        assert!((26..32).contains(&counted), "{reason}: {counted}");
        let labels = [("listener", "https"), ("reason", "made_you_reset")];
        let ended = proxy
            .metric("simplon_connections_refused_total", &labels)
            .await;
        assert_eq!(ended, Some(1), "{reason}");
    }
}
