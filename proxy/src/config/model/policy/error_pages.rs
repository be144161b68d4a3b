//! Pages of the operator's for errors.

use std::path::PathBuf;

use http::StatusCode;

use crate::config::problem::Located;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorPages {
    /// In the order of the file.
    pub pages: Vec<(ErrorStatus, Vec<Located<PathBuf>>)>,
    /// Whether they stand in for what servers say with these statuses too.
    pub servers: bool,
}

/// Which errors a page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorStatus {
    One(StatusCode),
    /// 400 to 499.
    Client,
    /// 500 to 599.
    Server,
}
