//! A regular expression on the path of a request, in time that grows with the path alone.

use regex::{Captures, Regex, RegexBuilder};

/// Compiled once; its clones share it. Not anchored: `^` and `$` are the operator's to write.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadPattern {
    /// What about it, in a few words.
    Syntax(String),
    /// Compiled it would take more memory than a pattern is worth.
    Size,
}

impl Pattern {
    /// Bytes of what is compiled, and of what one search keeps in mind. A pattern of a hand's breadth takes a few KiB.
    const LARGEST: usize = 1 << 20;

    pub fn new(text: &str) -> Result<Self, BadPattern> {
        let built = RegexBuilder::new(text)
            .size_limit(Self::LARGEST)
            .dfa_size_limit(Self::LARGEST)
            .build();
        built.map(Self).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => BadPattern::Size,
            error => BadPattern::Syntax(reason(&error)),
        })
    }

    /// How many groups it has, the whole match not counted.
    pub fn groups(&self) -> usize {
        self.0.captures_len().saturating_sub(1)
    }

    /// The number of the group with this name.
    pub fn group(&self, name: &str) -> Option<usize> {
        self.0.capture_names().position(|it| it == Some(name))
    }

    pub(super) fn captures<'p>(&self, path: &'p str) -> Option<Captures<'p>> {
        self.0.captures(path)
    }
}

/// Two are equal if they were written alike.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

/// The last line of what the crate says; those before it draw the pattern.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_pattern_knows_its_groups() {
        let pattern = Pattern::new("^/([a-z]+)/(?P<id>[0-9]+)(?:/x)?$").unwrap();
        assert_eq!(pattern.groups(), 2);
        assert_eq!(pattern.group("id"), Some(2));
        assert_eq!(pattern.group("no"), None);
        assert_eq!(&pattern.captures("/a/7").unwrap()[2], "7");
        assert!(pattern.captures("/a/b").is_none());
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        for (text, why) in [
            ("(", BadPattern::Syntax("unclosed group".to_owned())),
            (
                "a**{",
                BadPattern::Syntax("unclosed counted repetition".to_owned()),
            ),
            (
                r"(a)\1",
                BadPattern::Syntax("backreferences are not supported".to_owned()),
            ),
            (r"(\w{500}){500}", BadPattern::Size),
        ] {
            assert_eq!(Pattern::new(text), Err(why), "{text}");
        }
    }

    #[test]
    fn no_path_makes_a_pattern_slow() {
        let pattern = Pattern::new("^(/a*)*b$").unwrap();
        let path = format!("/{}", "a".repeat(16 << 10));
        let began = Instant::now();
        assert!(pattern.captures(&path).is_none());
        assert!(began.elapsed() < Duration::from_secs(2));
    }
}
