//! The fixed answer of a route: a text, or a file as it was when the snapshot was built.

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};

use super::Answer;
use crate::admit::FieldView;

#[derive(Debug)]
pub struct Fixed {
    answer: Answer,
    /// Of a file: caches may ask whether it is still the same.
    tag: Option<HeaderValue>,
}

impl Fixed {
    pub fn text(status: StatusCode, body: &str, media: Option<HeaderValue>) -> Self {
        let mut answer = Answer::fixed(status, body);
        if let Some(media) = media {
            answer.fields = vec![(header::CONTENT_TYPE, media)];
        }
        Self { answer, tag: None }
    }

    pub fn file(status: StatusCode, content: Bytes, media: HeaderValue) -> Self {
        let tag = tag(&content);
        let mut fields = vec![(header::CONTENT_TYPE, media)];
        fields.extend(tag.clone().map(|tag| (header::ETAG, tag)));
        Self {
            answer: Answer {
                status,
                fields,
                body: content,
            },
            tag,
        }
    }

    /// The whole answer, or 304 to a client that has it already (RFC 9110 sections 13.1.2 and 13.2.1).
    pub fn answer(&self, method: &Method, fields: FieldView<'_>) -> Answer {
        let asks_for_it = matches!(*method, Method::GET | Method::HEAD);
        match &self.tag {
            Some(tag) if asks_for_it && self.answer.status.is_success() && has(fields, tag) => {
                Answer {
                    status: StatusCode::NOT_MODIFIED,
                    fields: vec![(header::ETAG, tag.clone())],
                    body: Bytes::new(),
                }
            }
            _ => self.answer.clone(), // counts references; fields are two
        }
    }
}

/// Strong: half of the content's SHA-256, so the same on every node and after every start.
fn tag(content: &[u8]) -> Option<HeaderValue> {
    let digest = digest(&SHA256, content);
    let half: [u8; 16] = digest.as_ref().get(..16)?.try_into().ok()?;
    HeaderValue::try_from(format!("\"{:032x}\"", u128::from_be_bytes(half))).ok()
}

/// Whether `If-None-Match` names the tag, or anything. The comparison is the weak one.
fn has(fields: FieldView<'_>, tag: &HeaderValue) -> bool {
    let lines = fields.get_all(header::IF_NONE_MATCH);
    lines
        .flat_map(|line| line.split(|byte| *byte == b',')) // ours has no comma in it
        .map(<[u8]>::trim_ascii)
        .any(|known| known == b"*" || known.strip_prefix(b"W/").unwrap_or(known) == tag.as_bytes())
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn file() -> Fixed {
        let media = HeaderValue::from_static("text/html");
        Fixed::file(StatusCode::OK, Bytes::from_static(b"<p>hello"), media)
    }

    fn asked(known: &[&str]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for line in known {
            fields.append(header::IF_NONE_MATCH, HeaderValue::from_str(line).unwrap());
        }
        fields
    }

    #[test]
    fn who_has_a_file_already_is_not_sent_it_again() {
        let file = file();
        let tag = file.tag.clone().unwrap().to_str().unwrap().to_owned();
        assert_eq!(tag.len(), 34);
        let weak = format!("W/{tag}");
        let list = format!("\"a\", {tag} ,\"b\"");
        let bare = tag.trim_matches('"').to_owned();
        for (known, status) in [
            (vec![], 200),
            (vec![&*tag], 304),
            (vec![&*weak], 304),
            (vec![&*list], 304),
            (vec!["\"a\"", &*tag], 304),
            (vec!["*"], 304),
            (vec!["\"a\""], 200),
            (vec![&*bare], 200),
            (vec![""], 200),
        ] {
            for method in [Method::GET, Method::HEAD] {
                let answer = file.answer(&method, (&asked(&known)).into());
                assert_eq!(answer.status, status, "{known:?}");
                assert!(
                    answer
                        .fields
                        .iter()
                        .any(|(name, value)| name == header::ETAG && *value == tag)
                );
                assert_eq!(answer.body.is_empty(), status == 304);
            }
            assert_eq!(
                file.answer(&Method::POST, (&asked(&known)).into()).status,
                200
            );
        }
    }

    #[test]
    fn a_text_and_an_error_are_always_sent_whole() {
        let text = Fixed::text(StatusCode::OK, "short", None);
        assert_eq!(
            text.answer(&Method::GET, (&asked(&["*"])).into()).status,
            200
        );
        let media = HeaderValue::from_static("text/html");
        let gone = Fixed::file(StatusCode::GONE, Bytes::from_static(b"gone"), media);
        assert_eq!(
            gone.answer(&Method::GET, (&asked(&["*"])).into()).status,
            410
        );
    }

    #[test]
    fn another_content_has_another_tag() {
        assert_eq!(tag(b"a"), tag(b"a"));
        assert_ne!(tag(b"a"), tag(b"b"));
    }
}
