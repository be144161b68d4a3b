//! Keeps a client on its server: the cookie on its way in and out.

use super::Exchange;
use crate::{admit::FieldView, balance::Upstream, forward::Fields};

/// The server that the client's cookie names, by index.
pub(super) fn kept(fields: FieldView<'_>, upstream: &Upstream) -> Option<usize> {
    upstream.sticky()?.named(fields)
}

/// Takes the cookie out of what the server is to see.
pub(super) fn hide(exchange: &Exchange, fields: &mut impl Fields) {
    let pick = exchange.pick.as_ref();
    if let Some(sticky) = pick.and_then(|pick| pick.upstream().sticky()) {
        sticky.hide(fields);
    }
}

/// Has the response of a server name it, unless the client's cookie does. `asked` are the client's fields.
///
/// It comes after compression has been settled: this cookie is no secret that the length of a body could give away
/// (BREACH), as one that a server sets may be.
pub(super) fn keep(exchange: &Exchange, asked: FieldView<'_>, response: &mut impl Fields) {
    let (Some(pick), Some(admitted)) = (&exchange.pick, &exchange.admitted) else {
        return;
    };
    let index = pick.server().index;
    if let Some(sticky) = pick.upstream().sticky()
        && sticky.named(asked) != Some(index)
    {
        let is_tls = admitted.connection.tls.is_some();
        sticky.keep(index, is_tls, response);
    }
}
