//! The script by which the server decides: what it is asked, and what its answer means.

use std::time::Duration;

use redis::Cmd;

use crate::limits::{Bucket, Standing, nanos};

/// Its text. It is one file for all nodes, and known to the server by its hash.
pub(super) const TEXT: &str = include_str!("script.lua");

/// One bucket that a request is to pass.
#[derive(Clone, Debug)]
pub struct Question {
    /// What the bucket is known by at the server; no two limits and no two clients have the same.
    pub key: String,
    pub bucket: Bucket,
    /// How long a request may wait for its turn rather than being refused.
    pub patience: Duration,
    /// Whether no other bucket takes the request if this one has no room for it.
    pub is_binding: bool,
}

/// What one bucket says of a request. Where all that are binding have room, it was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// `wait` is what it would have to wait, whether it may or not.
    pub standing: Standing,
    /// Whether it passes, or may wait.
    pub has_room: bool,
}

/// The command for a server that knows the script by this hash.
pub(super) fn by_hash(hash: &str, questions: &[Question]) -> Cmd {
    let mut command = redis::cmd("EVALSHA");
    command.arg(hash);
    ask(command, questions)
}

/// The command for a server that has forgotten the script; it knows it from then on.
pub(super) fn by_text(questions: &[Question]) -> Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(TEXT);
    ask(command, questions)
}

fn ask(mut command: Cmd, questions: &[Question]) -> Cmd {
    command.arg(questions.len());
    for question in questions {
        command.arg(&question.key);
    }
    for question in questions {
        let bucket = &question.bucket;
        command
            .arg(nanos(bucket.interval()))
            .arg(nanos(bucket.fill()))
            .arg(nanos(question.patience))
            .arg(u8::from(question.is_binding));
    }
    command
}

/// What the answer says of each bucket; nothing if it is no answer to these questions.
pub(super) fn found(questions: &[Question], answer: &[u64]) -> Option<Vec<Found>> {
    let (triples, rest) = answer.as_chunks::<3>();
    if triples.len() != questions.len() || !rest.is_empty() {
        return None;
    }
    let found = questions.iter().zip(triples);
    let found = found.map(|(question, [wait, backlog, has_room])| {
        let bucket = &question.bucket;
        let room = nanos(bucket.fill()).saturating_sub(*backlog);
        let remaining = room / nanos(bucket.interval());
        Found {
            standing: Standing {
                wait: Duration::from_nanos(*wait),
                remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
                reset: Duration::from_nanos(*backlog),
            },
            has_room: *has_room == 1,
        }
    });
    Some(found.collect())
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn question(rate: u32, burst: u32) -> Question {
        Question {
            key: "key".to_owned(),
            bucket: Bucket {
                rate: NonZeroU32::new(rate).unwrap(),
                window: Duration::from_secs(1),
                burst: NonZeroU32::new(burst).unwrap(),
            },
            patience: Duration::from_millis(1500),
            is_binding: true,
        }
    }

    #[test]
    fn a_question_is_numbers_in_nanoseconds() {
        let command = by_hash("abc", &[question(4, 2), question(3, 1)]);
        let words = String::from_utf8(command.get_packed_command()).unwrap();
        let words: Vec<_> = words.split("\r\n").skip(2).step_by(2).collect();
        let expected = "EVALSHA abc 2 key key 250000000 500000000 1500000000 1 333333333 333333333 1500000000 1";
        assert_eq!(words.join(" "), expected);
    }

    #[test]
    fn an_answer_is_read_for_each_question_or_not_at_all() {
        let questions = [question(4, 5)];
        for (wait, backlog, room, remaining, has_room) in [
            (0, 250_000_000, 1, 4, true),
            (0, 250_000_001, 1, 3, true),
            (0, 1_250_000_000, 1, 0, true),
            (250_000_000, 1_500_000_000, 1, 0, true),
            (7, 1_000_000_007, 0, 0, false),
        ] {
            let found = found(&questions, &[wait, backlog, room]).unwrap();
            let standing = Standing {
                wait: Duration::from_nanos(wait),
                remaining,
                reset: Duration::from_nanos(backlog),
            };
            assert_eq!(found, [Found { standing, has_room }]);
        }
        for answer in [&[][..], &[0], &[0, 0], &[0; 4], &[0; 6]] {
            assert_eq!(found(&questions, answer), None, "{answer:?}");
        }
    }
}
