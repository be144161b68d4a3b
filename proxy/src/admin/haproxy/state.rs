//! The words of `HAProxy` for states and checks, from those of ours.

use crate::observe::{CheckView, ServerView};

/// In the order of `HAProxy`'s label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Down,
    Up,
    Maint,
    Drain,
    NoLb,
}

impl State {
    pub(super) const ALL: [(Self, &str); 5] = [
        (Self::Down, "DOWN"),
        (Self::Up, "UP"),
        (Self::Maint, "MAINT"),
        (Self::Drain, "DRAIN"),
        (Self::NoLb, "NOLB"),
    ];

    /// What a row's status comes to: those of servers, `OPEN` and `STOP` of listeners.
    pub(super) fn of(status: &str) -> Self {
        match status {
            "OPEN" | "no check" => Self::Up,
            _ => Self::ALL
                .into_iter()
                .find(|(_, word)| status.starts_with(word))
                .map_or(Self::Down, |(state, _)| state),
        }
    }
}

/// Our own words as the nearest of `HAProxy`, which consumers know.
pub(super) fn status(server: &ServerView) -> &str {
    match &*server.state {
        "EJECTED" => "DOWN",
        "UNRESOLVED" => "MAINT (resolution)",
        known => known,
    }
}

/// What checks come to: by `HAProxy`'s code and in its words, in the order of its label.
pub(super) const CHECKS: [(&str, &str); 16] = [
    ("HANA", "Health analyze"),
    ("SOCKERR", "Socket error"),
    ("L4OK", "Layer4 check passed"),
    ("L4TOUT", "Layer4 timeout"),
    ("L4CON", "Layer4 connection problem"),
    ("L6OK", "Layer6 check passed"),
    ("L6TOUT", "Layer6 timeout"),
    ("L6RSP", "Layer6 invalid response"),
    ("L7TOUT", "Layer7 timeout"),
    ("L7RSP", "Layer7 invalid response"),
    ("L7OK", "Layer7 check passed"),
    ("L7OKC", "Layer7 check conditionally passed"),
    ("L7STS", "Layer7 wrong status"),
    ("PROCERR", "External check error"),
    ("PROCTOUT", "External check timeout"),
    ("PROCOK", "External check passed"),
];

/// What a check's code means; nothing for one that `HAProxy` does not have.
pub(super) fn meaning(check: &CheckView) -> Option<&'static str> {
    let known = CHECKS.iter().find(|(code, _)| *code == check.code);
    known.map(|(_, meaning)| *meaning)
}

/// Where a server stands between down and up: `HAProxy` counts from 0 to `rise + fall - 1`, and up begins at `rise`.
pub(super) fn health(server: &ServerView, check: &CheckView) -> u32 {
    let best = (check.rise + check.fall).saturating_sub(1);
    let (word, count) = server.state.split_once(' ').unwrap_or((&server.state, ""));
    let count = count.split('/').next();
    let count: Option<u32> = count.and_then(|count| count.parse().ok());
    match (word, count) {
        ("UP", Some(left)) => (check.rise + left).saturating_sub(1).min(best),
        ("DOWN", Some(passed)) => passed.min(check.rise),
        _ if server.up => best,
        _ => 0,
    }
}

/// How a server is chosen, in `HAProxy`'s words where it has some.
pub(super) fn algorithm(balance: &str) -> &str {
    match balance {
        "round_robin" => "roundrobin",
        "least_requests" => "leastconn",
        "two_choices" => "random",
        own => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(state: &str, up: bool) -> ServerView {
        ServerView {
            state: state.to_owned(),
            up,
            ..ServerView::default()
        }
    }

    #[test]
    fn each_status_comes_to_a_state() {
        for (status, state) in [
            ("UP", State::Up),
            ("UP 2/3", State::Up),
            ("no check", State::Up),
            ("OPEN", State::Up),
            ("STOP", State::Down),
            ("DOWN", State::Down),
            ("DOWN 1/2", State::Down),
            ("MAINT", State::Maint),
            ("MAINT (resolution)", State::Maint),
            ("DRAIN", State::Drain),
            ("NOLB 1/3", State::NoLb),
        ] {
            assert_eq!(State::of(status), state, "{status}");
        }
    }

    #[test]
    fn words_of_ours_become_words_that_consumers_know() {
        for (ours, theirs) in [
            ("EJECTED", "DOWN"),
            ("UNRESOLVED", "MAINT (resolution)"),
            ("DOWN 1/2", "DOWN 1/2"),
            ("DRAIN", "DRAIN"),
        ] {
            assert_eq!(status(&server(ours, true)), theirs);
        }
    }

    #[test]
    fn health_counts_from_down_to_up() {
        let check = CheckView {
            rise: 2,
            fall: 3,
            ..CheckView::default()
        };
        for (state, up, expected) in [
            ("UP", true, 4),
            ("UP 2/3", true, 3),
            ("UP 1/3", true, 2),
            ("DOWN 1/2", false, 1),
            ("DOWN", false, 0),
            ("MAINT", false, 0),
            ("DRAIN", true, 4),
        ] {
            assert_eq!(health(&server(state, up), &check), expected, "{state}");
        }
    }
}
