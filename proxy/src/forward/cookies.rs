//! The cookies of a request (RFC 6265 section 4.2.1): found by name, and taken out by name.

use http::{HeaderValue, header::COOKIE};

use super::Fields;
use crate::admit::FieldView;

/// The values of the cookies of this name, in the order they came, over all lines.
pub fn cookies<'a>(fields: FieldView<'a>, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    let lines = fields.get_all(COOKIE);
    lines
        .flat_map(pairs)
        .filter_map(move |pair| value_of(pair, name))
}

/// Takes every cookie of this name out. What else there is stays byte for byte; a line that held nothing else goes.
pub fn remove_cookie(fields: &mut impl Fields, name: &[u8]) {
    if cookies(fields.view(), name).next().is_none() {
        return;
    }
    let lines = fields.view().get_all(COOKIE);
    let lines: Vec<_> = lines.filter_map(|line| without(line, name)).collect();
    fields.remove(&COOKIE);
    for line in lines {
        fields.add(COOKIE, line);
    }
}

fn without(line: &[u8], name: &[u8]) -> Option<HeaderValue> {
    let kept = pairs(line).filter(|pair| value_of(pair, name).is_none());
    let kept = kept.collect::<Vec<_>>().join(&b';');
    let kept = kept.trim_ascii_start();
    // A part of a value that was one is one.
    HeaderValue::from_bytes(kept)
        .ok()
        .filter(|kept| !kept.is_empty())
}

fn pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b';')
}

fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let pair = pair.trim_ascii();
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    let (found, value) = pair.split_at(equals);
    (found == name).then(|| value.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::admit::FieldLines;

    fn fields(lines: &[&'static str]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for line in lines {
            fields.append(COOKIE, HeaderValue::from_static(line));
        }
        fields
    }

    #[test]
    fn a_cookie_is_found_by_its_name_alone() {
        for (lines, found) in [
            (&["s=1"][..], &["1"][..]),
            (&["a=0; s=1; b=2"], &["1"]),
            (&["a=0;s=1;b=2"], &["1"]),
            (&["a=0", "s=1"], &["1"]),
            (&["s=1; s=2", "s=3"], &["1", "2", "3"]),
            (&["s=1=2"], &["1=2"]),
            (&["s="], &[""]),
            (&["S=1; xs=1; sx=1; s"], &[]),
            (&[], &[]),
        ] {
            let fields = fields(lines);
            let values: Vec<_> = cookies((&fields).into(), b"s").collect();
            let found: Vec<_> = found.iter().map(|value| value.as_bytes()).collect();
            assert_eq!(values, found, "{lines:?}");
        }
    }

    #[test]
    fn the_others_stay_byte_for_byte() {
        for (lines, left) in [
            (&["s=1"][..], &[][..]),
            (&["s=1; "], &[]),
            (&["s=1; a=0"], &["a=0"]),
            (&["a=0; s=1"], &["a=0"]),
            (&["a=0; s=1; b= \"2\" "], &["a=0; b= \"2\" "]),
            (&["a=0;s=1;b=2"], &["a=0;b=2"]),
            (&["s=1; a=0; s=2"], &["a=0"]),
            (&["s=1", "a=0"], &["a=0"]),
            (&["a=0;; S=1 ;  xs=1; s"], &["a=0;; S=1 ;  xs=1; s"]),
        ] {
            let mut fields = fields(lines);
            let mut same = FieldLines::from(&fields);
            remove_cookie(&mut fields, b"s");
            remove_cookie(&mut same, b"s");
            assert_eq!(same.into_map(), fields);
            let values: Vec<_> = fields.get_all(COOKIE).iter().collect();
            assert_eq!(values, left, "{lines:?}");
        }
    }
}
