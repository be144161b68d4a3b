//! A page from an operator's file: `{status}`, `{reason}`, `{request_id}` and `{host}` in it are filled in.

use std::{fmt::Write as _, path::Path};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use super::{Answer, page::prefers_json};

/// What one page is, for those who prefer JSON and for the others.
#[derive(Debug, Default)]
pub struct CustomPage {
    json: Option<Sheet>,
    other: Option<Sheet>,
}

/// What a page is to say of one exchange.
#[derive(Clone, Copy, Debug)]
pub struct PageFacts<'a> {
    pub request_id: &'a str,
    /// In normal form; empty if it is not known.
    pub host: &'a str,
    /// What the client said it takes.
    pub accept: Option<&'a [u8]>,
}

/// How a page is written, and so how what is filled in is escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Html,
    Json,
    Text,
}

impl Form {
    /// By the end of a file's name.
    pub fn of(path: &Path) -> Option<Self> {
        let end = path.extension()?.to_str()?;
        match end.to_ascii_lowercase().as_str() {
            "html" | "htm" => Some(Self::Html),
            "json" => Some(Self::Json),
            "txt" => Some(Self::Text),
            _ => None,
        }
    }

    fn media(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
        })
    }
}

impl CustomPage {
    pub fn add(&mut self, form: Form, content: &[u8]) {
        let sheet = Some(Sheet::new(form, content));
        match form {
            Form::Json => self.json = sheet,
            Form::Html | Form::Text => self.other = sheet,
        }
    }

    /// Whether it has something for who takes this: to those who prefer JSON no HTML is said.
    pub fn suits(&self, accept: Option<&[u8]>) -> bool {
        self.sheet(accept).is_some()
    }

    /// Gives an answer this page in the place of its own, if it suits. The status and what else it says stay.
    pub fn dress(&self, answer: &mut Answer, facts: &PageFacts<'_>) {
        let Some(sheet) = self.sheet(facts.accept) else {
            return;
        };
        answer
            .fields
            .retain(|(name, _)| *name != header::CONTENT_TYPE);
        answer
            .fields
            .push((header::CONTENT_TYPE, sheet.form.media()));
        answer.body = sheet.fill(answer.status, facts);
    }

    fn sheet(&self, accept: Option<&[u8]>) -> Option<&Sheet> {
        if accept.is_some_and(prefers_json) {
            self.json.as_ref()
        } else {
            self.other.as_ref().or(self.json.as_ref())
        }
    }
}

/// One file, cut at its placeholders.
#[derive(Debug)]
struct Sheet {
    form: Form,
    /// What stands before each placeholder.
    cuts: Vec<(Bytes, Blank)>,
    rest: Bytes,
}

#[derive(Clone, Copy, Debug)]
enum Blank {
    Status,
    Reason,
    RequestId,
    Host,
}

const BLANKS: [(&[u8], Blank); 4] = [
    (b"{status}", Blank::Status),
    (b"{reason}", Blank::Reason),
    (b"{request_id}", Blank::RequestId),
    (b"{host}", Blank::Host),
];

impl Sheet {
    /// Braces that hold nothing we know are left alone: style sheets and scripts are full of them.
    fn new(form: Form, content: &[u8]) -> Self {
        let content = Bytes::copy_from_slice(content);
        let mut cuts = Vec::new();
        let (mut start, mut at) = (0, 0);
        while let Some(found) = content
            .get(at..)
            .and_then(|rest| memchr::memchr(b'{', rest))
        {
            at += found;
            let rest = content.get(at..).unwrap_or_default();
            if let Some((name, blank)) = BLANKS.iter().find(|(name, _)| rest.starts_with(name)) {
                cuts.push((content.slice(start..at), *blank));
                at += name.len();
                start = at;
            } else {
                at += 1;
            }
        }
        let rest = content.slice(start..);
        Self { form, cuts, rest }
    }

