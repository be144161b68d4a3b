//! Limits that nodes share: what this node's own count says, what the store is asked, and what both come to.
//!
//! The own count goes along with the store's: what passes is counted in both, and what the store refuses is given back. So
//! it holds no more of a client than the store does, and says three things that are worth knowing. What it refuses, the store
//! would refuse, and is not asked: a client that hammers costs the store no more than one that does not. While the store does
//! not answer it decides alone, from what it has seen and not from nothing. And a store that forgets what it held does not
//! let everybody begin anew.

use std::time::Instant;

use super::{Asked, Checked, Limited, RateLimit, subject};
use crate::{
    config::model::Mode,
    limits::{
        Key, Limit, Subject,
        shared::{Found, Question},
    },
    policy::{Applied, Request},
    respond::Refusal,
};

/// A request as this node's own count sees it.
#[derive(Debug)]
pub struct Own<'a> {
    of: &'a RateLimit,
    now: Instant,
    /// Up to the first limit that refuses.
    asked: Vec<OwnAsked>,
}

#[derive(Debug)]
struct OwnAsked {
    key: Key,
    asked: Asked,
    /// Nothing if the store need not be asked.
    question: Option<Question>,
}

impl RateLimit {
    /// Counts the request here. `now` is when, `route` the label of its route.
    pub fn count_here(&self, request: &Request<'_>, route: &str, now: Instant) -> Own<'_> {
        let mut own = Own {
            of: self,
            now,
            asked: Vec::with_capacity(self.limits.len()),
        };
        for limited in &self.limits {
            let Limited { limit, mode, .. } = limited;
            let subject = subject(&limit.identity().by, request, route);
            let asked = Asked::of(limit, subject, now);
            let has_room = asked.has_room();
            own.asked.push(OwnAsked {
                key: limit.table().key(subject),
                asked,
                question: has_room.then(|| Question {
                    key: limited.keys.key(subject),
                    bucket: limit.bucket(),
                    patience: limit.patience(),
                    is_binding: *mode == Mode::Enforce,
                }),
            });
            if !has_room && *mode == Mode::Enforce {
                break;
            }
        }
        own
    }
}

impl Own<'_> {
    /// Whether the request does not pass, whatever the store says.
    pub fn is_refused(&self) -> bool {
        let last = self.of.limits.iter().zip(&self.asked).last();
        last.is_some_and(|(limited, own)| limited.mode == Mode::Enforce && !own.asked.has_room())
    }

    /// Whether the request could be refused at all; a limit may only observe.
    fn may_refuse(&self) -> bool {
        let mut limits = self.of.limits.iter();
        limits.any(|limited| limited.mode == Mode::Enforce)
    }

    /// For the store, all at once.
    pub fn questions(&self) -> Vec<Question> {
        let questions = self.asked.iter().filter_map(|own| own.question.clone());
        questions.collect()
    }

    /// What becomes of the request by this node's own count alone.
    pub fn decide(self, request: &Request<'_>, route: &str, applied: &mut Applied) -> Checked {
        let (now, mut asked) = (self.now, self.asked.into_iter().map(|own| own.asked));
        let mut next = |limit: &Limit, subject: Subject<'_>| {
            let next = asked.next();
            next.unwrap_or_else(|| Asked::of(limit, subject, now))
        };
        self.of.check_by(request, route, now, applied, &mut next)
    }

    /// The same by what the store has found, in the order of the questions.
    pub fn decide_by(
        mut self,
        found: &[Found],
        request: &Request<'_>,
        route: &str,
        applied: &mut Applied,
    ) -> Checked {
        let mut answered = Vec::with_capacity(found.len());
        let mut found = found.iter();
        let both = self.of.limits.iter().zip(&mut self.asked);
        answered.extend(both.filter_map(|(limited, own)| {
            let question = own.question.as_ref()?;
            Some((limited, question.is_binding, found.next()?, own))
        }));
        let is_counted = answered
            .iter()
            .all(|(_, is_binding, found, _)| !is_binding || found.has_room);
        for (limited, _, found, own) in answered {
            let has_room = own.asked.take_over(*found, limited);
            if !(is_counted && has_room) {
                limited.limit.give_back(own.key, self.now);
            }
        }
        self.decide(request, route, applied)
    }

    /// What becomes of the request where only the store may let it pass, and says nothing.
    pub fn refuse(mut self) -> Checked {
        if !self.may_refuse() {
            return Checked::default();
        }
        self.uncount();
        Checked {
            refusal: Some(Refusal::LimitsStore),
            ..Checked::default()
        }
    }

    /// Gives back what was counted: a request that is refused is spent from no limit.
    pub fn uncount(&mut self) {
        let both = self.of.limits.iter().zip(&mut self.asked);
        for (limited, own) in both.filter(|(_, own)| own.asked.has_room()) {
            if let Some(standing) = limited.limit.give_back(own.key, self.now) {
                own.asked.standing = standing;
            }
        }
    }
}

impl Asked {
    fn has_room(&self) -> bool {
        self.standing.passes() || self.turn.is_some()
    }

    /// What the store says counts; but nobody waits less long than this node's own count says. Whether the request passes,
    /// now or in its turn: if too many wait here already it does not, and what the store has counted cannot be undone.
    fn take_over(&mut self, found: Found, limited: &Limited) -> bool {
        let wait = found.standing.wait;
        self.standing = found.standing;
        let own = self.turn.take();
        if !found.has_room {
            return false;
        }
        match own {
            Some(mut turn) => {
                turn.wait = turn.wait.max(wait);
                self.turn = Some(turn);
            }
            None if !wait.is_zero() => self.turn = limited.limit.turn(wait),
            None => {}
        }
        self.has_room()
    }
}

#[cfg(test)]
mod tests;
