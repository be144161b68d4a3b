//! What a server sees of the trace that a request belongs to (W3C Trace Context).

use http::HeaderName;

use super::Fields;
use crate::admit::TraceParent;

pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Where a request stands in its trace.
#[derive(Clone, Copy, Debug)]
pub struct Traced {
    /// Our span, as the server is told of it.
    pub own: TraceParent,
    /// Whether `tracestate` belongs to the same trace, and may be passed on.
    pub passes_state: bool,
}

impl Traced {
    /// Says so to a server.
    pub fn show(&self, fields: &mut impl Fields) {
        fields.set_parts(TRACEPARENT, &[&self.own.to_bytes()]);
        if !self.passes_state {
            fields.remove(&TRACESTATE);
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::admit::{SpanId, TraceId};

    #[test]
    fn a_server_sees_our_span_alone_and_a_state_that_belongs_to_it() {
        let own = TraceParent::new(TraceId::new(7), SpanId::new(9), true);
        for (passes_state, states) in [(true, &["a=1", "b=2"][..]), (false, &[])] {
            let mut fields = HeaderMap::new();
            for said in ["theirs", "another's"] {
                fields.append(TRACEPARENT, HeaderValue::from_static(said));
            }
            for state in ["a=1", "b=2"] {
                fields.append(TRACESTATE, HeaderValue::from_static(state));
            }
            Traced { own, passes_state }.show(&mut fields);
            let parents: Vec<_> = fields.get_all(TRACEPARENT).iter().collect();
            assert_eq!(parents, [&format!("00-{:032x}-{:016x}-01", 7, 9)]);
            let found: Vec<_> = fields.get_all(TRACESTATE).iter().collect();
            assert_eq!(found, states);
        }
    }
}
