//! What limit, access log and metrics cost together: the same request with all of them and with none.
//!
//! Metrics cannot be turned off in Simplon and `HAProxy`, and nginx has next to none: so what they cost is in both for those. Caddy
//! has no limit.

use super::Figure;
use crate::{peer::Kind, setup::Setup};

const BARE: &str = "bare";
const FULL: &str = "with limit and log";

pub(super) fn setups() -> Vec<Setup> {
    let bare = Setup {
        name: BARE,
        policies: false,
        ..Setup::default()
    };
    let full = Setup {
        name: FULL,
        limit: true,
        log: true,
        ..Setup::default()
    };
    vec![bare, full]
}

/// Of each proxy, what it needs more with them.
pub(super) fn costs(round: &[(Kind, Figure)]) -> Vec<(Kind, Figure)> {
    let of = |name: &str, kind: Kind| {
        round
            .iter()
            .find(|(whose, figure)| *whose == kind && figure.line.ends_with(name))
            .map(|(_, figure)| figure.value)
    };
    let bare = round
        .iter()
        .filter(|(_, figure)| figure.line.ends_with(BARE));
    bare.filter_map(|(kind, figure)| {
        let cost = Figure {
            line: "limit and log alone".to_owned(),
            value: of(FULL, *kind)? - figure.value,
            busy: None,
            ..figure.clone()
        };
        Some((*kind, cost))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_is_what_it_takes_more() {
        let figure = |name: &str, value| Figure {
            line: format!("H1 plain, {name}"),
            unit: "CPU µs a request",
            value,
            busy: Some(1.0),
            is_compared: true,
        };
        let round = [
            (Kind::Simplon, figure(BARE, 10.0)),
            (Kind::Nginx, figure(BARE, 20.0)),
            (Kind::Simplon, figure(FULL, 11.5)),
        ];
        let costs = costs(&round);
        assert_eq!(costs.len(), 1, "nginx had no turn with them");
        assert_eq!(costs[0].0, Kind::Simplon);
        assert!((costs[0].1.value - 1.5).abs() < 1e-9);
    }
}
