//! The states of a server by which its row is coloured, as `HAProxy` colours them.

use crate::observe::ServerView;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Up,
    BackupUp,
    GoingDown,
    GoingUp,
    Down,
    Unchecked,
    Draining,
    Maintained,
    /// `HAProxy` has no such state: left out because its requests failed.
    Ejected,
}

impl State {
    pub(super) const ALL: [Self; 9] = [
        Self::Up,
        Self::BackupUp,
        Self::GoingDown,
        Self::GoingUp,
        Self::Down,
        Self::Unchecked,
        Self::Draining,
        Self::Maintained,
        Self::Ejected,
    ];

    pub(super) fn of(server: &ServerView) -> Self {
        let state = server.state.as_str();
        let is_changing = state.contains('/');
        if state.starts_with("MAINT") {
            Self::Maintained
        } else if state.starts_with("DRAIN") || state.starts_with("NOLB") {
            Self::Draining
        } else if server.ejected {
            Self::Ejected
        } else if state == "no check" {
            Self::Unchecked
        } else {
            match (server.up, is_changing, server.backup) {
                (true, true, _) => Self::GoingDown,
                (true, false, true) => Self::BackupUp,
                (true, false, false) => Self::Up,
                (false, true, _) => Self::GoingUp,
                (false, false, _) => Self::Down,
            }
        }
    }

    /// Which the style sheet knows.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::BackupUp => "backup",
            Self::GoingDown => "sinking",
            Self::GoingUp => "rising",
            Self::Down => "down",
            Self::Unchecked => "unchecked",
            Self::Draining => "drain",
            Self::Maintained => "maint",
            Self::Ejected => "ejected",
        }
    }

    /// For the legend.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Up => "active UP",
            Self::BackupUp => "backup UP",
            Self::GoingDown => "UP, going down ↓",
            Self::GoingUp => "DOWN, going up ↑",
            Self::Down => "DOWN",
            Self::Unchecked => "not checked",
            Self::Draining => "DRAIN: no new requests",
            Self::Maintained => "MAINT: in maintenance",
            Self::Ejected => "left out, its requests failed",
        }
    }

    /// What stands behind the words of the server's own state.
    pub(super) const fn arrow(self) -> &'static str {
        match self {
            Self::GoingDown => " ↓",
            Self::GoingUp => " ↑",
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_told_by_its_words_and_by_what_becomes_of_it() {
        for (state, up, backup, ejected, expected) in [
            ("UP", true, false, false, State::Up),
            ("UP", true, true, false, State::BackupUp),
            ("UP 2/3", true, false, false, State::GoingDown),
            ("UP", true, false, true, State::Ejected),
            ("DOWN", false, true, false, State::Down),
            ("DOWN 1/2", false, false, false, State::GoingUp),
            ("no check", true, false, false, State::Unchecked),
            ("DRAIN", true, false, true, State::Draining),
            ("MAINT", true, false, false, State::Maintained),
        ] {
            let server = ServerView {
                state: state.to_owned(),
                up,
                backup,
                ejected,
                ..ServerView::default()
            };
            assert_eq!(State::of(&server), expected, "{state}");
        }
    }
}
