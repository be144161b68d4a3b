//! Names and values of fields: which bytes may stand in them, how many and how long.

use super::row::{Closed, Either, Passed, Refused, Row};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for byte in (0..=0x20_u8).chain(0x7f..=0xff) {
        // Every control character; of the bytes beyond ASCII some.
        let beyond = [0x80, 0x85, 0x8a, 0x8d, 0xa0, 0xad, 0xc3, 0xfe, 0xff];
        if byte > 0x7f && !beyond.contains(&byte) {
            continue;
        }
        rows.extend(of_byte(byte));
    }
    for separator in *b"\"(),/;<=>?@[\\]{}" {
        let name = [b"x", &[separator][..], b"y: z"].concat();
        rows.push(Row::get(name, Refused));
    }
    for letter in *b"!#$%&'*+-.^`|~09Az" {
        let name = [b"x", &[letter][..], b"y: z"].concat();
        rows.push(Row::get(name, Passed(1)));
    }
    rows.extend(of_amounts());
    rows
}

/// A byte in a name and in a value, at each place.
fn of_byte(byte: u8) -> Vec<Row> {
    let is_space = matches!(byte, b' ' | b'\t');
    let may_be_in_value = is_space || byte >= 0x80;
    let value = if may_be_in_value { Passed(1) } else { Refused };
    let byte = &[byte][..];
    [
        (
            Row::get([b"x", byte, b"y: z"].concat(), Refused),
            "in a name",
        ),
        (Row::get([byte, b"x: z"].concat(), Refused), "before a name"),
        (
            Row::get([b"x", byte, b": z"].concat(), Refused),
            "behind a name",
        ),
        (
            Row::get([b"x: y", byte, b"z"].concat(), value),
            "in a value",
        ),
        (
            Row::get([b"x:", byte, b"z"].concat(), value),
            "before a value",
        ),
        (Row::get([b"x: y", byte].concat(), value), "behind a value"),
    ]
    .into_iter()
    // LF and CR behind a value make other rows, which are in `lines`.
    .filter(|(_, place)| !(*place == "behind a value" && byte == b"\r"))
    .map(|(row, place)| row.called(&format!("{:#04x} {place}", byte[0])))
    .collect()
}

fn of_amounts() -> Vec<Row> {
    let many = |count: usize| "x: y\r\n".repeat(count);
    let head = |lines: &str| format!("GET /ROW HTTP/1.1\r\nhost: test\r\n{lines}\r\n");
    let long_name = format!("{}: y\r\n", "x".repeat(60_000));
    let long_value = format!("x: {}\r\n", "y".repeat(60_000));
    vec![
        Row::new("a hundred fields", head(&many(99)), Passed(1)),
        Row::new("a hundred and one fields", head(&many(100)), Closed(431)),
        Row::new("a thousand fields", head(&many(1000)), Closed(431)),
        Row::new(
            "a hundred thousand fields",
            head(&many(100_000)),
            Closed(431),
        ),
        Row::new("a long name", head(&long_name), Either),
        Row::new("a long value", head(&long_value), Passed(1)),
        Row::new(
            "a value beyond the limit",
            head(&long_value.repeat(2)),
            Closed(431),
        ),
        Row::new(
            "a name without an end",
            "GET /ROW HTTP/1.1\r\nhost: test\r\n".to_owned() + &"x".repeat(70_000),
            Closed(431),
        ),
        Row::new("a line without an end", "G".repeat(70_000), Closed(431)),
        Row::new(
            "a name and nothing else",
            head(&format!("{}\r\n", "x".repeat(100))),
            Refused,
        ),
    ]
}
