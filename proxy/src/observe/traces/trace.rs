//! Where one exchange stands in its trace, and what happens to it on the way.

use std::{sync::Arc, time::Instant};

use crate::{
    admit::{SpanId, TraceId, TraceParent},
    config::{model::Follow, units::Percent},
};

/// Events of one span at most; a retry makes two or three.
const MOST_EVENTS: usize = 64;

/// Without allocation, unless it is sampled.
#[derive(Debug)]
pub struct Trace {
    own: TraceParent,
    parent: Option<SpanId>,
    passes_state: bool,
    events: Vec<(Instant, Milestone)>,
}

/// Something that happens to a sampled exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Milestone {
    Pick {
        server: Arc<str>,
    },
    /// This server is given up for another one, or for itself on another connection.
    Retry {
        server: Arc<str>,
        failure: &'static str,
    },
    /// A response has begun, if only to be thrown away.
    FirstByte,
    Refusal(&'static str),
}

/// Whose traces are gone on with, and which are sampled.
#[derive(Clone, Copy, Debug)]
pub struct Sampling {
    pub follow: Follow,
    pub share: Percent,
}

impl Trace {
    /// Goes on with the trace that a request names, or begins one.
    ///
    /// What a trusted proxy has decided of sampling is kept. What strangers say of it is not: they could have every request sent. Nor
    /// is it decided by the identifier, which they can choose.
    pub(super) fn begin(
        sampling: Sampling,
        said: Option<TraceParent>,
        is_trusted: bool,
        state: impl FnOnce() -> bool,
        random: &mut fastrand::Rng,
    ) -> Self {
        let said = said.filter(|_| match sampling.follow {
            Follow::Any => true,
            Follow::Trusted => is_trusted,
            Follow::None => false,
        });
        let is_sampled = match &said {
            Some(said) if is_trusted => said.is_sampled(),
            _ => random.u8(..100) < sampling.share.get(),
        };
        let span = SpanId::new(random.u64(..));
        Self {
            own: match &said {
                Some(said) => said.child(span, is_sampled),
                None => TraceParent::new(TraceId::new(random.u128(..)), span, is_sampled),
            },
            parent: said.map(|said| said.span),
            passes_state: said.is_some() && state(),
            events: Vec::new(),
        }
    }

    /// What servers are told.
    pub fn own(&self) -> &TraceParent {
        &self.own
    }

    /// The span of whoever asked us.
    pub fn parent(&self) -> Option<SpanId> {
        self.parent
    }

    /// Whether servers see the `tracestate` of the request.
    pub fn passes_state(&self) -> bool {
        self.passes_state
    }

    pub fn is_sampled(&self) -> bool {
        self.own.is_sampled()
    }

    /// Notes an event, if anybody is to hear of it.
    pub fn note(&mut self, at: Instant, event: impl FnOnce() -> Milestone) {
        if self.is_sampled() && self.events.len() < MOST_EVENTS {
            self.events.push((at, event()));
        }
    }

    pub(super) fn events(&self) -> &[(Instant, Milestone)] {
        &self.events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0";

    fn said(flag: char) -> Option<TraceParent> {
        TraceParent::parse(format!("{SAID}{flag}").as_bytes())
    }

    fn begin(follow: Follow, share: u8, said: Option<TraceParent>, is_trusted: bool) -> Trace {
        let share = Percent::new(share);
        let mut random = fastrand::Rng::with_seed(7);
        Trace::begin(
            Sampling { follow, share },
            said,
            is_trusted,
            || true,
            &mut random,
        )
    }

    #[test]
    fn who_is_followed_is_configured_and_strangers_do_not_decide_on_sampling() {
        let (stranger, trusted) = (false, true);
        for (follow, share, flag, from, goes_on, is_sampled) in [
            (Follow::Any, 100, '0', stranger, true, true),
            (Follow::Any, 0, '1', stranger, true, false),
            (Follow::Any, 100, '0', trusted, true, false),
            (Follow::Any, 0, '1', trusted, true, true),
            (Follow::Trusted, 100, '0', stranger, false, true),
            (Follow::Trusted, 0, '1', stranger, false, false),
            (Follow::Trusted, 0, '1', trusted, true, true),
            (Follow::None, 100, '0', trusted, false, true),
            (Follow::None, 0, '1', trusted, false, false),
        ] {
            let trace = begin(follow, share, said(flag), from);
            let case = format!("{follow:?} {share} {flag} {from}");
            let same = said(flag).unwrap().trace == trace.own().trace;
            assert_eq!((same, trace.is_sampled()), (goes_on, is_sampled), "{case}");
            let parent = trace.parent().map(|parent| parent.as_str().to_owned());
            assert_eq!(
                parent.as_deref(),
                goes_on.then_some("00f067aa0ba902b7"),
                "{case}"
            );
            assert_eq!(trace.passes_state(), goes_on, "{case}");
        }
    }

    #[test]
    fn a_trace_that_is_begun_has_no_parent_and_no_state() {
        for is_trusted in [false, true] {
            let trace = begin(Follow::Any, 100, None, is_trusted);
            assert!(trace.is_sampled() && !trace.passes_state());
            assert_eq!(trace.parent(), None);
        }
    }

    #[test]
    fn so_many_of_a_hundred_are_sampled() {
        let mut random = fastrand::Rng::with_seed(1);
        let sampling = Sampling {
            follow: Follow::Any,
            share: Percent::new(10),
        };
        let traces =
            (0..10_000).map(|_| Trace::begin(sampling, said('1'), false, || true, &mut random));
        let sampled = traces.filter(Trace::is_sampled).count();
        assert!((900..1100).contains(&sampled), "{sampled}");
    }

    #[test]
    fn events_are_noted_of_what_is_sampled_up_to_a_limit() {
        let now = Instant::now();
        let mut silent = begin(Follow::Any, 0, None, false);
        silent.note(now, || unreachable!("nobody is to hear of it"));
        let mut heard = begin(Follow::Any, 100, None, false);
        for _ in 0..1000 {
            heard.note(now, || Milestone::FirstByte);
        }
        assert_eq!(heard.events().len(), MOST_EVENTS);
    }
}
