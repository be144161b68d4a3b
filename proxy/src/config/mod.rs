//! Text to [`Config`].

pub mod model;
pub mod problem;
pub mod units;

pub use model::Config;
