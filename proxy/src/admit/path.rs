//! The one form of a path that every matcher, limiter and server sees.

use std::borrow::Cow;

use crate::respond::Refusal;

/// Why a path has no safe normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPath {
    Relative,
    /// A space, a control byte, a byte beyond ASCII, or one of the few visible ones that nobody sends unescaped.
    Byte,
    /// `%` without two hexadecimal digits.
    Escape,
    EscapedSlash,
    EscapedControl,
    AboveRoot,
    /// An ASCII character in more bytes of UTF-8 than it takes, which careless decoders read as that character.
    Overlong,
    /// `..;x`: some servers strip the parameter and then see a dot segment.
    DisguisedDots,
}

impl BadPath {
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Relative => "the path does not begin with a slash",
            Self::Byte => "the path holds a byte that must be escaped",
            Self::Escape => "the path holds an incomplete percent escape",
            Self::EscapedSlash => "the path holds an escaped slash or backslash",
            Self::EscapedControl => "the path holds an escaped control character",
            Self::AboveRoot => "the path leads above the root",
            Self::Overlong => "the path holds overlong UTF-8",
            Self::DisguisedDots => "the path holds a dot segment with a parameter",
        }
    }
}

impl From<BadPath> for Refusal {
    fn from(bad: BadPath) -> Self {
        Self::Malformed(bad.reason())
    }
}

/// The normal form of a request target's path, without its query.
///
/// As RFC 3986, section 6.2.2: escapes of unreserved characters are decoded, other escapes get upper-case digits, dot
/// segments are removed. As nginx's `merge_slashes`: empty segments are removed, before dot segments are. What
/// servers are known to read in more than one way is refused. Borrows when nothing changes; applying it twice
/// changes nothing more.
///
/// # Errors
/// The path has no form that is safe to match on; a `..` above the root is one case.
pub fn normalise(raw: &str) -> Result<Cow<'_, str>, BadPath> {
    if !raw.starts_with('/') {
        return Err(BadPath::Relative);
    }
    if is_normal(raw.as_bytes())? {
        return Ok(Cow::Borrowed(raw));
    }
    rebuild(raw).map(Cow::Owned)
}

/// Whether a path is already in normal form. Says no to a few odd ones that are.
fn is_normal(path: &[u8]) -> Result<bool, BadPath> {
    let mut normal = true;
    let mut rest = path;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b'/' => normal &= !starts_specially(tail),
            b'%' => {
                let escaped = escape(tail)?;
                let digits = tail.iter().take(2);
                normal &= !is_unreserved(escaped)
                    && !matches!(escaped, 0xc0 | 0xc1 | 0xe0 | 0xf0) // may be overlong
                    && digits.into_iter().all(|digit| !digit.is_ascii_lowercase());
            }
            _ if is_plain(*byte) => {}
            _ => return Err(BadPath::Byte),
        }
    }
    Ok(normal)
}

/// Whether what follows a slash is an empty segment, a dot segment, or may be one in disguise.
fn starts_specially(segment: &[u8]) -> bool {
    let after_dots = match segment {
        [b'/', ..] => return true,
        [b'.', b'.', after @ ..] | [b'.', after @ ..] => after.first(),
        _ => return false,
    };
    matches!(after_dots, None | Some(b'/' | b';' | b'%'))
}

/// Writes the normal form segment by segment. What is written so far always ends with a slash when a segment begins.
fn rebuild(raw: &str) -> Result<String, BadPath> {
    let mut path = String::with_capacity(raw.len());
    let mut segments = raw.split('/').skip(1).peekable();
    path.push('/');
    while let Some(segment) = segments.next() {
        let start = path.len();
        unescape(segment, &mut path)?;
        match path.get(start..).unwrap_or_default() {
            "" | "." => path.truncate(start),
            ".." => {
                let parent = path.get(..start - 1).and_then(|above| above.rfind('/'));
                path.truncate(parent.ok_or(BadPath::AboveRoot)? + 1);
            }
            written if hides_dots(written) => return Err(BadPath::DisguisedDots),
            _ if segments.peek().is_some() => path.push('/'),
            _ => {}
        }
    }
    if path.as_bytes().windows(6).any(is_overlong) {
        return Err(BadPath::Overlong);
    }
    Ok(path)
}

