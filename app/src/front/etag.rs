//! Whether the client already has what it asks for.

/// Whether the lines of `If-None-Match` name this tag or any (`*`), by weak comparison (RFC 9110, section 13.1.2).
///
/// `etag` is one of ours: quoted, hexadecimal. So a foreign tag cut at a comma inside it cannot pass for it.
pub fn is_known<'a>(etag: &str, lines: impl IntoIterator<Item = &'a str>) -> bool {
    lines
        .into_iter()
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_in_any_place_strong_or_weak() {
        let cases: &[(&[&str], bool)] = &[
            (&[], false),
            (&[""], false),
            (&["\"abc\""], true),
            (&["W/\"abc\""], true),
            (&["*"], true),
            (&["\"other\", \"abc\""], true),
            (&["\"other\"", "\"abc\""], true),
            (&["\"a,b\",W/\"c\" , W/\"abc\""], true),
            (&["\"other\""], false),
            (&["abc"], false),
            (&["w/\"abc\""], false),
            (&["\"ABC\""], false),
            (&["\"x,abc\""], false),
        ];
        for (lines, expected) in cases {
            assert_eq!(
                is_known("\"abc\"", lines.iter().copied()),
                *expected,
                "{lines:?}"
            );
        }
    }
}
