//! Rewriting: the server is asked for another path than the client asked for.
//!
//! Every other policy, the access log and the routes see what the client asked for.

use std::sync::Arc;

use crate::{admit::normalise, config::model, respond::Refusal, route::Asked};

#[derive(Debug)]
pub struct Rewrite(Arc<model::Rewrite>);

impl Rewrite {
    pub fn new(spec: &Arc<model::Rewrite>) -> Self {
        Self(Arc::clone(spec))
    }

    /// What the server is asked for, path and query; `None` if that is what `asked` says. The path is in normal form.
    ///
    /// # Errors
    /// What the rewrite makes of the path has no normal form, or is too long.
    pub fn target(&self, asked: &Asked<'_>) -> Result<Option<String>, Refusal> {
        match &*self.0 {
            model::Rewrite::AddPrefix(prefix) => {
                Ok(Some(format!("{prefix}{}{}", asked.path, asked.query)))
            }
            model::Rewrite::To(target) => target.of(asked)?.as_deref().map(normal).transpose(),
        }
    }
}

fn normal(target: &str) -> Result<String, Refusal> {
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let path = normalise(path)?;
    Ok(format!("{path}{query}"))
}

#[cfg(test)]
mod tests;
