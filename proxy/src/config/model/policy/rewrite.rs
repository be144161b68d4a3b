//! What a server is asked for, in the place of what the client asked for.

use crate::route::Target;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// This stands before the path. In normal form, without a slash at its end.
    AddPrefix(String),
    /// A path whose pattern does not fit stays as it is.
    To(Target),
}
