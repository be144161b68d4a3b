//! Rate limits: how often requests may come, and what clients are told of it.
//!
//! Fields are those of draft-ietf-httpapi-ratelimit-headers-10. `q` is what passes at once after a quiet while (the burst) and
//! `w` the seconds in which all of it comes back, so that no more than `q` is ever left and no more than `w` to wait for it; with
//! the default burst they are the two numbers of `rate`. `r` is what would pass just now, `t` when all of `q` will be there again.

mod shared;

use std::{
    cell::RefCell,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderName, HeaderValue};

use super::{
    Applied, Request,
    counted::{owner, subject},
};
use crate::{
    config::model::{LimitList, Mode, RateLimit as Spec},
    limits::{Bucket, Identity, Limit, Registry, Standing, Subject, Top, Turn, shared::Keys},
    observe::PolicyLabel,
    respond::Refusal,
};

pub use shared::Own;

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The limits of a route, in the order in which they are asked.
#[derive(Debug)]
pub struct RateLimit {
    limits: Box<[Limited]>,
    /// `RateLimit-Policy`, which is always the same.
    policy: HeaderValue,
    top: Arc<Top>,
}

#[derive(Debug)]
struct Limited {
    limit: Limit,
    mode: Mode,
    /// The limit as in metrics.
    label: Arc<str>,
    /// Its member of `RateLimit`, up to the first number.
    member: Box<str>,
    /// What its buckets are called where nodes share them.
    keys: Keys,
}

thread_local! {
    /// The field under construction; kept, so that a request asks for the memory of its value alone.
    static FIELD: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What the limits made of a request.
#[derive(Debug, Default)]
pub struct Checked {
    /// The first limit that lets it not pass.
    pub refusal: Option<Refusal>,
    /// A limit that only observes would have refused it or had it wait.
    pub observed: bool,
    /// Its turns, to be held until the longest wait is over.
    pub turns: Vec<Turn>,
}

/// What one limit says.
#[derive(Debug)]
pub struct Asked {
    pub standing: Standing,
    /// If the request does not pass now, but may wait.
    pub turn: Option<Turn>,
}

impl RateLimit {
    /// `route` is the label of the route that the limits stand on, if it is not `defaults`.
    pub fn new(spec: &LimitList<Spec>, route: &str, registry: &Registry) -> Self {
        let owner = owner(spec.of_defaults, route);
        let limits = spec.limits.iter();
        let limits = limits.map(|spec| Limited::new(spec, &owner, registry));
        Self {
            limits: limits.collect(),
            policy: policy(&spec.limits),
            top: Arc::clone(&registry.top),
        }
    }

    /// Asks the limits of this process in turn. `now` is when, `route` the label of the request's route.
    pub fn check(
        &self,
        request: &Request<'_>,
        route: &str,
        now: Instant,
        applied: &mut Applied,
    ) -> Checked {
        self.check_by(request, route, now, applied, |limit, subject| {
            Asked::of(limit, subject, now)
        })
    }

    /// Asks the limits in turn by `ask`, up to the first that refuses: those after it are not spent from, and what the ones before
    /// it have counted stays counted. Every final response will tell of those that were asked.
    pub fn check_by(
        &self,
        request: &Request<'_>,
        route: &str,
        now: Instant,
        applied: &mut Applied,
        mut ask: impl FnMut(&Limit, Subject<'_>) -> Asked,
    ) -> Checked {
        let mut checked = Checked::default();
        let mut field = FIELD.take();
        field.clear();
        for limited in &self.limits {
            let subject = subject(&limited.limit.identity().by, request, route);
            let Asked { standing, turn } = ask(&limited.limit, subject);
            limited.write(standing, &mut field);
            if !standing.passes() || turn.is_some() {
                let key = limited.limit.table().key(subject);
                self.top
                    .note((PolicyLabel::RateLimit, &limited.label), subject, key, now);
            }
            match (standing.passes(), turn, limited.mode) {
                (true, None, _) => {}
                (_, _, Mode::Observe) => checked.observed = true,
                (_, Some(turn), Mode::Enforce) => checked.turns.push(turn),
                (false, None, Mode::Enforce) => {
                    let after_s = seconds(standing.wait).max(1);
                    checked.refusal = Some(Refusal::RateLimited(after_s));
                    checked.turns.clear();
                    break;
                }
            }
        }
        let fields = &mut applied.response_fields;
        fields.reserve_exact(2);
        fields.push((RATELIMIT_POLICY, self.policy.clone())); // counts a reference, copies nothing
        if let Ok(value) = HeaderValue::from_bytes(&field) {
            fields.push((RATELIMIT, value));
        }
        FIELD.set(field);
        checked
    }
}

impl Checked {
    /// How long to wait; not at all if there is no turn to wait for.
    pub fn wait(&self) -> Duration {
        let waits = self.turns.iter().map(|turn| turn.wait);
        waits.max().unwrap_or_default()
    }
}

impl Asked {
    /// By the state of this process.
    pub fn of(limit: &Limit, subject: Subject<'_>, now: Instant) -> Self {
        let key = limit.table().key(subject);
        let standing = limit.check(key, now);
        if !standing.passes()
            && let Some((turn, standing)) = limit.queue(key, now)
        {
            return Self {
                standing,
                turn: Some(turn),
            };
        }
        Self {
            standing,
            turn: None,
        }
    }
}

impl Limited {
    fn new(spec: &Spec, owner: &Arc<str>, registry: &Registry) -> Self {
        let identity = Identity {
            owner: Arc::clone(owner),
            name: Arc::clone(&spec.name),
            by: spec.by.clone(),
        };
        let live = registry.rate(&identity, spec.max_keys);
        Self {
            keys: Keys::of(&identity),
            label: identity.to_string().into(),
            limit: Limit::new(identity, spec.bucket, spec.delay, live),
            mode: spec.mode,
            member: format!("\"{}\";r=", spec.name).into(),
        }
    }

    /// Its member of `RateLimit`, as in `"default";r=50;t=30`.
    fn write(&self, standing: Standing, field: &mut Vec<u8>) {
        if !field.is_empty() {
            field.extend_from_slice(b", ");
        }
        let mut digits = itoa::Buffer::new();
        field.extend_from_slice(self.member.as_bytes());
        field.extend_from_slice(digits.format(standing.remaining).as_bytes());
        field.extend_from_slice(b";t=");
        // Turns that others wait for lie ahead too, and `t` would be more than `w`.
        let reset = standing.reset.min(self.limit.fill());
        field.extend_from_slice(digits.format(seconds(reset)).as_bytes());
    }
}

/// As in `"default";q=100;w=10`.
#[expect(
    clippy::expect_used,
    reason = "names are plain and the rest is digits, which is a valid value"
)]
fn policy(limits: &[Spec]) -> HeaderValue {
    let members = limits.iter().map(|limit| {
        let Bucket {
            rate,
            window,
            burst,
        } = limit.bucket;
        let (rate, burst) = (u128::from(rate.get()), u128::from(burst.get()));
        // Not from the interval, which is rounded to nanoseconds.
        let all = (window.as_nanos() * burst).div_ceil(rate * 1_000_000_000);
        format!("\"{}\";q={burst};w={all}", limit.name)
    });
    let value = members.collect::<Vec<_>>().join(", ");
    HeaderValue::try_from(value).expect("a valid value")
}

/// Rounded up.
fn seconds(duration: Duration) -> u32 {
    let whole = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    u32::try_from(whole).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
