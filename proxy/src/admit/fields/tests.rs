//! Lines beside the map that holds the same.

use http::header::{COOKIE, HOST, VIA};
use proptest::prelude::*;

use super::*;

fn read(head: &'static [u8]) -> FieldLines {
    let head = Bytes::from_static(head);
    let mut fields = FieldLines::of(&head);
    for line in head.split(|byte| *byte == b'\n') {
        let colon = line.iter().position(|byte| *byte == b':').unwrap();
        let (name, value) = line.split_at(colon);
        fields.note(name, value[1..].trim_ascii()).unwrap();
    }
    fields
}

fn shown(fields: &FieldLines) -> Vec<String> {
    let text = |bytes| str::from_utf8(bytes).unwrap();
    let lines = fields.iter();
    lines
        .map(|(name, value)| format!("{}:{}", text(name), text(value)))
        .collect()
}

#[test]
fn lines_stay_as_they_came_and_what_is_added_follows() {
    let mut fields = read(b"Host: a.test\nCOOKIE: a=1\nempty:\ncookie: b=2");
    fields.add(&VIA, &HeaderValue::from_static("1.1 simplon"));
    fields.add_parts(&HOST, &[b"b", b".", b"test"]);
    let expected = [
        "Host:a.test",
        "COOKIE:a=1",
        "empty:",
        "cookie:b=2",
        "via:1.1 simplon",
        "host:b.test",
    ];
    assert_eq!(shown(&fields), expected);
    fields.remove(&COOKIE);
    fields.remove(&VIA);
    assert_eq!(shown(&fields), ["Host:a.test", "empty:", "host:b.test"]);
    assert!(fields.contains(&HOST) && !fields.contains(&COOKIE));
}

#[test]
fn what_cannot_stand_in_a_value_is_left_out() {
    let mut fields = FieldLines::default();
    for bad in [&b"a\r\nx: 1"[..], b"\0", b"\x7f", b"a\n"] {
        fields.add_parts(&VIA, &[b"good", bad]);
    }
    assert!(fields.is_empty());
    fields.add_parts(&VIA, &[b"\xe4\t ok"]);
    assert_eq!(fields.len(), 1);
}

#[test]
fn what_is_no_part_of_the_head_is_no_line() {
    let mut fields = FieldLines::of(&Bytes::from_static(b"a: 1"));
    assert_eq!(fields.note(b"elsewhere", b""), None);
}

proptest! {
    #[test]
    fn they_hold_what_a_map_holds(
        lines in prop::collection::vec(("[a-cA-C]{1,3}", "[ -~]{0,8}"), 0..12),
        gone in "[a-c]{1,3}",
    ) {
        let head: String = lines.iter().flat_map(|(name, value)| [name, ":", value, "\n"]).collect();
        let head = Bytes::from(head);
        let (mut fields, mut map) = (FieldLines::of(&head), HeaderMap::new());
        let mut at = 0;
        for (index, (name, value)) in lines.iter().enumerate() {
            let (key, said) = (HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
            if index % 3 == 2 {
                fields.add(&key, &said);
            } else {
                let value_at = at + name.len() + 1;
                fields.note(&head[at..at + name.len()], &head[value_at..value_at + value.len()]).unwrap();
            }
            at += name.len() + value.len() + 2;
            map.append(key, said);
        }
        let gone = HeaderName::try_from(gone).unwrap();
        fields.remove(&gone);
        map.remove(&gone);
        prop_assert_eq!(fields.len(), map.len());
        prop_assert_eq!(&FieldLines::from(&map).into_map(), &map);
        prop_assert_eq!(fields.into_map(), map);
    }
}
