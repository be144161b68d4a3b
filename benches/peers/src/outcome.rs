//! What can go wrong here has one reader, who sits before the terminal: so an error is a sentence.

use std::error::Error;

pub(crate) type Trouble = Box<dyn Error + Send + Sync>;
pub(crate) type Outcome<T> = Result<T, Trouble>;

/// Says in what an error came up.
pub(crate) trait In<T> {
    fn while_doing(self, what: &str) -> Outcome<T>;
}

impl<T, E: Into<Trouble>> In<T> for Result<T, E> {
    fn while_doing(self, what: &str) -> Outcome<T> {
        self.map_err(|error| format!("{what}: {}", error.into()).into())
    }
}
