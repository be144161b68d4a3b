//! Values of header fields, with placeholders in braces: `{client_ip}`; a `{` that is none is `{{`.

use http::HeaderValue;

use crate::config::{
    model::{Piece, Placeholder, Template},
    nearest::did_you_mean,
    problem::{Located, Problem, Problems, quoted},
};

/// Bytes of a value at most; servers and browsers take little more for all fields together.
const LONGEST: usize = 8 << 10;

/// Reads the value of a field.
pub(super) fn template(written: &Located<&str>, problems: &Problems) -> Option<Template> {
    parse(written.value)
        .map_err(|(message, hint)| {
            problems.push(Problem::error(message).at_value(written).hint(hint));
        })
        .ok()
}

/// A value without placeholders, in which any white space is one space: so it may be written in several lines.
pub(super) fn fixed(written: &Located<&str>, problems: &Problems) -> Option<HeaderValue> {
    let words: Vec<&str> = written.value.split_ascii_whitespace().collect();
    let joined = words.join(" ");
    check(&joined)
        .map_err(|(message, hint)| {
            problems.push(Problem::error(message).at_value(written).hint(hint));
        })
        .ok()?;
    HeaderValue::try_from(joined).ok()
}

type Fault = (String, String);

fn parse(written: &str) -> Result<Template, Fault> {
    let text = written.trim_ascii();
    check(text)?;
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        plain.push_str(before);
        if let Some(after) = after.strip_prefix('{') {
            plain.push('{');
            rest = after;
            continue;
        }
        let Some((name, after)) = after.split_once('}') else {
            return Err((
                format!("a brace is not closed in {}", quoted(text)),
                "close it with }; write {{ if you mean the letter".to_owned(),
            ));
        };
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        pieces.push(Piece::Value(placeholder(name)?));
        rest = after;
    }
    plain.push_str(rest);
    if pieces.is_empty() {
        return match HeaderValue::try_from(plain) {
            Ok(value) => Ok(Template::Fixed(value)),
            Err(_) => Err(strange(text)),
        };
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(Template::Made(pieces))
}

fn check(text: &str) -> Result<(), Fault> {
    if text.is_empty() {
        return Err((
            "a header cannot have an empty value".to_owned(),
            "write a text, or leave it out".to_owned(),
        ));
    }
    if text.len() > LONGEST {
        return Err((
            "this value is longer than 8 KiB".to_owned(),
            "write a shorter one".to_owned(),
        ));
    }
    match text.chars().find(|c| !matches!(c, ' '..='~')) {
        Some(found) => Err(strange(&found.to_string())),
        None => Ok(()),
    }
}

fn strange(what: &str) -> Fault {
    (
        format!("the value of a header cannot hold {}", quoted(what)),
        "write letters, digits, punctuation and spaces of ASCII, on one line".to_owned(),
    )
}

fn placeholder(name: &str) -> Result<Placeholder, Fault> {
    let known = Placeholder::ALL.iter().find(|(known, _)| *known == name);
    known.map(|(_, placeholder)| *placeholder).ok_or_else(|| {
        let names = Placeholder::ALL.map(|(name, _)| name);
        let hint = did_you_mean(name, names).unwrap_or_else(|| {
            format!(
                "write {{{{ if you mean the letter; the placeholders are {}",
                names.join(", ")
            )
        });
        (
            format!("{} is no placeholder", quoted(&format!("{{{name}}}"))),
            hint,
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    fn fixed(value: &'static str) -> Template {
        Template::Fixed(HeaderValue::from_static(value))
    }

    #[test]
    fn what_stands_in_braces_is_a_placeholder() {
        let host = || Piece::Value(Placeholder::Host);
        for (written, expected) in [
            ("plain", fixed("plain")),
            ("  trimmed\t", fixed("trimmed")),
            ("{{host}", fixed("{host}")),
            ("{{{{", fixed("{{")),
            ("a } alone", fixed("a } alone")),
            (r#"{{"a":{{"b":1}}"#, fixed(r#"{"a":{"b":1}}"#)),
            ("{host}", Template::Made(vec![host()])),
            ("{host}{host}", Template::Made(vec![host(), host()])),
            (
                "a {{ {host}} b",
                Template::Made(vec![text("a { "), host(), text("} b")]),
            ),
            ("{{{host}", Template::Made(vec![text("{"), host()])),
        ] {
            assert_eq!(parse(written), Ok(expected), "{written}");
        }
    }

    #[test]
    fn each_placeholder_is_found_by_its_name_alone() {
        for (name, placeholder) in Placeholder::ALL {
            let expected = Template::Made(vec![Piece::Value(placeholder)]);
            assert_eq!(parse(&format!("{{{name}}}")), Ok(expected));
            for other in [
                format!("{{ {name}}}"),
                format!("{{{}}}", name.to_uppercase()),
            ] {
                let (_, hint) = parse(&other).unwrap_err();
                assert_eq!(hint, format!("did you mean \"{name}\"?"), "{other}");
            }
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for written in [
            "",
            "  ",
            "{",
            "{host",
            "{}",
            "{nothing of the kind}",
            "a\nb",
            "a\r\nset-cookie: b",
            "a\0b",
            "Zürich",
        ] {
            assert!(parse(written).is_err(), "{written:?}");
        }
        assert!(parse(&"a".repeat(LONGEST)).is_ok());
        assert!(parse(&"a".repeat(LONGEST + 1)).is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_read_can_stand_in_a_field(written in "([ -~]|\\{[a-z_]{0,10}\\}?|\\PC|[\\r\\n\\x00]){0,40}") {
            let pieces = match parse(&written) {
                Ok(Template::Made(pieces)) => pieces,
                Ok(Template::Fixed(value)) => vec![text(value.to_str().unwrap())],
                Err(_) => return Ok(()),
            };
            for piece in pieces {
                if let Piece::Text(text) = piece {
                    prop_assert!(!text.is_empty() && text.chars().all(|c| matches!(c, ' '..='~')));
                }
            }
        }
    }
}
