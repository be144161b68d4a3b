//! One row of the table, and how it is played: what is sent, step by step, and what must be seen.

use std::{collections::HashMap, time::Duration};

use super::say::{COMPRESSION, PROTOCOL};
use crate::harness::{
    Trust,
    frames::{ACK, DATA, Frame, Frames, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, frame},
};

/// What does not come in this time does not come. No row that passes waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a PING of ours carries, so that its answer can be told from others.
pub(super) const MARK: [u8; 8] = *b"simplon\0";

/// One case: its number and name in h2spec, and what is done.
pub(super) struct Row {
    pub(super) number: &'static str,
    pub(super) name: &'static str,
    shakes: bool,
    steps: Vec<Step>,
}

pub(super) enum Step {
    /// Bytes as they are.
    Send(Vec<u8>),
    /// Bytes that depend on what the other side has set.
    Fit(fn(&Settings) -> Vec<u8>),
    See(Sight),
}

/// What must come. Other frames may come before, unless it says otherwise.
#[derive(Debug)]
pub(super) enum Sight {
    /// The settings, before anything else.
    SettingsFirst,
    SettingsAck,
    /// The answer's head, as the first that comes.
    Headers(u32),
    /// A frame of this kind.
    Frame(u8),
    /// As many bytes in the first frame of the answer's body.
    Data(usize),
    /// The answer is whole.
    End,
    Pong,
    PongOrClose,
    /// `RST_STREAM` or GOAWAY with one of these codes, or the end of the connection.
    StreamError(&'static [u32]),
    /// GOAWAY with one of these codes, or the end of the connection.
    ConnectionError(&'static [u32]),
    /// As `ConnectionError(&[COMPRESSION])`. Exactly, it is PROTOCOL as well, and never the end alone: HPACK is
    /// `h2`'s to decode, and it has one code for whatever it cannot read.
    Undecodable,
    Close,
    /// GOAWAY with this code, and no end before it.
    Goaway(u32),
    /// `RST_STREAM` with this code, and no end before it.
    Reset(u32),
}

/// The other side's settings (RFC 9113 section 6.5.2), by their identifiers.
pub(super) struct Settings(HashMap<u16, u32>);

/// What counts as an error that was answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// As h2spec has it: the end of the connection is as good as any word.
    H2Spec,
    /// The word must be said, and be the right one.
    Exact,
}

/// What happened on the connection.
enum Event {
    Came(Frame),
    Closed,
    Cut,
    Silence,
}

impl Row {
    /// A case that begins after a handshake: both sides have settings, and both have acknowledged.
    pub(super) fn new<const N: usize>(
        number: &'static str,
        name: &'static str,
        steps: [Step; N],
    ) -> Self {
        Self {
            number,
            name,
            shakes: true,
            steps: steps.into(),
        }
    }

    /// A case that begins with the first byte.
    pub(super) fn bare<const N: usize>(
        number: &'static str,
        name: &'static str,
        steps: [Step; N],
    ) -> Self {
        Self {
            shakes: false,
            ..Self::new(number, name, steps)
        }
    }

