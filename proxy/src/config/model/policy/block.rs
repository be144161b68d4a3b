//! Which requests are refused by what they look like.

use http::HeaderName;

use super::Mode;
use crate::{policy::Pattern, route::Methods};

/// The rules in their order; the first that matches and is enforced decides.
#[derive(Clone, Debug)]
pub struct Block {
    /// One to [`Block::MOST_RULES`].
    pub rules: Vec<BlockRule>,
}

#[derive(Clone, Debug)]
pub struct BlockRule {
    pub refuses: Refused,
    pub mode: Mode,
}

/// What a rule refuses.
#[derive(Clone, Debug)]
pub enum Refused {
    Preset(Preset),
    Requests(Conditions),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Paths and queries that look for a way in.
    CommonProbes,
    /// Scanners that say who they are, and clients that do not say it at all.
    Bots,
}

/// What must hold of a request, all of it; at least one is there.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    pub path: Option<Pattern>,
    /// Without its `?`.
    pub query: Option<Pattern>,
    pub methods: Option<Methods>,
    pub header: Option<HeaderCondition>,
    pub user_agent: Option<Pattern>,
}

#[derive(Clone, Debug)]
pub struct HeaderCondition {
    pub name: HeaderName,
    /// `None` for any: the field is there.
    pub value: Option<Pattern>,
}

impl Block {
    pub const MOST_RULES: usize = 64;
}

impl Preset {
    pub const ALL: [Self; 2] = [Self::CommonProbes, Self::Bots];

    pub const fn name(self) -> &'static str {
        match self {
            Self::CommonProbes => "common_probes",
            Self::Bots => "bots",
        }
    }
}
