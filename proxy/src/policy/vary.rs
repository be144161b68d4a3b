//! `Vary`: by which fields of a request its response was chosen (RFC 9110 section 12.5.5).

use http::header::VARY;

use crate::forward::{Fields, append};

/// Adds the name of a request field to the list, unless it is there or the list is `*`.
pub(crate) fn vary_by(fields: &mut impl Fields, name: &'static str) {
    let lists = fields.view().get_all(VARY);
    let mut named = lists.flat_map(|list| list.split(|byte| *byte == b','));
    let is_there = |it: &[u8]| it == b"*" || it.eq_ignore_ascii_case(name.as_bytes());
    if !named.any(|it| is_there(it.trim_ascii())) {
        append(fields, VARY, &[name.as_bytes()]);
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn a_name_stands_in_the_list_once() {
        for (sent, seen) in [
            (&[][..], &["Origin"][..]),
            (&["Accept-Encoding"], &["Accept-Encoding, Origin"]),
            (&["Accept", "Cookie"], &["Accept, Cookie, Origin"]),
            (&["origin"], &["origin"]),
            (&["Accept", "Cookie ,ORIGIN"], &["Accept", "Cookie ,ORIGIN"]),
            (&["*"], &["*"]),
            (&["X-Origin"], &["X-Origin, Origin"]),
        ] {
            let mut fields = HeaderMap::new();
            for value in sent {
                fields.append(VARY, HeaderValue::from_static(value));
            }
            vary_by(&mut fields, "Origin");
            let all: Vec<_> = fields.get_all(VARY).iter().collect();
            assert_eq!(all, seen, "{sent:?}");
        }
    }
}
