//! HSTS, as a route or `defaults` says it.

use std::{sync::Arc, time::Duration};

use super::{Said, whole_seconds};
use crate::config::{
    decode::Fields,
    model::Hsts,
    problem::Located,
    raw::Value,
    table::{Key, Kind, Table},
};

/// As long as anybody could mean it.
const TEN_YEARS: Duration = Duration::from_secs(3650 * 86_400);

pub(in crate::config::read) const KEY: Key = Key::new(
    "hsts",
    Kind::FlagOr(&TABLE),
    "tell browsers to come by TLS alone; default false",
);

static TABLE: Table = Table {
    of: "hsts",
    keys: &[
        Key::new(
            "max_age",
            Kind::Duration(Duration::ZERO..=TEN_YEARS),
            "how long they keep to it; 0s takes it back; default 365d",
        ),
        Key::new(
            "include_subdomains",
            Kind::Flag,
            "for every host below this one too; default false",
        ),
        Key::new(
            "preload",
            Kind::Flag,
            "let browsers ship with it, by hstspreload.org; default false",
        ),
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Said<Hsts> {
    let entry = fields.entry("hsts")?;
    let hsts = match entry.node.value {
        Value::Map(_) => Some(promise(&fields.fields("hsts")?)?),
        _ => fields.flag("hsts")?.then(Hsts::default),
    };
    Some(Located::new(hsts.map(Arc::new), &entry.at))
}

fn promise(fields: &Fields<'_>) -> Option<Hsts> {
    // All are read, whatever the first gives, so that all problems are found.
    let (max_age, include_subdomains, preload) = (
        whole_seconds(fields, "max_age", Hsts::YEAR),
        fields.flag("include_subdomains").unwrap_or(false),
        fields.flag("preload").unwrap_or(false),
    );
    let hsts = Hsts {
        max_age: max_age?,
        include_subdomains,
        preload,
    };
    if let (true, Some(entry)) = (hsts.preload, fields.entry("preload")) {
        if !hsts.include_subdomains {
            fields.error(
                &entry.at,
                "\"preload\" needs \"include_subdomains\"",
                "the list of hstspreload.org is of whole domains; add `include_subdomains: true`, or remove `preload`",
            );
        }
        if hsts.max_age < Hsts::YEAR {
            fields.error(
                &entry.at,
                "\"preload\" needs a \"max_age\" of 365d or more",
                "so asks hstspreload.org; write a longer `max_age`, or remove `preload`",
            );
        }
    }
    Some(hsts)
}
