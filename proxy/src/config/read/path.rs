//! Paths of requests, as routes write them.

use crate::admit;

/// Checks that a path is in the form in which requests are matched.
pub(super) fn normal(path: &str) -> Result<&str, (&'static str, String)> {
    let Some(inner) = path.strip_prefix('/') else {
        return Err(("does not begin with /", format!("write /{path}")));
    };
    if path.contains('*') && path.ends_with("/*") {
        let hint = "remove the *: a path matches all below it".to_owned();
        return Err(("ends with a *", hint));
    }
    if let Some(at) = path.find(['?', '#']) {
        let bare = path.get(..at).unwrap_or_default();
        let hint = format!("a route looks at the path alone; write {bare}");
        return Err(("has a query or a fragment", hint));
    }
    let mut segments = inner.split('/').rev().skip(1);
    if segments.any(str::is_empty) {
        return Err((
            "has an empty segment",
            "write one / in the place of //".to_owned(),
        ));
    }
    if inner
        .split('/')
        .any(|segment| segment == "." || segment == "..")
    {
        let hint = "requests are matched without . and ..; write what is meant".to_owned();
        return Err(("has a . or .. in it", hint));
    }
    let strange = |b: u8| !b.is_ascii_graphic() || b == b'\\';
    if path.bytes().any(strange) {
        let hint = "write what is not an ASCII letter, digit or sign as %XX".to_owned();
        return Err(("has letters that paths do not have", hint));
    }
    for escape in path.split('%').skip(1) {
        let digits = escape.get(..2).unwrap_or_default();
        match u8::from_str_radix(digits, 16) {
            Ok(0 | b'/' | b'\\') => {
                let hint = "no request with %00, %2F or %5C is let through".to_owned();
                return Err(("could never match", hint));
            }
            Ok(_) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => {}
            _ => {
                let hint = "a % is followed by two hexadecimal digits".to_owned();
                return Err(("has a broken escape", hint));
            }
        }
    }
    match admit::normalise(path) {
        Ok(normal) if normal == path => Ok(path),
        Ok(normal) => Err(("is not in its normal form", format!("write {normal}"))),
        Err(bad) => Err((
            "could never match",
            format!("no such request is let through: {}", bad.reason()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_normal_paths_pass() {
        let good = [
            "/",
            "/api",
            "/api/",
            "/a%20b",
            "/a.b/..c",
            "/~me",
            "/%E2%82%AC",
            "/a*b",
        ];
        for path in good {
            assert_eq!(normal(path), Ok(path));
        }
        let bad = [
            ("", "does not begin with /"),
            ("api", "does not begin with /"),
            ("//", "has an empty segment"),
            ("/a//b", "has an empty segment"),
            ("/a/.", "has a . or .. in it"),
            ("/../a", "has a . or .. in it"),
            ("/a?b", "has a query or a fragment"),
            ("/a#b", "has a query or a fragment"),
            ("/api/*", "ends with a *"),
            ("/a b", "has letters that paths do not have"),
            ("/é", "has letters that paths do not have"),
            ("/a\\b", "has letters that paths do not have"),
            ("/%2f", "could never match"),
            ("/%00", "could never match"),
            ("/%5C", "could never match"),
            ("/%61pi", "is not in its normal form"),
            ("/%c3%A9", "is not in its normal form"),
            ("/a/..;x/b", "could never match"),
            ("/%0A", "could never match"),
            ("/%", "has a broken escape"),
            ("/%g0", "has a broken escape"),
            ("/%+1", "has a broken escape"),
        ];
        for (path, message) in bad {
            assert_eq!(normal(path).map_err(|e| e.0), Err(message), "{path}");
        }
    }
}
