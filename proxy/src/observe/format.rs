//! The formats of a scrape, and which of them a scraper asks for.

use std::cmp::Reverse;

/// How a scrape is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' text format 0.0.4, which everybody reads.
    #[default]
    Text,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

impl Format {
    /// For `Content-Type`.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// What a scraper with these `Accept` fields likes best (RFC 9110, section 12.5.1). Of two that it likes alike, the
    /// one that it names first; the text format if it takes neither, as it can then still be looked at.
    pub fn asked<'a>(accept: impl IntoIterator<Item = &'a str>) -> Self {
        accept
            .into_iter()
            .flat_map(|field| field.split(','))
            .filter_map(wish)
            // The first of those that are equal.
            .min_by_key(|(_, quality)| Reverse(*quality))
            .map_or(Self::default(), |(format, _)| format)
    }
}

/// One element of `Accept`, and how much it is liked, in thousandths; nothing if it is none of ours or not wanted.
fn wish(element: &str) -> Option<(Format, u16)> {
    let mut parts = element.split(';').map(str::trim);
    let range = parts.next()?.to_ascii_lowercase();
    let (mut version, mut quality) = (None, 1000);
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "version" => version = Some(value),
            "q" => quality = thousandths(value)?,
            _ => {}
        }
    }
    let format = match (range.as_str(), version) {
        ("application/openmetrics-text", None | Some("1.0.0")) => Format::OpenMetrics,
        ("text/plain", None | Some("0.0.4")) | ("text/*" | "*/*", _) => Format::Text,
        _ => return None,
    };
    (quality > 0).then_some((format, quality))
}

/// A weight of 0 to 1 with three digits at most. What is none makes its element count for nothing.
fn thousandths(value: &str) -> Option<u16> {
    let (whole, digits) = value.split_once('.').unwrap_or((value, ""));
    if digits.len() > 3 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{digits:0<3}").parse().ok()?;
    match (whole, fraction) {
        ("0", fraction) => Some(fraction),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scraper_gets_the_format_that_it_likes_best() {
        use Format::{OpenMetrics, Text};
        let open = "application/openmetrics-text";
        for (accept, expected) in [
            (String::new(), Text),
            ("*/*".to_owned(), Text),
            ("text/html".to_owned(), Text),
            (open.to_owned(), OpenMetrics),
            (format!("{open};version=1.0.0"), OpenMetrics),
            (
                format!("{open}; version=\"1.0.0\"; charset=utf-8"),
                OpenMetrics,
            ),
            (open.to_ascii_uppercase(), OpenMetrics),
            // One that we do not write.
            (format!("{open};version=0.0.1"), Text),
            (format!("{open};version=2.0.0,*/*;q=0.1"), Text),
            (format!("{open};q=0"), Text),
            (format!("{open};q=0.000"), Text),
            (format!("{open};q=nonsense, text/plain;q=0.1"), Text),
            (format!("{open};q=0.5,text/plain"), Text),
            (format!("{open};q=0.5,text/plain;q=0.49"), OpenMetrics),
            (format!("{open},text/plain"), OpenMetrics),
            (format!("text/plain,{open}"), Text),
            // Prometheus 2.42 and 3.
            (
                format!(
                    "{open};version=1.0.0,{open};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
                ),
                OpenMetrics,
            ),
            (
                format!(
                    "{open};version=1.0.0;escaping=allow-utf-8;q=0.5,{open};version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
                ),
                OpenMetrics,
            ),
        ] {
            assert_eq!(Format::asked([accept.as_str()]), expected, "{accept}");
        }
        let fields = ["text/plain;q=0.2", "application/openmetrics-text"];
        assert_eq!(Format::asked(fields), OpenMetrics, "several fields are one");
    }
}