/// Whether six bytes, escapes in upper case, are the beginning of an overlong sequence (RFC 3629, section 3).
fn is_overlong(escapes: &[u8]) -> bool {
    matches!(
        escapes,
        [b'%', b'C', b'0' | b'1', b'%', b'8' | b'9' | b'A' | b'B', _]
            | [b'%', b'E', b'0', b'%', b'8' | b'9', _]
            | [b'%', b'F', b'0', b'%', b'8', _]
    )
}

fn hides_dots(segment: &str) -> bool {
    let after_dot = segment.strip_prefix("..").or(segment.strip_prefix('.'));
    after_dot.is_some_and(|after| after.starts_with(';') || after.starts_with("%3B"))
}

/// Appends a segment with its unreserved characters decoded and its other escapes in upper case.
fn unescape(segment: &str, path: &mut String) -> Result<(), BadPath> {
    let mut pieces = segment.split('%');
    path.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let escaped = escape(piece.as_bytes())?;
        let (digits, literal) = piece.split_at_checked(2).ok_or(BadPath::Escape)?;
        if is_unreserved(escaped) {
            path.push(char::from(escaped));
        } else {
            path.push('%');
            path.extend(digits.chars().map(|digit| digit.to_ascii_uppercase()));
        }
        path.push_str(literal);
    }
    Ok(())
}

/// The byte that two hexadecimal digits stand for, if it may stand in a path.
fn escape(digits: &[u8]) -> Result<u8, BadPath> {
    let [high, low, ..] = digits else {
        return Err(BadPath::Escape);
    };
    let value = |digit: &u8| char::from(*digit).to_digit(16);
    let (Some(high), Some(low)) = (value(high), value(low)) else {
        return Err(BadPath::Escape);
    };
    match u8::try_from(high * 16 + low) {
        Ok(b'/' | b'\\') => Err(BadPath::EscapedSlash),
        Ok(0..=0x1f | 0x7f) => Err(BadPath::EscapedControl),
        Ok(byte) => Ok(byte),
        Err(_) => Err(BadPath::Escape),
    }
}

