//! Keeps a client on its server: which cookie names which server of an upstream, without telling its address.
//!
//! As `cookie NAME insert indirect nocache` of `HAProxy`: we set the cookie, the server never sees it, and no cache that
//! many share may keep a response that sets one.

use std::fmt::Write as _;

use aws_lc_rs::digest::{Context, SHA256};
use http::{
    HeaderValue,
    header::{CACHE_CONTROL, SET_COOKIE},
};

use crate::{
    admit::FieldView,
    config::model::{self, Name, SameSite, Secure},
    forward::{Fields, cookies, remove_cookie},
};

/// The cookie of one upstream. All that is said of its servers is made when the snapshot is built.
#[derive(Debug)]
pub struct Sticky {
    name: Box<[u8]>,
    /// By server index.
    servers: Box<[Named]>,
}

/// One server as cookies name it.
#[derive(Debug)]
struct Named {
    word: u64,
    /// For a client without TLS, and for one with it.
    plain: HeaderValue,
    secure: HeaderValue,
}

impl Sticky {
    /// Nothing if name or path cannot stand in a field, which the configuration does not let through.
    pub(super) fn build(
        spec: &model::Sticky,
        upstream: &Name,
        servers: &[model::Server],
    ) -> Option<Self> {
        let servers = servers.iter().map(|server| {
            let word = word(upstream, &server.address.to_string());
            let line = |is_tls| HeaderValue::from_str(&line(spec, word, is_tls)).ok();
            Some(Named {
                word,
                plain: line(false)?,
                secure: line(true)?,
            })
        });
        Some(Self {
            name: spec.cookie.as_bytes().into(),
            servers: servers.collect::<Option<_>>()?,
        })
    }

    /// The index of the server that the client's cookie names; of several cookies, the first that names one.
    pub fn named(&self, fields: FieldView<'_>) -> Option<usize> {
        let mut words = cookies(fields, &self.name).filter_map(read);
        words.find_map(|word| self.servers.iter().position(|server| server.word == word))
    }

    /// Takes the cookie out of what a server is to see.
    pub fn hide(&self, fields: &mut impl Fields) {
        remove_cookie(fields, &self.name);
    }

    /// Has a response name the server of this index.
    ///
    /// `is_tls` is said of the client's connection. What the server itself says to caches stands.
    pub fn keep(&self, index: usize, is_tls: bool, fields: &mut impl Fields) {
        let Some(server) = self.servers.get(index) else {
            return;
        };
        let line = if is_tls {
            &server.secure
        } else {
            &server.plain
        };
        fields.add(SET_COOKIE, line.clone());
        fields.fill(CACHE_CONTROL, HeaderValue::from_static("private"));
    }
}

/// The same on every node and after every restart. It hides an address from whoever looks at a cookie, and is no secret:
/// who knows the name of the upstream can try addresses.
fn word(upstream: &str, address: &str) -> u64 {
    let mut hash = Context::new(&SHA256);
    for part in ["simplon-sticky", upstream, address] {
        hash.update(part.as_bytes());
        hash.update(&[0]);
    }
    let hash = hash.finish();
    let first = hash.as_ref().first_chunk().copied();
    u64::from_be_bytes(first.unwrap_or_default())
}

/// Sixteen hexadecimal digits, in lower case, as we write them.
fn read(value: &[u8]) -> Option<u64> {
    let is_ours = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let text = std::str::from_utf8(value).ok()?;
    (value.len() == 16 && value.iter().all(is_ours))
        .then(|| u64::from_str_radix(text, 16).ok())
        .flatten()
}

