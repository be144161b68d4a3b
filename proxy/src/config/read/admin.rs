//! The listener for operators and scrapers, as a file says it.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use super::{address, file_path};
use crate::config::{
    decode::Fields,
    model::{Admin, BasicAuth},
    problem::{Located, Problem, quoted},
    table::{Key, Kind, Table},
};

pub(super) static TABLE: Table = Table {
    of: "admin",
    keys: &[
        Key::new(
            "bind",
            Kind::Text("an address such as 127.0.0.1:8404"),
            "default 127.0.0.1:8404",
        ),
        Key::new(
            "users",
            Kind::Text("the path of a file of users"),
            "who may see the page and operate by it: a file of NAME:HASH lines, as of `basic_auth`; default nobody may operate",
        ),
    ],
};

/// With the place of its address; of the file of users, if the address is the default.
pub(super) fn read(fields: &Fields<'_>) -> Option<Located<Admin>> {
    let users = file_path(fields, "users");
    let default = Admin::default().bind;
    let bind = match fields.text("bind") {
        Some(written) => bind(fields, &written)?,
        None => Located {
            value: default,
            span: users.as_ref()?.span.clone(),
        },
    };
    if let Some(users) = users.as_ref().filter(|_| !bind.value.ip().is_loopback()) {
        let message = format!("passwords of {} travel without TLS", quoted("users"));
        let problem = Problem::warning(message).at_value(users);
        fields.problems.push(problem.hint(
            "bind to 127.0.0.1, and reach the page by a route of a listener with TLS, or through a tunnel",
        ));
    }
    Some(Located {
        value: Admin {
            bind: bind.value,
            users: users.map(|users| Arc::new(login(users))),
        },
        span: bind.span,
    })
}

fn login(users: Located<PathBuf>) -> BasicAuth {
    BasicAuth {
        realm: Admin::REALM.into(),
        ..BasicAuth::of(users)
    }
}

fn bind(fields: &Fields<'_>, written: &Located<&str>) -> Option<Located<SocketAddr>> {
    let fault = match address::bind(written.value).as_deref() {
        Ok([bind]) => {
            return Some(Located {
                value: *bind,
                span: written.span.clone(),
            });
        }
        Ok(many) => {
            let port = many.first().map_or(0, SocketAddr::port);
            (
                "is more than one address",
                format!("write 127.0.0.1:{port}"),
            )
        }
        Err((message, hint)) => (*message, hint.clone()),
    };
    fields.problems.push(
        Problem::error(format!("{} {}", quoted(written.value), fault.0))
            .at_value(written)
            .hint(fault.1),
    );
    None
}
