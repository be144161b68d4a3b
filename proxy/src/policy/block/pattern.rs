//! What a text is compared with, in one way of writing: plain, with stars, or as a regular expression.

use regex::bytes::{Regex, RegexBuilder};

/// Made when the configuration is read; matching takes time linear in the text, whatever the pattern.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// A path and all below it, by whole segments; without a slash at its end, and empty for all.
    Below(Box<str>),
    Expression(Regex),
}

/// Why a text is no pattern, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPattern {
    pub message: String,
    pub hint: String,
}

/// Bytes of a pattern at most.
const LONGEST: usize = 1024;
/// Bytes that a regular expression may take when it is made ready.
const LARGEST: usize = 1 << 20;

impl Pattern {
    /// `/a` is this path and all below it; the text is in normal form.
    pub fn path(written: &str) -> Result<Self, BadPattern> {
        match Writing::of(written)? {
            Writing::Plain => Ok(Self::Below(written.trim_end_matches('/').into())),
            Writing::Stars => stars(written, false),
            Writing::Expression(expression) => compile(expression, false),
        }
    }

    /// `a` is the whole text.
    pub fn whole(written: &str) -> Result<Self, BadPattern> {
        match Writing::of(written)? {
            Writing::Plain | Writing::Stars => stars(written, false),
            Writing::Expression(expression) => compile(expression, false),
        }
    }

    /// `a` is anywhere in the text. Capital and small letters are the same, unless it is a regular expression.
    pub fn part(written: &str) -> Result<Self, BadPattern> {
        match Writing::of(written)? {
            Writing::Plain => compile(&regex::escape(written), true),
            Writing::Stars => stars(written, true),
            Writing::Expression(expression) => compile(expression, false),
        }
    }

    pub fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Below(path) => {
                let below = text.strip_prefix(path.as_bytes());
                below.is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
            }
            Self::Expression(expression) => expression.is_match(text),
        }
    }
}

/// The three ways of writing a pattern.
pub enum Writing<'a> {
    Plain,
    /// With `*` for any text, slashes included; the whole text has to fit.
    Stars,
    /// After `~`; found anywhere in the text, unless it begins with `^` or ends with `$`.
    Expression(&'a str),
}

impl<'a> Writing<'a> {
    pub fn of(written: &'a str) -> Result<Self, BadPattern> {
        let bad = |message: &str, hint: &str| {
            Err(BadPattern {
                message: message.to_owned(),
                hint: hint.to_owned(),
            })
        };
        if written.len() > LONGEST {
            return bad("is longer than 1024 bytes", "make several rules of it");
        }
        match written.strip_prefix('~').map(str::trim_start) {
            Some("") => bad(
                "has nothing after ~",
                "write a regular expression, as in \"~ ^/a[0-9]+$\"",
            ),
            Some(expression) => Ok(Self::Expression(expression)),
            None if written.is_empty() => bad(
                "is empty, and so would match all",
                "remove it, or write what is meant",
            ),
            None if written.contains('*') => Ok(Self::Stars),
            None => Ok(Self::Plain),
        }
    }
}

fn stars(written: &str, any_case: bool) -> Result<Pattern, BadPattern> {
    let parts: Vec<String> = written.split('*').map(regex::escape).collect();
    compile(&format!("^{}$", parts.join(".*")), any_case)
}

fn compile(expression: &str, any_case: bool) -> Result<Pattern, BadPattern> {
    let built = RegexBuilder::new(expression)
        .unicode(false) // fields are bytes
        .dot_matches_new_line(true)
        .case_insensitive(any_case)
        .size_limit(LARGEST)
        .build();
    built.map(Pattern::Expression).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => BadPattern {
            message: "is too large a regular expression".to_owned(),
            hint: "make the counts in it smaller".to_owned(),
        },
        error => BadPattern {
            message: format!(
                "is no regular expression: {}",
                last_line(&error.to_string())
            ),
            hint: "its syntax is that of RE2, without look-around and back-references".to_owned(),
        },
    })
}

/// The crate draws its errors over several lines, and ends with what is wrong.
fn last_line(error: &str) -> &str {
    let last = error.trim_end().rsplit('\n').next().unwrap_or_default();
    last.trim_start_matches("error: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_of_writing_has_its_meaning() {
        type Make = fn(&str) -> Result<Pattern, BadPattern>;
        let (path, whole, part) = (
            Pattern::path as Make,
            Pattern::whole as Make,
            Pattern::part as Make,
        );
        let cases: &[(Make, &str, &[&str], &[&str])] = &[
            (
                path,
                "/admin",
                &["/admin", "/admin/", "/admin/x"],
                &["/", "/administrator", "/Admin", "/a/admin"],
            ),
            (path, "/admin/", &["/admin", "/admin/x"], &["/adminx"]),
            (path, "/", &["/", "/x"], &[]),
            (
                path,
                "*.php",
                &["/a.php", "/x/y.php"],
                &["/a.php/x", "/a.phpx", "/aphp"],
            ),
            (
                path,
                "/x/*/y",
                &["/x/a/y", "/x/a/b/y", "/x//y"],
                &["/x/y", "/a/x/b/y", "/x/a/y/z"],
            ),
            (path, "*a.b*", &["/a.b", "/xa.b/c"], &["/axb"]),
            (
                path,
                "~ ^/v[0-9]+/old$",
                &["/v1/old", "/v12/old"],
                &["/v/old", "/v1/older", "/V1/old"],
            ),
            (path, "~(?i)secret", &["/a/Secret", "/secrets"], &["/secre"]),
            (whole, "evil", &["evil"], &["Evil", "evil ", "", "devil"]),
            (
                whole,
                "evil*",
                &["evil", "evil 2", "evil\n2"],
                &["Evil", "an evil"],
            ),
            (whole, "a.b", &["a.b"], &["axb"]),
            (
                part,
                "sqlmap",
                &["sqlmap", "SQLMap/1.7", "a sqlmap b"],
                &["sql map", ""],
            ),
            (part, "sqlmap*", &["sqlmap/1", "SQLMAP"], &["a sqlmap"]),
            (part, "~ ^$", &[""], &["x"]),
            (
                part,
                "(compatible)",
                &["Mozilla (Compatible)"],
                &["compatible"],
            ),
        ];
        for (make, written, yes, no) in cases {
            let pattern = make(written).unwrap();
            for text in *yes {
                assert!(pattern.matches(text.as_bytes()), "{written} {text}");
            }
            for text in *no {
                assert!(!pattern.matches(text.as_bytes()), "{written} {text}");
            }
        }
        assert!(Pattern::part("~ \\xff$").unwrap().matches(b"a\xff"));
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        for (written, message) in [
            ("", "is empty, and so would match all"),
            ("~", "has nothing after ~"),
            ("~ ", "has nothing after ~"),
            ("~ a(", "is no regular expression: unclosed group"),
            ("~ a{9999}{9999}", "is too large a regular expression"),
            (&"a".repeat(LONGEST + 1), "is longer than 1024 bytes"),
        ] {
            let bad = Pattern::part(written).unwrap_err();
            assert_eq!(bad.message, message, "{written}");
        }
        let behind = Pattern::path("~ (?=a)").unwrap_err();
        assert!(behind.message.contains("look-around"), "{}", behind.message);
    }
}