    /// Plays it on a connection of its own; the error says what was seen instead.
    pub(super) async fn play(
        &self,
        port: u16,
        trust: &Trust,
        measure: Measure,
    ) -> Result<(), String> {
        let mut frames = Frames::connect_to(port, trust).await;
        let settings = if self.shakes {
            shake(&mut frames).await?
        } else {
            Settings(HashMap::new())
        };
        for step in &self.steps {
            match step {
                // Who closes early is found out by what it has to show.
                Step::Send(bytes) => drop(frames.send_bytes(bytes).await),
                Step::Fit(fit) => drop(frames.send_bytes(&fit(&settings)).await),
                Step::See(sight) => {
                    see(&mut frames, sight, measure).await?;
                    // RFC 9113 section 5.4.1: first the GOAWAY, then the end.
                    if measure == Measure::Exact && sight.ends_connection() {
                        see(&mut frames, &Sight::Close, measure).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Settings {
    pub(super) fn table_size(&self) -> u32 {
        *self.0.get(&1).unwrap_or(&4096)
    }

    /// Without a limit none can be exceeded, and the row that tries fails.
    pub(super) fn streams(&self) -> u32 {
        *self.0.get(&3).unwrap_or(&100)
    }

    pub(super) fn frame_size(&self) -> usize {
        usize::try_from(*self.0.get(&5).unwrap_or(&16_384)).unwrap()
    }

    fn learn(&mut self, payload: &[u8]) {
        for setting in payload.chunks_exact(6) {
            let id = u16::from_be_bytes([setting[0], setting[1]]);
            let value = u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]);
            self.0.insert(id, value);
        }
    }
}

/// The handshake (RFC 9113 section 3.4), until both sides know of each other's settings.
async fn shake(frames: &mut Frames) -> Result<Settings, String> {
    frames.preface().await;
    let mut settings = Settings(HashMap::new());
    let (mut theirs, mut ours) = (false, false);
    while !(theirs && ours) {
        match next(frames).await {
            Event::Came(Frame {
                kind: SETTINGS,
                flags,
                payload,
                ..
            }) => {
                if flags & ACK == 0 {
                    theirs = true;
                    settings.learn(&payload);
                    drop(frames.send_bytes(&frame(SETTINGS, ACK, 0, b"")).await);
                } else {
                    ours = true;
                }
            }
            Event::Came(_) => {}
            end => return Err(format!("no handshake: {}", end.describe())),
        }
    }
    Ok(settings)
}

async fn see(frames: &mut Frames, sight: &Sight, measure: Measure) -> Result<(), String> {
    let mut seen = Vec::new();
    loop {
        let event = next(frames).await;
        let is_over = !matches!(event, Event::Came(_));
        seen.push(event.describe());
        match sight.judge(&event, measure) {
            Some(true) => return Ok(()),
            None if !is_over => {}
            _ => return Err(format!("wanted {sight:?}, saw {}", seen.join(", "))),
        }
    }
}

async fn next(frames: &mut Frames) -> Event {
    match tokio::time::timeout(PATIENCE, frames.next_whenever()).await {
        Ok(Some(frame)) => Event::Came(frame),
        Ok(None) if frames.was_cut() => Event::Cut,
        Ok(None) => Event::Closed,
        Err(_) => Event::Silence,
    }
}

impl Measure {
    /// Whether this code is it; nothing if another may still come.
    fn judge(self, code: u32, wanted: &[u32]) -> Option<bool> {
        if wanted.contains(&code) {
            return Some(true);
        }
        match self {
            Self::H2Spec => None,
            Self::Exact => Some(false),
        }
    }
}

impl Sight {
    fn ends_connection(&self) -> bool {
        matches!(self, Self::ConnectionError(_) | Self::Undecodable)
    }

    /// Whether this is it; nothing if it may still come.
    fn judge(&self, event: &Event, measure: Measure) -> Option<bool> {
        let Event::Came(frame) = event else {
            let may_close = match self {
                Self::PongOrClose | Self::Close => true,
                Self::StreamError(_) | Self::ConnectionError(_) | Self::Undecodable => {
                    measure == Measure::H2Spec
                }
                _ => false,
            };
            return Some(may_close && matches!(event, Event::Closed));
        };
        let is_pong = || frame.flags & ACK != 0 && frame.payload == MARK;
        match (self, frame.kind) {
            (Self::SettingsFirst, kind) => Some(kind == SETTINGS && frame.flags & ACK == 0),
            (Self::SettingsAck, SETTINGS) => Some(frame.flags & ACK != 0),
            (Self::Headers(stream), HEADERS) => Some(frame.stream == *stream),
            (Self::Frame(wanted), kind) if kind == *wanted => Some(true),
            (Self::Data(length), DATA) => Some(frame.payload.len() == *length),
            (Self::End, DATA | HEADERS) if frame.flags & 1 != 0 => Some(true),
            (Self::End, RST_STREAM) if frame.code() == 0 => Some(true),
            (Self::Pong, PING) => Some(is_pong()),
            (Self::PongOrClose, PING) if is_pong() => Some(true),
            (Self::StreamError(codes), RST_STREAM | GOAWAY)
            | (Self::ConnectionError(codes), GOAWAY) => measure.judge(frame.code(), codes),
            (Self::Undecodable, GOAWAY) => match measure {
                Measure::H2Spec => measure.judge(frame.code(), &[COMPRESSION]),
                Measure::Exact => measure.judge(frame.code(), &[COMPRESSION, PROTOCOL]),
            },
            (Self::Goaway(code), GOAWAY) | (Self::Reset(code), RST_STREAM) => {
                Some(frame.code() == *code)
            }
            _ => None,
        }
    }
}

impl Event {
    fn describe(&self) -> String {
        match self {
            Self::Came(frame) => {
                let code = match frame.kind {
                    RST_STREAM | GOAWAY => format!(" code {}", frame.code()),
                    _ => format!(" flags {:#x} length {}", frame.flags, frame.payload.len()),
                };
                format!("frame {} on {}{code}", frame.kind, frame.stream)
            }
            Self::Closed => "the end".to_owned(),
            Self::Cut => "a reset of the connection".to_owned(),
            Self::Silence => "nothing".to_owned(),
        }
    }
}