/// `Set-Cookie` (RFC 6265 section 4.1); scripts never get to see it.
fn line(spec: &model::Sticky, word: u64, is_tls: bool) -> String {
    let model::Sticky {
        cookie,
        max_age,
        path,
        secure,
        same_site,
    } = spec;
    let mut line = format!("{cookie}={word:016x}; Path={path}");
    if let Some(max_age) = max_age {
        // A string takes whatever is written to it.
        let _ = write!(line, "; Max-Age={}", max_age.as_secs());
    }
    line.push_str("; HttpOnly; SameSite=");
    line.push_str(match same_site {
        SameSite::Lax => "Lax",
        SameSite::Strict => "Strict",
        SameSite::None => "None",
    });
    let is_secure = match secure {
        Secure::Auto => is_tls,
        Secure::Always => true,
        Secure::Never => false,
    };
    if is_secure {
        line.push_str("; Secure");
    }
    line
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, time::Duration};

    use http::{HeaderMap, header::COOKIE};

    use super::*;
    use crate::balance::sample;

    fn sticky(change: impl Fn(&mut model::Sticky)) -> Sticky {
        let mut spec = sample::sticky();
        change(&mut spec);
        Sticky::build(&spec, &"api".into(), &sample::upstream(&[1, 1, 1]).servers).unwrap()
    }

    fn asking(cookie: &str) -> HeaderMap {
        let value = HeaderValue::from_str(cookie).unwrap();
        HeaderMap::from_iter([(COOKIE, value)])
    }

    fn told(sticky: &Sticky, index: usize, is_tls: bool) -> String {
        let mut fields = HeaderMap::new();
        sticky.keep(index, is_tls, &mut fields);
        assert_eq!(fields[CACHE_CONTROL], "private");
        fields[SET_COOKIE].to_str().unwrap().to_owned()
    }

    #[test]
    fn a_server_has_the_same_word_on_every_node_and_another_in_every_upstream() {
        // printf 'simplon-sticky\0api\00010.0.0.1:80\0' | sha256sum
        assert_eq!(word("api", "10.0.0.1:80"), 0x64cc_f9bd_97b6_27d6);
        let words = [
            word("api", "10.0.0.1:80"),
            word("api", "10.0.0.1:81"),
            word("web", "10.0.0.1:80"),
            word("api1", "0.0.0.1:80"),
        ];
        assert_eq!(words.iter().collect::<HashSet<_>>().len(), words.len());
    }

    #[test]
    fn what_is_set_is_known_again() {
        let sticky = sticky(|_| {});
        for index in 0..3 {
            let line = told(&sticky, index, false);
            let cookie = line.split(';').next().unwrap();
            assert_eq!(sticky.named((&asking(cookie)).into()), Some(index));
            assert!(!line.contains("10.0.0."), "{line}");
        }
    }

    #[test]
    fn the_first_cookie_that_is_known_counts_and_no_other_word_is() {
        let sticky = sticky(|_| {});
        let of = |index: usize| format!("{:016x}", sticky.servers[index].word);
        let (first, second) = (of(0), of(1));
        for (cookie, named) in [
            (format!("simplon={first}"), Some(0)),
            (format!("simplon={second}; simplon={first}"), Some(1)),
            (format!("simplon=gone; simplon={second}"), Some(1)),
            (
                format!("simplon=0000000000000000; simplon={first}"),
                Some(0),
            ),
            (format!("Simplon={first}"), None),
            (format!("simplon={}", first.to_uppercase()), None),
            (format!("simplon=0{first}"), None),
            (format!("simplon=+{}", &first[1..]), None),
            (format!("simplon=\"{first}\""), None),
            ("simplon=".to_owned(), None),
            ("a=b".to_owned(), None),
        ] {
            assert_eq!(sticky.named((&asking(&cookie)).into()), named, "{cookie}");
        }
    }

    #[test]
    fn a_cookie_says_what_the_configuration_does() {
        type Change = fn(&mut model::Sticky);
        let rows: [(Change, bool, &str); 6] = [
            (|_| {}, false, "Path=/; HttpOnly; SameSite=Lax"),
            (|_| {}, true, "Path=/; HttpOnly; SameSite=Lax; Secure"),
            (
                |it| it.max_age = Some(Duration::from_secs(3600)),
                false,
                "Path=/; Max-Age=3600; HttpOnly; SameSite=Lax",
            ),
            (
                |it| it.secure = Secure::Always,
                false,
                "Path=/; HttpOnly; SameSite=Lax; Secure",
            ),
            (
                |it| it.secure = Secure::Never,
                true,
                "Path=/; HttpOnly; SameSite=Lax",
            ),
            (
                |it| (it.path, it.same_site) = ("/a".into(), SameSite::Strict),
                true,
                "Path=/a; HttpOnly; SameSite=Strict; Secure",
            ),
        ];
        for (change, is_tls, expected) in rows {
            let line = told(&sticky(change), 0, is_tls);
            assert_eq!(line.split_once("; ").unwrap().1, expected);
        }
    }

    #[test]
    fn what_a_server_says_to_caches_stands() {
        let private = HeaderValue::from_static("max-age=5");
        let mut fields = HeaderMap::from_iter([(CACHE_CONTROL, private)]);
        sticky(|_| {}).keep(0, false, &mut fields);
        assert_eq!(fields[CACHE_CONTROL], "max-age=5");
    }
}
