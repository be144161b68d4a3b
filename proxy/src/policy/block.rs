//! Block: which requests are refused by what they look like, by rules of the operator and by presets.

mod bots;
mod pattern;
mod probes;

use std::sync::Arc;

use http::header::USER_AGENT;

pub use pattern::{BadPattern, Pattern, Writing};

use self::{bots::Bots, probes::Probes};
use super::Request;
use crate::{
    config::model::{self, Conditions, HeaderCondition, Mode, Preset, Refused},
    respond::Refusal,
};

/// The rules of one route in their order, with what they need.
#[derive(Debug)]
pub struct Block {
    spec: Arc<model::Block>,
    probes: Probes,
    bots: Bots,
}

impl Block {
    pub fn new(spec: &Arc<model::Block>) -> Self {
        Self {
            spec: Arc::clone(spec),
            probes: Probes::new(),
            bots: Bots::new(),
        }
    }

    /// The rules that match, from the first on, each with its mode. One that is enforced decides; one that observes lets
    /// those after it have their say.
    pub fn matching<'a>(
        &'a self,
        request: &'a Request<'a>,
    ) -> impl Iterator<Item = (Mode, Refusal)> + 'a {
        let numbered = self.spec.rules.iter().zip(NAMES);
        numbered
            .filter(|(rule, _)| self.refuses(&rule.refuses, request))
            .map(|(rule, number)| {
                let name = match rule.refuses {
                    Refused::Preset(preset) => preset.name(),
                    Refused::Requests(_) => number,
                };
                (rule.mode, Refusal::Blocked(name))
            })
    }

    fn refuses(&self, refused: &Refused, request: &Request<'_>) -> bool {
        match refused {
            Refused::Preset(Preset::CommonProbes) => self.probes.has(request.path, request.query),
            Refused::Preset(Preset::Bots) => self.bots.has(request.fields.get(USER_AGENT)),
            Refused::Requests(conditions) => hold(conditions, request),
        }
    }
}

/// Whether all conditions hold, the cheapest first.
fn hold(conditions: &Conditions, request: &Request<'_>) -> bool {
    let Conditions {
        path,
        query,
        methods,
        header,
        user_agent,
    } = conditions;
    let is_asked = methods.is_none_or(|methods| methods.contains(request.method));
    let has_path = |pattern: &Pattern| pattern.matches(request.path.as_bytes());
    let has_query = |pattern: &Pattern| {
        let query = request.query.strip_prefix('?').unwrap_or_default();
        pattern.matches(query.as_bytes())
    };
    // A server may read a line as one value or as a list (RFC 9110 section 5.3), so a rule does both.
    let has_value = |value: &Pattern, line: &[u8]| {
        let mut elements = line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        value.matches(line) || elements.any(|element| value.matches(element))
    };
    let has_field = |header: &HeaderCondition| {
        let HeaderCondition { name, value } = header;
        let mut sent = request.fields.get_all(name);
        sent.any(|sent| {
            let is_it = |value: &Pattern| has_value(value, sent);
            value.as_ref().is_none_or(is_it)
        })
    };
    let is_agent = |pattern: &Pattern| {
        let mut sent = request.fields.get_all(USER_AGENT);
        sent.any(|sent| pattern.matches(sent))
    };
    is_asked
        && path.as_ref().is_none_or(has_path)
        && header.as_ref().is_none_or(has_field)
        && user_agent.as_ref().is_none_or(is_agent)
        && query.as_ref().is_none_or(has_query)
}

/// What rules without a name are called in the log: by their place in the list, presets counted too.
const NAMES: [&str; model::Block::MOST_RULES] = [
    "rule 1", "rule 2", "rule 3", "rule 4", "rule 5", "rule 6", "rule 7", "rule 8", "rule 9",
    "rule 10", "rule 11", "rule 12", "rule 13", "rule 14", "rule 15", "rule 16", "rule 17",
    "rule 18", "rule 19", "rule 20", "rule 21", "rule 22", "rule 23", "rule 24", "rule 25",
    "rule 26", "rule 27", "rule 28", "rule 29", "rule 30", "rule 31", "rule 32", "rule 33",
    "rule 34", "rule 35", "rule 36", "rule 37", "rule 38", "rule 39", "rule 40", "rule 41",
    "rule 42", "rule 43", "rule 44", "rule 45", "rule 46", "rule 47", "rule 48", "rule 49",
    "rule 50", "rule 51", "rule 52", "rule 53", "rule 54", "rule 55", "rule 56", "rule 57",
    "rule 58", "rule 59", "rule 60", "rule 61", "rule 62", "rule 63", "rule 64",
];

#[cfg(test)]
mod tests;
