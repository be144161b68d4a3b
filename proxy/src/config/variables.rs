//! `${NAME}` and `${NAME:-default}` in a string become what the environment holds; `$$` is a `$`.
//!
//! As in a shell, the default also stands in for an empty value. What was put in is not looked at again.

/// Looks a variable of the environment up; a parameter, so that tests and `explain` can bring their own.
pub type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// A reference, as a regular expression that means the same to JavaScript and to the crate regex.
pub(super) const PATTERN: &str = r"\$\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}]*)?\}";

/// Bytes a string may have once its variables are replaced.
const LONGEST: usize = 1 << 20;

/// A reference that cannot be replaced.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault<'t> {
    /// The stretch of the string that is wrong.
    pub(super) part: &'t str,
    pub(super) message: String,
    pub(super) hint: String,
}

/// The string with its variables replaced, or all that is wrong with it.
pub(super) fn expand<'t>(
    text: &'t str,
    environment: &Environment<'_>,
) -> Result<String, Vec<Fault<'t>>> {
    let mut out = String::with_capacity(text.len());
    let mut faults = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let after = from.get(1..).unwrap_or_default();
        if let Some(literal) = after.strip_prefix('$') {
            out.push('$');
            rest = literal;
        } else if let Some(inner) = after.strip_prefix('{') {
            let end = inner.find('}');
            let part = from.get(..end.map_or(from.len(), |end| end + 3));
            let value = match end.and_then(|end| inner.get(..end)) {
                Some(reference) => replace(reference, environment),
                None => Err((
                    "this variable has no closing }".to_owned(),
                    "write ${NAME}, or $$ for a $".to_owned(),
                )),
            };
            match value {
                Ok(value) => out.push_str(&value),
                Err((message, hint)) => faults.push(Fault {
                    part: part.unwrap_or(from),
                    message,
                    hint,
                }),
            }
            rest = end.and_then(|end| inner.get(end + 1..)).unwrap_or_default();
        } else {
            out.push('$');
            rest = after;
        }
        if out.len() > LONGEST {
            faults.push(Fault {
                part: text,
                message: "with its variables this is longer than 1 MiB".to_owned(),
                hint: "use a file".to_owned(),
            });
            break;
        }
    }
    out.push_str(rest);
    if faults.is_empty() {
        Ok(out)
    } else {
        Err(faults)
    }
}

/// The value of what stands between the braces, or a message and a hint.
fn replace(reference: &str, environment: &Environment<'_>) -> Result<String, (String, String)> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return Err((
            "this is not the name of a variable".to_owned(),
            "write ${NAME} or ${NAME:-default}, or $$ for a $".to_owned(),
        ));
    }
    if default.is_some_and(|default| default.contains("${")) {
        return Err((
            "a default cannot hold a variable".to_owned(),
            "write the default out".to_owned(),
        ));
    }
    match (environment(name), default) {
        (Some(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err((
            format!("the environment has no variable {name}"),
            format!("set it, or give a default: ${{{name}:-default}}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn environment(name: &str) -> Option<String> {
        match name {
            "PORT" => Some("8000".to_owned()),
            "EMPTY" => Some(String::new()),
            "DOLLAR" => Some("${PORT}".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn variables_are_replaced_once() {
        let table = [
            ("", ""),
            ("10.0.0.1:${PORT}", "10.0.0.1:8000"),
            ("${PORT}${PORT}", "80008000"),
            ("${PORT:-1}", "8000"),
            ("${UNSET:-1}", "1"),
            ("${EMPTY:-1}", "1"),
            ("${EMPTY}", ""),
            ("${UNSET:-}", ""),
            ("${UNSET:-a:-b}", "a:-b"),
            ("${DOLLAR}", "${PORT}"),
            ("$${PORT}", "${PORT}"),
            ("$$$$", "$$"),
            ("$PORT costs 5$", "$PORT costs 5$"),
        ];
        for (text, expected) in table {
            assert_eq!(
                expand(text, &environment).as_deref(),
                Ok(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn what_cannot_be_replaced_is_shown_in_its_place() {
        let table: [(&str, &[(&str, &str)]); 5] = [
            (
                "a ${A} b ${B}",
                &[
                    ("${A}", "the environment has no variable A"),
                    ("${B}", "the environment has no variable B"),
                ],
            ),
            ("x ${PORT", &[("${PORT", "this variable has no closing }")]),
            ("${}", &[("${}", "this is not the name of a variable")]),
            ("${1A}", &[("${1A}", "this is not the name of a variable")]),
            (
                "${A:-${PORT}}",
                &[("${A:-${PORT}", "a default cannot hold a variable")],
            ),
        ];
        for (text, expected) in table {
            let faults = expand(text, &environment).unwrap_err();
            let found: Vec<_> = faults.iter().map(|f| (f.part, &*f.message)).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_replaced_matches_the_pattern(text in "[$][{][A-Z_0-9-]{0,3}(:-)?[a-z:-]{0,3}[}]?") {
            let pattern = regex::Regex::new(&format!("^{PATTERN}$")).unwrap();
            let is_replaced = expand(&text, &|_| Some(String::new())).is_ok();
            prop_assert_eq!(is_replaced, pattern.is_match(&text));
        }

        #[test]
        fn no_text_is_too_strange(text in "[${}:A-Z-é]{0,40}") {
            let _ = expand(&text, &environment);
        }
    }
}
