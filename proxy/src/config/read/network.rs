//! Networks of peers: whose word is taken.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::config::{
    decode::{Fields, text},
    problem::{Problem, Span, quoted},
    raw::Node,
};

/// The networks under `name`, each with its place.
pub(super) fn networks(fields: &Fields<'_>, name: &str) -> Vec<(IpNet, Span)> {
    let nodes = fields.list(name).unwrap_or_default();
    nodes
        .iter()
        .filter_map(|node| Some((network(node, name, fields)?, node.span.clone())))
        .collect()
}

/// `10.0.0.0/8`, or an address alone.
fn network(node: &Node, name: &str, fields: &Fields<'_>) -> Option<IpNet> {
    let what = "a network such as 10.0.0.0/8";
    let written = text(node, name, what, fields.problems)?;
    if let Ok(address) = written.value.parse::<IpAddr>() {
        return Some(address.into());
    }
    let Ok(network) = written.value.parse::<IpNet>() else {
        fields.error(
            &node.span,
            format!(
                "{} is neither a network nor an address",
                quoted(written.value)
            ),
            "write 10.0.0.0/8, 10.0.0.1, or \"::1/128\"",
        );
        return None;
    };
    if network != network.trunc() {
        fields.problems.push(
            Problem::warning(format!(
                "{} is an address inside its network",
                quoted(written.value)
            ))
            .at(&node.span)
            .hint(format!("it is taken as {}", network.trunc())),
        );
    }
    Some(network.trunc())
}