    fn fill(&self, status: StatusCode, facts: &PageFacts<'_>) -> Bytes {
        if self.cuts.is_empty() {
            return self.rest.clone(); // counts a reference
        }
        let mut page = Vec::with_capacity(self.rest.len() + self.cuts.len() * 64);
        for (before, blank) in &self.cuts {
            page.extend_from_slice(before);
            let value = match blank {
                Blank::Status => status.as_str(),
                Blank::Reason => status.canonical_reason().unwrap_or("Error"),
                Blank::RequestId => facts.request_id,
                Blank::Host => facts.host,
            };
            page.extend_from_slice(self.form.escape(value).as_bytes());
        }
        page.extend_from_slice(&self.rest);
        Bytes::from(page)
    }
}

impl Form {
    /// A value as it may stand in a text of HTML or in a double-quoted attribute; in a string of JSON; in a text.
    pub(super) fn escape(self, value: &str) -> String {
        let mut escaped = String::with_capacity(value.len());
        for c in value.chars() {
            match (self, c) {
                (Self::Html, '&' | '<' | '>' | '"') | (Self::Json, '\0'..='\x1f' | '"' | '\\') => {
                    let code = u32::from(c);
                    // Writing to a string does not fail.
                    let _ = match self {
                        Self::Html => write!(escaped, "&#{code};"),
                        _ => write!(escaped, "\\u{code:04x}"),
                    };
                }
                _ => escaped.push(c),
            }
        }
        escaped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dressed(page: &CustomPage, accept: &str, host: &str) -> (String, String) {
        let mut answer = Answer::fixed(StatusCode::NOT_FOUND, "ours");
        let facts = PageFacts {
            request_id: "id-1",
            host,
            accept: Some(accept.as_bytes()),
        };
        page.dress(&mut answer, &facts);
        assert_eq!(answer.fields.len(), 1);
        let media = answer.fields[0].1.to_str().unwrap().to_owned();
        (media, String::from_utf8(answer.body.to_vec()).unwrap())
    }

    #[test]
    fn placeholders_are_filled_and_other_braces_are_not_touched() {
        for (content, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("{status} {reason}", "404 Not Found"),
            ("<p>{request_id}{host}</p>", "<p>id-1example.ch</p>"),
            (
                "body{color:red} {{status}} {Status} {",
                "body{color:red} {404} {Status} {",
            ),
            ("{statu{status}s}{request_id", "{statu404s}{request_id"),
        ] {
            let mut page = CustomPage::default();
            page.add(Form::Html, content.as_bytes());
            assert_eq!(dressed(&page, "*/*", "example.ch").1, expected);
        }
    }

    #[test]
    fn what_is_filled_in_is_escaped_by_the_form_of_the_page() {
        let evil = "<a href='x' title=\"&\">\\\n";
        for (form, expected) in [
            (Form::Html, "&#60;a href='x' title=&#34;&#38;&#34;&#62;\\\n"),
            (
                Form::Json,
                "<a href='x' title=\\u0022&\\u0022>\\u005c\\u000a",
            ),
            (Form::Text, evil),
        ] {
            let mut page = CustomPage::default();
            page.add(form, b"{host}");
            assert_eq!(dressed(&page, "*/*", evil).1, expected);
        }
    }

    #[test]
    fn who_prefers_json_gets_json_or_what_there_was() {
        let (html, json) = ("text/html; charset=utf-8", "application/json");
        let cases: [(&[Form], &str, &str); 6] = [
            (&[Form::Html], "text/html", html),
            (
                &[Form::Html],
                "application/json",
                "text/plain; charset=utf-8",
            ),
            (&[Form::Json], "application/json", json),
            (&[Form::Json], "text/html", json),
            (&[Form::Html, Form::Json], "application/json", json),
            (&[Form::Json, Form::Html], "text/html", html),
        ];
        for (forms, accept, media) in cases {
            let mut page = CustomPage::default();
            for form in forms {
                page.add(*form, b"custom");
            }
            let (found, body) = dressed(&page, accept, "");
            assert_eq!(found, media, "{forms:?} {accept}");
            assert_eq!(page.suits(Some(accept.as_bytes())), body == "custom");
        }
    }
}
