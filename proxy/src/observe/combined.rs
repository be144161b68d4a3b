//! One exchange as one line of the combined log format, as nginx writes it:
//!
//! ```text
//! CLIENT - USER [21/Nov/2026:19:40:00 +0000] "METHOD PATH PROTOCOL" STATUS BYTES "REFERER" "USER-AGENT"
//! ```
//!
//! What there is none of is `-`. Bytes are those of the body. What could end a field early or upset a terminal is written as nginx
//! does: `"`, `\` and all but printable ASCII become `\xHH`; where nginx leaves spaces within a word, in a user's name say, they become
//! `\x20`. One difference is meant: a path has no query, as queries hold tokens and passwords. Caps are those of the JSON line.

use super::{
    digits,
    json::cut,
    line::{METHOD, PATH, REFERER, USER, USER_AGENT},
    record::{Protocol, Record},
    timestamp::{Clock, three_digits},
};

/// A buffer that is filled anew for each exchange.
pub(super) struct Combined {
    bytes: Vec<u8>,
    clock: Clock<28>,
}

impl Combined {
    pub(super) fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(512),
            clock: Clock::common(),
        }
    }

    /// The line for a record, with its line feed.
    pub(super) fn format(&mut self, record: &Record<'_>) -> &[u8] {
        self.bytes.clear();
        digits::write_address(record.client, &mut self.bytes);
        self.put(b" - ");
        self.word(record.user, USER);
        self.put(b" ");
        self.clock.write_common(record.at, &mut self.bytes);
        self.put(b" \"");
        self.request(record);
        self.put(b"\" ");
        self.put(&three_digits(u32::from(record.status)));
        self.put(b" ");
        digits::write_integer(record.bytes_out, &mut self.bytes);
        self.put(b" \"");
        self.quoted(record.referer, REFERER);
        self.put(b"\" \"");
        self.quoted(record.user_agent, USER_AGENT);
        self.put(b"\"\n");
        &self.bytes
    }

    fn request(&mut self, record: &Record<'_>) {
        if record.method.is_empty() && record.path.is_empty() {
            return self.put(b"-");
        }
        self.word(record.method, METHOD);
        self.put(b" ");
        self.word(record.path, PATH);
        self.put(match record.protocol {
            Protocol::Http10 => b" HTTP/1.0",
            Protocol::Http11 => b" HTTP/1.1",
            Protocol::Http2 => b" HTTP/2.0",
        });
    }

    /// A field that a space would end.
    fn word(&mut self, value: &str, cap: usize) {
        self.escaped(value.as_bytes(), cap, |byte| {
            byte <= b' ' || is_special(byte)
        });
    }

    /// A field that a quote ends.
    fn quoted(&mut self, value: &[u8], cap: usize) {
        self.escaped(value, cap, is_special);
    }

    fn escaped(&mut self, value: &[u8], cap: usize, is_special: impl Fn(u8) -> bool) {
        const HEX: [u8; 16] = *b"0123456789ABCDEF";
        if value.is_empty() {
            return self.put(b"-");
        }
        let mut rest = cut(value, cap);
        while let Some(at) = rest.iter().position(|byte| is_special(*byte)) {
            let (plain, special) = rest.split_at(at);
            self.put(plain);
            let Some((byte, after)) = special.split_first() else {
                return;
            };
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            self.put(&[b'\\', b'x', high, low]);
            rest = after;
        }
        self.put(rest);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

const fn is_special(byte: u8) -> bool {
    byte < b' ' || byte > b'~' || byte == b'"' || byte == b'\\'
}

#[cfg(test)]
mod tests {
    use std::{
        net::{IpAddr, Ipv6Addr},
        sync::LazyLock,
        time::{Duration, UNIX_EPOCH},
    };

    use proptest::prelude::*;
    use regex::Regex;

    use super::*;
    use crate::observe::tests;

    /// Grok's `COMBINEDAPACHELOG`, with the patterns it is made of written out.
    static READER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(concat!(
            r"^(?P<client>\S+) (?P<ident>\S+) (?P<user>\S+) ",
            r"\[(?P<time>\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\] ",
            r#""(?:(?P<verb>\w+) (?P<path>\S+)(?: HTTP/(?P<version>\d+(?:\.\d+)?))?|(?P<raw>[^"]*))" "#,
            r#"(?P<status>\d{3}) (?P<bytes>\d+|-) "(?P<referer>[^"]*)" "(?P<agent>[^"]*)"\n$"#,
        ))
        .unwrap()
    });

    fn record() -> Record<'static> {
        Record {
            at: UNIX_EPOCH + Duration::from_millis(1_795_246_500_123),
            ..tests::record()
        }
    }

    fn line(record: &Record<'_>) -> String {
        String::from_utf8(Combined::new().format(record).to_vec()).unwrap()
    }

    #[test]
    fn a_line_is_the_one_that_nginx_would_write() {
        let full = Record {
            user: "ada",
            protocol: Protocol::Http2,
            bytes_out: 82,
            referer: b"https://example.ch/",
            user_agent: b"curl/8",
            path: "/a",
            ..record()
        };
        let bare = Record {
            client: IpAddr::V6(Ipv6Addr::LOCALHOST),
            bytes_out: 0,
            ..record()
        };
        let unread = Record {
            method: "",
            path: "",
            status: 400,
            ..record()
        };
        let no_path = Record {
            path: "",
            status: 400,
            protocol: Protocol::Http10,
            ..record()
        };
        let time = "[21/Nov/2026:07:35:00 +0000]";
        let cases = [
            (
                full,
                format!(
                    "192.0.2.1 - ada {time} \"GET /a HTTP/2.0\" 200 82 \"https://example.ch/\" \"curl/8\"\n"
                ),
            ),
            (
                bare,
                format!("::1 - - {time} \"GET / HTTP/1.1\" 200 0 \"-\" \"-\"\n"),
            ),
            (
                unread,
                format!("192.0.2.1 - - {time} \"-\" 400 2 \"-\" \"-\"\n"),
            ),
            (
                no_path,
                format!("192.0.2.1 - - {time} \"GET - HTTP/1.0\" 400 2 \"-\" \"-\"\n"),
            ),
        ];
        for (record, expected) in cases {
            assert_eq!(line(&record), expected);
            assert!(READER.is_match(&expected), "{expected}");
        }
    }

    #[test]
    fn hostile_text_is_escaped_as_nginx_does() {
        let hostile = Record {
            user: "ada l",
            path: "/\u{e9} \u{1b}[31m",
            user_agent: b"a\" \"b\\\n\x7f\xff ~",
            ..record()
        };
        let line = line(&hostile);
        let read = READER.captures(&line).unwrap();
        assert_eq!(&read["user"], r"ada\x20l");
        assert_eq!(&read["path"], r"/\xC3\xA9\x20\x1B[31m");
        assert_eq!(&read["agent"], r"a\x22 \x22b\x5C\x0A\x7F\xFF ~");
    }

    #[test]
    fn what_a_client_chose_is_cut_where_the_json_line_cuts_it() {
        let long = "a".repeat(4000);
        let hostile = Record {
            method: &long,
            path: &long,
            user: &long,
            user_agent: long.as_bytes(),
            referer: long.as_bytes(),
            ..record()
        };
        let line = line(&hostile);
        let read = READER.captures(&line).unwrap();
        let lengths = ["verb", "path", "user", "agent", "referer"].map(|field| read[field].len());
        assert_eq!(lengths, [32, 2048, 256, 512, 512]);
    }

    proptest! {
        #[test]
        fn any_input_gives_one_line_that_parsers_read(
            text in any::<String>(),
            method in "[A-Z]{0,40}",
            bytes in prop::collection::vec(any::<u8>(), 0..600),
            client in any::<IpAddr>(),
            status in 0_u16..1000,
            sent in any::<u64>(),
        ) {
            let hostile = Record {
                client,
                status,
                bytes_out: sent,
                method: &method,
                path: &text,
                user: &text,
                user_agent: &bytes,
                referer: &bytes,
                ..record()
            };
            let line = line(&hostile);
            prop_assert!(line.trim_end_matches('\n').bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            let read = READER.captures(&line);
            let read = read.ok_or_else(|| TestCaseError::fail(line.clone()))?;
            prop_assert_eq!(&read["client"], client.to_string());
            prop_assert_eq!(&read["status"], format!("{status:03}"));
            prop_assert_eq!(&read["bytes"], sent.to_string());
        }
    }
}
