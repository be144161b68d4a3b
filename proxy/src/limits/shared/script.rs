//! The script by which the server decides: what it is asked, and what its answer means.

use std::time::Duration;

use redis::Cmd;

use crate::limits::{Bucket, Standing};

/// Its text. It is one file for all nodes, and known to the server by its hash.
pub(super) const TEXT: &str = include_str!("script.lua");

/// One bucket that a request is to pass.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What the bucket is known by at the server; no two limits and no two clients have the same.
    pub key: &'a str,
    pub bucket: &'a Bucket,
    /// Whether no other bucket takes the request if this one has no room for it.
    pub is_binding: bool,
}

/// The command for a server that knows the script by this hash.
pub(super) fn by_hash(hash: &str, questions: &[Question<'_>]) -> Cmd {
    let mut command = redis::cmd("EVALSHA");
    command.arg(hash);
    ask(command, questions)
}

/// The command for a server that has forgotten the script; it knows it from then on.
pub(super) fn by_text(questions: &[Question<'_>]) -> Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(TEXT);
    ask(command, questions)
}

fn ask(mut command: Cmd, questions: &[Question<'_>]) -> Cmd {
    command.arg(questions.len());
    for question in questions {
        command.arg(question.key);
    }
    for Question {
        bucket, is_binding, ..
    } in questions
    {
        let interval = interval(bucket);
        let capacity = interval.saturating_mul(u64::from(bucket.burst.get()));
        command
            .arg(interval)
            .arg(capacity)
            .arg(u8::from(*is_binding));
    }
    command
}

/// What the answer says of each bucket; nothing if it is no answer to these questions.
pub(super) fn standings(questions: &[Question<'_>], answer: &[u64]) -> Option<Vec<Standing>> {
    let (pairs, rest) = answer.as_chunks::<2>();
    if pairs.len() != questions.len() || !rest.is_empty() {
        return None;
    }
    let standings = questions.iter().zip(pairs);
    let standings = standings.map(|(question, [wait, backlog])| {
        let interval = interval(question.bucket);
        let taken = u32::try_from(backlog.div_ceil(interval)).unwrap_or(u32::MAX);
        Standing {
            wait: Duration::from_nanos(*wait),
            remaining: question.bucket.burst.get().saturating_sub(taken),
            reset: Duration::from_nanos(*backlog),
        }
    });
    Some(standings.collect())
}

/// In nanoseconds. No interval of 500 years is configured.
fn interval(bucket: &Bucket) -> u64 {
    u64::try_from(bucket.interval().as_nanos()).unwrap_or(u64::MAX)
}
