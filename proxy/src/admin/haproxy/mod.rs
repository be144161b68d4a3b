//! What `HAProxy` shows of itself, shown of us: its table as CSV and JSON, and its exporter's metrics.
//!
//! For whoever comes from `HAProxy` with dashboards, checks and exporters. All of it is made of [`StatsView`]: a `Row` for
//! each listener (`FRONTEND`), server, and upstream (`BACKEND`), from which CSV, JSON and metrics read. What we do not count
//! stays empty; a zero is the truth.
//!
//! | `HAProxy` | with us |
//! |---|---|
//! | sessions of a frontend (`scur` `stot` `rate`) | connections of clients, as `conn_*` |
//! | sessions of a backend | requests that came to it |
//! | sessions of a server (`stot` `lbtot`) | picks: each try counts |
//! | `slim` of a backend | the sum of its servers' `max_connections`, if each has one |
//! | `bin` `bout` `reqbin` `resbout` | bytes of bodies, on the client's side |
//! | `dreq` | refused by a policy: access, limits, logins and so on |
//! | `dresp` `wrew` `dses` `cache_*` `h3req` | what we never do: 0 |
//! | `dcon` | connections turned away, for any reason |
//! | `ereq` | no request that can be served, or too slow a one |
//! | `econ` | of a server, tries without a connection; of a backend, requests that found none, or no room |
//! | `eresp` | responses that were none, late, broken off or malformed; of a server, of each try |
//! | `wretr` `wredis` | tries after the first, which go to another server always; of a server, those that came to it |
//! | `hanafail` | failures that count towards ejection |
//! | `status` | ejected is `DOWN`, a name without an address `MAINT (resolution)` |
//! | `act` `bck` of a backend | servers that take new requests |
//! | `chkdown` `downtime` `lastchg` of a backend | times when no server could take a request, as seen once a second |
//! | `intercepted` | answered by a route itself: redirects, `respond`, maintenance |
//! | `comp_*` | responses that we compressed |
//! | `srv_icur` `safe_conn_cur` | connections of HTTP/1 that wait; none of them is `idle_conn_cur`, the unsafe ones |
//! | `used_conn_cur` `need_conn_est` | requests in flight |
//! | `iid` `sid` | places in the configuration, from 1: listeners, then upstreams; servers within theirs |
//! | `agg_*` | 0 as with `HAProxy`; the metrics of these names have the numbers |

mod column;
mod csv;
mod info;
mod json;
mod metrics;
mod proxy;
mod row;
mod state;
mod wanted;

#[cfg(test)]
mod tests;

use std::{convert::Infallible, iter::once};

use axum::body::Body;
use futures_util::stream;

use self::proxy::Proxy;
pub use self::{metrics::write as write_metrics, wanted::Wanted};
use super::{Query, StatsView};

/// `/stats;csv`: some 350 bytes a server.
pub fn csv(view: &StatsView, query: &Query) -> String {
    let mut text = csv::head();
    for proxy in Proxy::shown(view, query) {
        csv::write(&proxy, &mut text);
    }
    text
}

/// `/stats;json`. Some 15 KB a server: so it is written one listener or upstream at a time, as the client takes it.
pub(super) fn json(view: StatsView, query: Query) -> Body {
    let shown: Vec<_> = Proxy::shown(&view, &query)
        .map(|proxy| proxy.number)
        .collect();
    let objects = shown.into_iter().enumerate().map(move |(nth, number)| {
        let comma = if nth == 0 { "" } else { "," };
        let proxy = Proxy::numbered(&view, &query, number);
        let objects = proxy.map(|proxy| json::objects(&proxy)).unwrap_or_default();
        format!("{comma}{objects}")
    });
    let parts = once("[".to_owned())
        .chain(objects)
        .chain(once("]".to_owned()));
    Body::from_stream(stream::iter(parts.map(Ok::<_, Infallible>)))
}
