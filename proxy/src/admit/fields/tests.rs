//! Lines beside the map that holds the same.

use http::header::{COOKIE, HOST, VIA};
use proptest::prelude::*;

use super::*;
use crate::admit::FieldView;

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
    fields.add_parts(&VIA, &[b"1.1 simplon"]);
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

#[test]
fn what_is_set_stands_where_the_first_of_its_name_was() {
    let mut fields = read(b"Host: a\nCOOKIE: a=1\nvia: x\ncookie: b=2");
    fields.set_parts(&COOKIE, &[b"c=", b"3"]);
    assert_eq!(shown(&fields), ["Host:a", "cookie:c=3", "via:x"]);
    fields.set_parts(&VIA, &[b"a\nb"]);
    assert_eq!(shown(&fields), ["Host:a", "cookie:c=3"]);
    fields.set_parts(&VIA, &[]);
    assert_eq!(shown(&fields), ["Host:a", "cookie:c=3", "via:"]);
}

#[test]
fn names_are_shown_in_lower_case_whatever_their_length() {
    let long = [b'A'; 100];
    let head = Bytes::from([&long[..], b"Be", b"be"].concat());
    let mut fields = FieldLines::of(&head);
    for name in [0..100, 100..102, 102..104] {
        fields.note(&head[name], b"").unwrap();
    }
    let mut names = Vec::new();
    let found = FieldView::from(&fields).names_where(|name| {
        names.push(name.to_owned());
        true
    });
    assert_eq!(names, [&"a".repeat(100), "be", "be"]);
    assert_eq!(found, [&*"a".repeat(100), "be"], "once each");
    fields.remove_where(|name| name.starts_with('a'));
    assert_eq!(shown(&fields), ["Be:", "be:"]);
}

/// One step of many that make a message.
#[derive(Clone, Debug)]
enum Step {
    Note(String, String),
    Add(String, String),
    Set(String, String),
    Remove(String),
    RemoveAll(String),
}

fn step() -> impl Strategy<Value = Step> {
    let name = || "[a-cA-C_-]{1,6}";
    let value = || "[ -~]{0,8}";
    prop_oneof![
        3 => (name(), value()).prop_map(|(name, value)| Step::Note(name, value)),
        3 => (name(), value()).prop_map(|(name, value)| Step::Add(name, value)),
        1 => (name(), value()).prop_map(|(name, value)| Step::Set(name, value)),
        1 => name().prop_map(Step::Remove),
        1 => "[a-c]".prop_map(Step::RemoveAll),
    ]
}

fn take(step: Step, fields: &mut FieldLines, map: &mut HeaderMap) {
    let typed = |name: &str| HeaderName::try_from(name).unwrap();
    match step {
        Step::Note(..) => {}
        Step::Add(name, value) => {
            fields.add_parts(&typed(&name), &[value.as_bytes()]);
            map.append(typed(&name), value.try_into().unwrap());
        }
        Step::Set(name, value) => {
            fields.set_parts(&typed(&name), &[value.as_bytes()]);
            map.insert(typed(&name), value.try_into().unwrap());
        }
        Step::Remove(name) => {
            fields.remove(&typed(&name));
            map.remove(typed(&name));
        }
        Step::RemoveAll(first) => {
            fields.remove_where(|name| name.starts_with(&first));
            for name in FieldView::from(&*map).names_where(|name| name.starts_with(&first)) {
                map.remove(name);
            }
        }
    }
}

proptest! {
    #[test]
    fn they_hold_what_a_map_holds(steps in prop::collection::vec(step(), 0..24)) {
        let noted = |step: &Step| match step {
            Step::Note(name, value) => Some((name.clone(), value.clone())),
            _ => None,
        };
        let came: Vec<_> = steps.iter().filter_map(noted).collect();
        let head: String = came.iter().flat_map(|(name, value)| [name.as_str(), value]).collect();
        let head = Bytes::from(head);
        let (mut fields, mut map) = (FieldLines::of(&head), HeaderMap::new());
        let mut rest = &head[..];
        for (name, value) in came {
            let (part, after) = rest.split_at(name.len());
            let (said, after) = after.split_at(value.len());
            fields.note(part, said).unwrap();
            map.append(HeaderName::try_from(name).unwrap(), value.try_into().unwrap());
            rest = after;
        }
        for step in steps {
            take(step, &mut fields, &mut map);
            let (lines, view) = (FieldView::from(&fields), FieldView::from(&map));
            prop_assert_eq!(lines.len(), view.len());
            for name in view.names_where(|_| true) {
                prop_assert_eq!(lines.get(&name), view.get(&name));
                let (ours, theirs) = (lines.get_all(&name), view.get_all(&name));
                prop_assert!(ours.eq(theirs));
                let (ours, theirs) = (lines.get_all(&name).rev(), view.get_all(&name).rev());
                prop_assert!(ours.eq(theirs));
            }
        }
        prop_assert_eq!(&FieldLines::from(&map).into_map(), &map);
        prop_assert_eq!(&fields.clone().into_map(), &map);
    }
}