/// RFC 3986, section 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Whether a byte may stand for itself. A few that RFC 3986 would have escaped, such as `|` and `[`, are let
/// through as they are, because browsers send them so.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#' | b'?' | b'"' | b'<' | b'>' | b'`')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_gets_its_normal_form() {
        for (raw, normal) in [
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/b/..", "/a/"),
            ("/a/b/.", "/a/b/"),
            ("/.", "/"),
            ("/a/..", "/"),
            ("/./././a", "/a"),
            ("//", "/"),
            ("//a///b//", "/a/b/"),
            ("/a//../b", "/b"),
            ("/a/b/../../c", "/c"),
            ("/%61pi", "/api"),
            ("/%7Euser/%2d%5F", "/~user/-_"),
            ("/%2e%2E/a/..", ""),
            ("/x/%2e%2E/a", "/a"),
            ("/x/.%2e/a", "/a"),
            ("/x/%2e/a", "/x/a"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/a%3bb%2c", "/a%3Bb%2C"),
            ("/%252f", "/%252f"),
            ("/%C0", "/%C0"),
            ("/%c1rbol", "/%C1rbol"),
            ("/%e0%a4%b9", "/%E0%A4%B9"),
            ("/%f0%9f%98%80", "/%F0%9F%98%80"),
            ("/%25%32%66", "/%252f"),
            ("/...%3b", "/...%3B"),
            ("/.%2e%2e/x", "/.../x"),
        ] {
            let expected = if normal.is_empty() {
                Err(BadPath::AboveRoot)
            } else {
                Ok(Cow::Borrowed(normal))
            };
            assert_eq!(normalise(raw), expected, "{raw}");
        }
    }

    #[test]
    fn a_path_in_normal_form_is_borrowed() {
        for path in [
            "/",
            "/api/v1/users/42",
            "/api/",
            "/.well-known/acme-challenge/x",
            "/..hidden",
            "/...",
            "/a;b=c/d;e",
            "/caf%C3%A9",
            "/a:b@c!$&'()*+,=~",
            "/a|b[c]",
        ] {
            let borrowed = matches!(normalise(path), Ok(Cow::Borrowed(same)) if same == path);
            assert!(borrowed, "{path}");
        }
    }

    #[test]
    fn a_path_without_a_safe_form_is_refused() {
        for (raw, bad) in [
            ("", BadPath::Relative),
            ("*", BadPath::Relative),
            ("a", BadPath::Relative),
            ("%2fa", BadPath::Relative),
            ("/..", BadPath::AboveRoot),
            ("/../a", BadPath::AboveRoot),
            ("/a/../..", BadPath::AboveRoot),
            ("//../a", BadPath::AboveRoot),
            ("/%2e%2e/a", BadPath::AboveRoot),
            ("/%c0%af", BadPath::Overlong),
            ("/%C0%AE%C0%AE/a", BadPath::Overlong),
            ("/a/%c1%9c", BadPath::Overlong),
            ("/%e0%80%af", BadPath::Overlong),
            ("/%f0%80%80%af", BadPath::Overlong),
            ("/a%2fb", BadPath::EscapedSlash),
            ("/a%2Fb", BadPath::EscapedSlash),
            ("/a%5cb", BadPath::EscapedSlash),
            ("/..%5C..", BadPath::EscapedSlash),
            ("/a\\b", BadPath::Byte),
            ("/a b", BadPath::Byte),
            ("/a\tb", BadPath::Byte),
            ("/a\0", BadPath::Byte),
            ("/a\x7f", BadPath::Byte),
            ("/a#b", BadPath::Byte),
            ("/a?b", BadPath::Byte),
            ("/café", BadPath::Byte),
            ("/a%00", BadPath::EscapedControl),
            ("/a%0a", BadPath::EscapedControl),
            ("/a%0D%0A", BadPath::EscapedControl),
            ("/a%1f", BadPath::EscapedControl),
            ("/a%7F", BadPath::EscapedControl),
            ("/%", BadPath::Escape),
            ("/%2", BadPath::Escape),
            ("/%2/", BadPath::Escape),
            ("/%zz", BadPath::Escape),
            ("/%%32e", BadPath::Escape),
            ("/%2%65", BadPath::Escape),
            ("/%+1", BadPath::Escape),
            ("/%u002e", BadPath::Escape),
            ("/..;/a", BadPath::DisguisedDots),
            ("/a/..;x=y/b", BadPath::DisguisedDots),
            ("/.;x", BadPath::DisguisedDots),
            ("/..%3b", BadPath::DisguisedDots),
            ("/a/..%3Bx/b", BadPath::DisguisedDots),
            ("/%2e%2e;/a", BadPath::DisguisedDots),
            ("/%2e%2e%3b/a", BadPath::DisguisedDots),
            ("/..;", BadPath::DisguisedDots),
        ] {
            assert_eq!(normalise(raw), Err(bad), "{raw:?}");
        }
    }

    /// Pieces that make interesting paths more often than random characters do.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "/", "/", "/", ".", "..", "%2e", "%2E", ";", "%3b", "%", "2", "e", "a", "%41",
                "%c3", "%25", "//", "\\", "%2f", "%00", "é", " ", "~",
            ])
            .prop_map(str::to_owned),
            "[!-~]{1,3}",
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
    }

    proptest! {
        #[test]
        fn the_normal_form_is_stable_and_has_no_dots_or_double_slashes(raw in pieces()) {
            if let Ok(normal) = normalise(&raw) {
                prop_assert!(normal.starts_with('/'));
                prop_assert!(!normal.contains("//"));
                prop_assert!(normal.split('/').all(|segment| segment != "." && segment != ".."));
                prop_assert!(normal.bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert!(normal.len() <= raw.len());
                prop_assert_eq!(normalise(&normal), Ok(Cow::Borrowed(&*normal)));
            }
        }

        #[test]
        fn any_text_is_normalised_or_refused_without_a_panic(raw in any::<String>()) {
            let _ = normalise(&raw);
        }
    }
}
