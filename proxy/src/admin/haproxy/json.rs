//! The table as JSON, as `HAProxy` writes it: a list of objects, each a list of its values with all that is known of them.

use serde::{Serialize, Serializer};

use super::{
    Proxy,
    column::{Column, Kind, Tags},
    row::{Object, Row, Value},
};

/// One value of one row, in the order and the names of `HAProxy`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    obj_type: Object,
    proxy_id: u32,
    id: u32,
    field: Field,
    process_num: u32,
    tags: Tags,
    value: Typed<'a>,
}

#[derive(Serialize)]
struct Field {
    pos: usize,
    name: &'static str,
}

#[derive(Serialize)]
struct Typed<'a> {
    #[serde(rename = "type")]
    kind: Kind,
    value: Value<'a>,
}

struct Entries<'a>(Row<'a>);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(row) = self;
        let entry = |(column, value): (Column, Option<_>)| {
            Some(Entry {
                obj_type: row.object,
                proxy_id: row.proxy,
                id: row.id,
                field: Field {
                    pos: column.place(),
                    name: column.name(),
                },
                process_num: 1,
                tags: column.tags(row.object),
                value: Typed {
                    kind: column.kind(),
                    value: value?,
                },
            })
        };
        serializer.collect_seq(row.values().filter_map(entry))
    }
}

/// The objects of one listener or upstream, with commas between them. Fails never: nothing here is a map.
pub(super) fn objects(proxy: &Proxy<'_>) -> String {
    let objects = proxy.rows().map(Entries);
    let objects = objects.filter_map(|object| serde_json::to_string(&object).ok());
    objects.collect::<Vec<_>>().join(",")
}
