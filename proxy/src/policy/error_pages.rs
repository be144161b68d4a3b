//! Error pages: what the operator says of an error, in the place of what we, or a server, would.

use std::collections::HashMap;

use http::StatusCode;

use super::file;
use crate::{
    config::{
        model::{self, ErrorStatus},
        problem::Problem,
    },
    respond::{Answer, CustomPage, PageFacts},
};

#[derive(Debug)]
pub struct ErrorPages {
    pages: HashMap<ErrorStatus, CustomPage>,
    servers: bool,
}

impl ErrorPages {
    pub fn new(spec: &model::ErrorPages, problems: &mut Vec<Problem>) -> Self {
        let model::ErrorPages { pages, servers } = spec;
        let mut read = HashMap::with_capacity(pages.len());
        for (status, files) in pages {
            let page: &mut CustomPage = read.entry(*status).or_default();
            for file in files {
                file::page(file, page, problems);
            }
        }
        Self {
            pages: read,
            servers: *servers,
        }
    }

    /// Gives an error of ours its page, if there is one for it.
    pub fn dress(&self, answer: &mut Answer, facts: &PageFacts<'_>) {
        if let Some(page) = self.page(answer.status) {
            page.dress(answer, facts);
        }
    }

    /// What stands in for a server's response with this status, if it suits the client.
    pub fn stand_in(&self, status: StatusCode) -> Option<&CustomPage> {
        self.page(status).filter(|_| self.servers)
    }

    /// A page for the status alone goes before one for its class.
    fn page(&self, status: StatusCode) -> Option<&CustomPage> {
        let class = if status.is_client_error() {
            ErrorStatus::Client
        } else if status.is_server_error() {
            ErrorStatus::Server
        } else {
            return None;
        };
        self.pages
            .get(&ErrorStatus::One(status))
            .or_else(|| self.pages.get(&class))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::problem::Located;

    fn built(servers: bool, pages: &[(ErrorStatus, &str, &str)]) -> ErrorPages {
        let directory = tempfile::tempdir().unwrap();
        let pages = pages.iter().map(|(status, name, content)| {
            let path = directory.path().join(name);
            std::fs::write(&path, content).unwrap();
            (*status, vec![Located::nowhere(path)])
        });
        let spec = model::ErrorPages {
            pages: pages.collect(),
            servers,
        };
        let mut problems = Vec::new();
        let built = ErrorPages::new(&spec, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        built
    }

    fn one(status: u16) -> ErrorStatus {
        ErrorStatus::One(StatusCode::from_u16(status).unwrap())
    }

    #[test]
    fn the_page_of_a_status_goes_before_that_of_its_class() {
        let pages = built(
            false,
            &[
                (one(404), "404.html", "lost"),
                (ErrorStatus::Client, "4xx.html", "yours {status}"),
                (one(503), "503.json", "{\"busy\":{status}}"),
            ],
        );
        for (status, body) in [
            (404, "lost"),
            (403, "yours 403"),
            (503, "{\"busy\":503}"),
            (500, "ours"),
            (200, "ours"),
            (302, "ours"),
        ] {
            let mut answer = Answer::fixed(StatusCode::from_u16(status).unwrap(), "ours");
            let facts = PageFacts {
                request_id: "",
                host: "",
                accept: None,
            };
            pages.dress(&mut answer, &facts);
            assert_eq!(
                (answer.status.as_u16(), &*answer.body),
                (status, body.as_bytes())
            );
        }
    }

    #[test]
    fn what_servers_say_is_left_alone_unless_asked_and_where_the_client_wants_json() {
        let json = Some(&b"application/json"[..]);
        let pages = [(ErrorStatus::Server, "5xx.html", "sorry")];
        for (servers, status, accept, expected) in [
            (true, 500, None, true),
            (true, 404, None, false),
            (true, 200, None, false),
            (true, 500, json, false),
            (false, 500, None, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let pages = built(servers, &pages);
            let page = pages.stand_in(status);
            assert_eq!(page.is_some_and(|page| page.suits(accept)), expected);
        }
        let with_json = built(true, &[(ErrorStatus::Server, "5xx.json", "{}")]);
        let page = with_json.stand_in(StatusCode::BAD_GATEWAY);
        assert!(page.unwrap().suits(json));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_a_problem() {
        let spec = model::ErrorPages {
            pages: vec![(one(404), vec![Located::nowhere("nowhere/404.html".into())])],
            servers: false,
        };
        let mut problems = Vec::new();
        ErrorPages::new(&spec, &mut problems);
        let [problem] = &problems[..] else {
            panic!("{problems:?}");
        };
        assert!(problem.is_error());
        assert!(
            problem
                .message
                .starts_with("cannot read nowhere/404.html: "),
            "{}",
            problem.message
        );
    }
}
