//! One line of the table: what each proxy needed in each round, and how far ours is ahead of the best of the others.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use crate::{
    peer::Kind,
    row::{Figure, Row},
    statistics::{Interval, median},
};

/// Below this a proxy was waiting for its load, so that its figure is one of a quiet proxy.
const BUSY: f64 = 0.9;

#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub name: String,
    pub unit: &'static str,
    row: Row,
    is_compared: bool,
    rounds: BTreeMap<Kind, Vec<f64>>,
    busy: BTreeMap<Kind, Vec<f64>>,
}

/// Who is the best of the peers, and its cost by ours: above 1 Simplon is ahead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lead {
    pub over: Kind,
    pub by: Interval,
}

impl Line {
    pub(crate) fn new(row: Row, figure: &Figure) -> Self {
        Self {
            name: figure.line.clone(),
            unit: figure.unit,
            row,
            is_compared: figure.is_compared,
            rounds: BTreeMap::new(),
            busy: BTreeMap::new(),
        }
    }

    /// Takes the figure of one more round.
    pub(crate) fn add(&mut self, kind: Kind, figure: &Figure) {
        self.rounds.entry(kind).or_default().push(figure.value);
        if let Some(busy) = figure.busy {
            self.busy.entry(kind).or_default().push(busy);
        }
    }

    pub(crate) fn median(&self, kind: Kind) -> Option<f64> {
        median(self.rounds.get(&kind)?)
    }

    /// The share of its cores that a proxy used, if the load was not enough for it.
    pub(crate) fn idled(&self, kind: Kind) -> Option<f64> {
        median(self.busy.get(&kind)?).filter(|share| *share < BUSY)
    }

    pub(crate) fn lead(&self) -> Option<Lead> {
        let ours = self
            .rounds
            .get(&Kind::Simplon)
            .filter(|_| self.is_compared)?;
        let others = [Kind::Nginx, Kind::Haproxy, Kind::Caddy];
        let medians = others
            .into_iter()
            .filter_map(|kind| Some((kind, self.median(kind)?)));
        let (over, _) = medians.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        let ratios = self
            .rounds
            .get(&over)?
            .iter()
            .zip(ours)
            .map(|(theirs, ours)| theirs / ours);
        let by = Interval::of(&ratios.collect::<Vec<_>>())?;
        Some(Lead { over, by })
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let named = |values: &BTreeMap<Kind, Vec<f64>>| -> BTreeMap<String, Vec<f64>> {
            values
                .iter()
                .map(|(kind, values)| (kind.to_string(), values.clone()))
                .collect()
        };
        let medians: BTreeMap<String, Option<f64>> = self
            .rounds
            .keys()
            .map(|kind| (kind.to_string(), self.median(*kind)))
            .collect();
        let lead = self.lead();
        let mut line = serializer.serialize_struct("Line", 8)?;
        line.serialize_field("row", &self.row)?;
        line.serialize_field("name", &self.name)?;
        line.serialize_field("unit", self.unit)?;
        line.serialize_field("medians", &medians)?;
        line.serialize_field("rounds", &named(&self.rounds))?;
        line.serialize_field("busy", &named(&self.busy))?;
        line.serialize_field("best_peer", &lead.map(|lead| lead.over.to_string()))?;
        line.serialize_field("best_peer_by_simplon", &lead.map(|lead| lead.by))?;
        line.end()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A line of three rounds: 10 µs of ours, 12 of nginx's, 15 of Caddy's, 6 of the relay, which waited half of the time.
    pub(in crate::report) fn line() -> Line {
        let figure = |value, busy| Figure {
            line: "H1 plain".to_owned(),
            unit: "CPU µs a request",
            value,
            busy: Some(busy),
            is_compared: true,
        };
        let mut line = Line::new(Row::H1, &figure(0.0, 1.0));
        for _ in 0..3 {
            line.add(Kind::Simplon, &figure(10.0, 1.0));
            line.add(Kind::Nginx, &figure(12.0, 0.99));
            line.add(Kind::Caddy, &figure(15.0, 1.0));
            line.add(Kind::Relay, &figure(6.0, 0.5));
        }
        line
    }

    #[test]
    fn the_lead_is_over_the_best_peer_and_never_over_the_relay() {
        let lead = line().lead().unwrap();
        assert_eq!(lead.over, Kind::Nginx);
        assert!((lead.by.median - 1.2).abs() < 1e-9);
    }

    #[test]
    fn who_waited_for_the_load_is_marked() {
        assert_eq!(line().idled(Kind::Relay), Some(0.5));
        assert_eq!(line().idled(Kind::Nginx), None);
    }

    #[test]
    fn json_has_every_round() {
        let json = serde_json::to_value(line()).unwrap();
        assert_eq!(json["rounds"]["nginx"].as_array().unwrap().len(), 3);
        assert_eq!(json["row"], "h1");
        assert_eq!(json["best_peer"], "nginx");
    }
}
