//! Maintenance: everyone but some gets a page that asks for patience.

use http::{HeaderValue, StatusCode, header};

use super::{Request, Verdict, file};
use crate::{
    admit::Networks,
    config::{model, problem::Problem},
    respond::{CustomPage, Page, PageFacts},
};

const SENTENCE: &str = "This site is being worked on. Please come back in a while.";

#[derive(Debug)]
pub struct Maintenance {
    status: StatusCode,
    sentence: Box<str>,
    page: CustomPage,
    retry_after: Option<HeaderValue>,
    allow: Networks,
}

impl Maintenance {
    pub fn new(spec: &model::Maintenance, problems: &mut Vec<Problem>) -> Self {
        let model::Maintenance {
            status,
            notice,
            retry_after,
            allow,
        } = spec;
        let mut page = CustomPage::default();
        let sentence = match notice {
            model::Notice::Ours => SENTENCE,
            model::Notice::Sentence(sentence) => sentence,
            model::Notice::File(file) => {
                file::page(file, &mut page, problems);
                SENTENCE // for those who prefer JSON to the page
            }
        };
        let seconds = retry_after.as_secs();
        Self {
            status: *status,
            sentence: sentence.into(),
            page,
            retry_after: (seconds > 0).then(|| HeaderValue::from(seconds)),
            allow: allow.iter().copied().collect(),
        }
    }

    pub fn verdict(&self, request: &Request<'_>, request_id: &str) -> Verdict {
        if self.allow.contains(request.client) {
            return Verdict::Continue;
        }
        let accept = request.fields.get(header::ACCEPT);
        let mut answer = Page::saying(self.status, &self.sentence, accept, request_id);
        if let Some(retry_after) = &self.retry_after {
            answer
                .fields
                .push((header::RETRY_AFTER, retry_after.clone()));
        }
        let facts = PageFacts {
            request_id,
            host: request.host,
            accept,
        };
        self.page.dress(&mut answer, &facts);
        Verdict::Answer(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, Method};

    use super::*;
    use crate::respond::Answer;

    fn ask(spec: &model::Maintenance, client: &str, accept: &'static str) -> Option<Answer> {
        let mut problems = Vec::new();
        let maintenance = Maintenance::new(spec, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        let fields = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        let request = Request {
            client: client.parse().unwrap(),
            method: &Method::GET,
            announced: None,
            is_tls: false,
            host: "example.ch",
            port: None,
            path: "/",
            query: "",
            fields: (&fields).into(),
        };
        match maintenance.verdict(&request, "id-1") {
            Verdict::Continue => None,
            Verdict::Answer(answer) => Some(answer),
            Verdict::Refuse(refusal) => panic!("{refusal}"),
        }
    }

    fn field(answer: &Answer, name: &str) -> Option<String> {
        let found = answer.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn by_default_everyone_is_asked_to_come_back_in_five_minutes() {
        let answer = ask(&model::Maintenance::default(), "192.0.2.1", "text/html").unwrap();
        assert_eq!(answer.status, 503);
        assert_eq!(field(&answer, "retry-after").as_deref(), Some("300"));
        assert_eq!(field(&answer, "cache-control").as_deref(), Some("no-store"));
        assert_eq!(field(&answer, "x-request-id").as_deref(), Some("id-1"));
        assert!(String::from_utf8_lossy(&answer.body).contains(SENTENCE));
    }

    #[test]
    fn those_who_work_on_it_see_the_site() {
        let spec = model::Maintenance {
            allow: vec![
                "192.0.2.0/24".parse().unwrap(),
                "2001:db8::/32".parse().unwrap(),
            ],
            ..model::Maintenance::default()
        };
        for (client, passes) in [
            ("192.0.2.7", true),
            ("2001:db8::1", true),
            ("198.51.100.1", false),
            ("::1", false),
        ] {
            assert_eq!(ask(&spec, client, "*/*").is_none(), passes, "{client}");
        }
    }

    #[test]
    fn a_sentence_is_escaped_in_either_form() {
        let spec = model::Maintenance {
            status: StatusCode::TOO_MANY_REQUESTS,
            notice: model::Notice::Sentence("back at <noon> \"sharp\"".to_owned()),
            retry_after: Duration::ZERO,
            allow: Vec::new(),
        };
        let html = ask(&spec, "::1", "text/html").unwrap();
        let text = String::from_utf8_lossy(&html.body).into_owned();
        assert!(
            text.contains("<p>back at &#60;noon&#62; &#34;sharp&#34;</p>"),
            "{text}"
        );
        assert_eq!(html.status, 429);
        assert_eq!(field(&html, "retry-after"), None);
        let json = ask(&spec, "::1", "application/json").unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
        assert_eq!(json["detail"], "back at <noon> \"sharp\"");
    }

    #[test]
    fn a_page_of_the_operators_is_for_those_who_take_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("back.html");
        std::fs::write(&path, "<h1>{status} {host}</h1>").unwrap();
        let spec = model::Maintenance {
            notice: model::Notice::File(crate::config::problem::Located::nowhere(path)),
            ..model::Maintenance::default()
        };
        let html = ask(&spec, "::1", "text/html").unwrap();
        assert_eq!(html.body, "<h1>503 example.ch</h1>");
        let json = ask(&spec, "::1", "application/json").unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
        assert_eq!(json["detail"], SENTENCE);
    }
}
