//! A peer's configuration: text with `@NAME@` for values, and lines that stand only in some set-ups.

use crate::outcome::Outcome;

/// What marks a line: `… #? log` stands where the part `log` is on, `… #? no-log` where it is off.
const MARK: &str = "#? ";

/// The text for a set-up with these parts and values. A name that has no value is an error.
pub(crate) fn fill(text: &str, parts: &[&str], values: &[(&str, String)]) -> Outcome<String> {
    let mut filled = String::with_capacity(text.len());
    for line in text.lines() {
        let line = match line.split_once(MARK) {
            Some((line, mark)) if stands(mark.trim(), parts) => line.trim_end(),
            Some(_) => continue,
            None => line,
        };
        filled.push_str(line);
        filled.push('\n');
    }
    for (name, value) in values {
        filled = filled.replace(&format!("@{name}@"), value);
    }
    let left = filled.split('@').nth(1).filter(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
    });
    match left {
        Some(name) => Err(format!("no value for @{name}@").into()),
        None => Ok(filled),
    }
}

fn stands(mark: &str, parts: &[&str]) -> bool {
    match mark.strip_prefix("no-") {
        Some(part) => !parts.contains(&part),
        None => parts.contains(&mark),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_line_stands_where_its_part_is_on() {
        let text = "a\nb #? log\nc #? no-log";
        assert_eq!(fill(text, &["log"], &[]).unwrap(), "a\nb\n");
        assert_eq!(fill(text, &[], &[]).unwrap(), "a\nc\n");
    }

    #[test]
    fn values_take_the_place_of_names() {
        let values = [("PORT", "80".to_owned())];
        assert_eq!(fill("x:@PORT@;", &[], &values).unwrap(), "x:80;\n");
    }

    #[test]
    fn a_name_without_a_value_is_an_error() {
        let error = fill("x:@PORT@;", &[], &[]).unwrap_err();
        assert_eq!(error.to_string(), "no value for @PORT@");
    }
}
