//! Media types of files, by the ends of their names.

use std::path::Path;

use http::HeaderValue;

/// What an end of a name says; text is UTF-8.
const TYPES: [(&str, &str); 18] = [
    ("css", "text/css; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("gif", "image/gif"),
    ("htm", "text/html; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/x-icon"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("md", "text/markdown; charset=utf-8"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain; charset=utf-8"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("xml", "application/xml"),
];

/// The type of a file; one whose name says nothing is bytes.
pub fn of(path: &Path) -> HeaderValue {
    let end = path.extension().and_then(|end| end.to_str());
    let known = TYPES
        .iter()
        .find(|(known, _)| end.is_some_and(|end| end.eq_ignore_ascii_case(known)));
    HeaderValue::from_static(known.map_or("application/octet-stream", |(_, media)| media))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_says_what_a_file_is() {
        for (path, media) in [
            ("a.html", "text/html; charset=utf-8"),
            ("/x/a.JSON", "application/json"),
            ("security.txt", "text/plain; charset=utf-8"),
            ("a.tar.gz", "application/octet-stream"),
            ("robots", "application/octet-stream"),
            (".html", "application/octet-stream"),
        ] {
            assert_eq!(of(Path::new(path)), media, "{path}");
        }
    }
}
