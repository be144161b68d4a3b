//! One exchange as one line of JSON.
//!
//! The fields and their order are a promise to whoever parses the log:
//!
//! `time` `client` `country` `listener` `method` `host` `path` `protocol` `lane` `status` `bytes_in` `bytes_out` `route`
//! `upstream` `server` `retries` `refusal` `detail` `policy` `observed` `user` `coding` `t_queue_ms` `t_connect_ms` `t_first_byte_ms`
//! `t_total_ms` `tls` (`version` `cipher` `sni` `resumed` `client`) `user_agent` `referer` `request_id` `trace_id` `upgraded` `slow`
//! `sample`
//!
//! Every line has every field; what there is none of is `null`. Times are milliseconds with three decimals.
//! `slow` says that the request took longer than `log: { slow }`. `sample` is the share that the line was drawn with, such as 0.1: it
//! stands for 1 / `sample` requests. It is `null` where the line stands for itself alone, as all do at 100 %, and errors (5xx) and slow
//! requests at any share. So the number of requests is the sum of 1 / `sample`, with 1 for `null`.
//!
//! What a client chose is cut at the caps below, so a line has at most some 25 KB.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use super::{
    PolicyLabel, digits, json,
    record::{Lane, Record, Tls},
    sampling::Mark,
    timestamp::{Clock, three_digits},
};
use crate::config::{model::Country, units::Percent};

// Bytes, before escaping.
pub(super) const METHOD: usize = 32;
const HOST: usize = 256;
pub(super) const PATH: usize = 2048;
pub(super) const USER_AGENT: usize = 512;
pub(super) const REFERER: usize = 512;
const REQUEST_ID: usize = 128;
const SUBJECT: usize = 256;
pub(super) const USER: usize = 256;
/// Names from the configuration are the operator's and stay whole.
const WHOLE: usize = usize::MAX;

/// A buffer that is filled anew for each exchange.
pub(super) struct Line {
    bytes: Vec<u8>,
    clock: Clock<20>,
}

/// `,"name":`
macro_rules! key {
    ($name:literal) => {
        concat!(",\"", $name, "\":").as_bytes()
    };
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(1024),
            clock: Clock::rfc3339(),
        }
    }

    /// The line for a record, with its line feed.
    pub(super) fn format(&mut self, record: &Record<'_>, mark: Mark) -> &[u8] {
        self.bytes.clear();
        self.time(record.at);
        self.client(record.client);
        let country = record.country.as_ref();
        self.text(key!("country"), country.map_or("", Country::as_str), WHOLE);
        self.text(key!("listener"), record.listener, WHOLE);
        self.text(key!("method"), record.method, METHOD);
        self.text(key!("host"), record.host, HOST);
        self.text(key!("path"), record.path, PATH);
        self.text(key!("protocol"), record.protocol.as_str(), WHOLE);
        self.text(key!("lane"), record.lane.map_or("", Lane::as_str), WHOLE);
        self.number(key!("status"), record.status);
        self.number(key!("bytes_in"), record.bytes_in);
        self.number(key!("bytes_out"), record.bytes_out);
        self.text(key!("route"), record.route, WHOLE);
        self.text(key!("upstream"), record.upstream, WHOLE);
        self.text(key!("server"), record.server, WHOLE);
        self.number(key!("retries"), record.retries);
        self.text(key!("refusal"), record.refusal.unwrap_or_default(), WHOLE);
        let detail = record.refusal_detail.unwrap_or_default();
        self.text(key!("detail"), detail, WHOLE);
        let policy = record.policy.map_or("", PolicyLabel::as_str);
        self.text(key!("policy"), policy, WHOLE);
        self.observed(record.observed);
        self.text(key!("user"), record.user, USER);
        self.text(key!("coding"), record.coding, WHOLE);
        self.millis(key!("t_queue_ms"), record.timers.queue);
        self.millis(key!("t_connect_ms"), record.timers.connect);
        self.millis(key!("t_first_byte_ms"), record.timers.first_byte);
        self.millis(key!("t_total_ms"), Some(record.timers.total));
        self.tls(record.tls.as_ref());
        self.string(key!("user_agent"), record.user_agent, USER_AGENT);
        self.string(key!("referer"), record.referer, REFERER);
        self.text(key!("request_id"), record.request_id, REQUEST_ID);
        self.text(key!("trace_id"), record.trace_id, WHOLE);
        self.flag(key!("upgraded"), record.upgraded);
        self.flag(key!("slow"), mark.slow);
        self.sample(mark.sample);
        self.put(b"}\n");
        &self.bytes
    }

    fn time(&mut self, at: SystemTime) {
        self.put(b"{\"time\":\"");
        self.clock.write_rfc3339(at, &mut self.bytes);
        self.put(b"\"");
    }

    fn client(&mut self, client: IpAddr) {
        self.put(b",\"client\":\"");
        digits::write_address(client, &mut self.bytes);
        self.put(b"\"");
    }

    fn observed(&mut self, policies: &[PolicyLabel]) {
        self.put(key!("observed"));
        if policies.is_empty() {
            return self.put(b"null");
        }
        for (at, policy) in policies.iter().enumerate() {
            self.put(if at == 0 { b"[\"" } else { b",\"" });
            self.put(policy.as_str().as_bytes());
            self.put(b"\"");
        }
        self.put(b"]");
    }

    fn tls(&mut self, tls: Option<&Tls<'_>>) {
        let Some(tls) = tls else {
            return self.put(b",\"tls\":null");
        };
        self.put(b",\"tls\":{\"version\":");
        json::write_string(tls.version.as_bytes(), WHOLE, &mut self.bytes);
        self.text(key!("cipher"), tls.cipher, WHOLE);
        self.text(key!("sni"), tls.sni, HOST);
        self.flag(key!("resumed"), tls.resumed);
        self.text(key!("client"), tls.client, SUBJECT);
        self.put(b"}");
    }

    fn sample(&mut self, sample: Option<Percent>) {
        self.put(key!("sample"));
        let Some(sample) = sample.map(Percent::get) else {
            return self.put(b"null");
        };
        self.integer(sample / 100);
        let [_, tenths, hundredths] = three_digits(u32::from(sample));
        self.put(&[b'.', tenths, hundredths]);
    }

    fn text(&mut self, key: &[u8], value: &str, cap: usize) {
        self.string(key, value.as_bytes(), cap);
    }

    fn string(&mut self, key: &[u8], value: &[u8], cap: usize) {
        self.put(key);
        if value.is_empty() {
            self.put(b"null");
        } else {
            json::write_string(value, cap, &mut self.bytes);
        }
    }

    fn number(&mut self, key: &[u8], value: impl itoa::Integer) {
        self.put(key);
        self.integer(value);
    }

    fn flag(&mut self, key: &[u8], value: bool) {
        self.put(key);
        self.put(if value { b"true" } else { b"false" });
    }

    fn millis(&mut self, key: &[u8], value: Option<Duration>) {
        self.put(key);
        let Some(value) = value else {
            return self.put(b"null");
        };
        self.integer(value.as_millis());
        self.put(b".");
        self.put(&three_digits(value.subsec_micros()));
    }

    fn integer(&mut self, value: impl itoa::Integer) {
        digits::write_integer(value, &mut self.bytes);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv6Addr, time::UNIX_EPOCH};

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::observe::record::{Protocol, Timers};

    fn record() -> Record<'static> {
        Record {
            country: Country::parse("CH"),
            listener: "public",
            protocol: Protocol::Http2,
            method: "GET",
            host: "example.ch",
            path: "/a",
            status: 200,
            bytes_out: 82,
            route: "example.ch/",
            upstream: "web",
            server: "10.0.0.1:80",
            retries: 1,
            tls: Some(Tls {
                version: "TLSv1.3",
                cipher: "TLS13_AES_128_GCM_SHA256",
                sni: "example.ch",
                resumed: true,
                client: "CN=billing",
            }),
            request_id: "0193",
            user_agent: b"curl/8",
            timers: Timers {
                queue: None,
                connect: Some(Duration::ZERO),
                first_byte: Some(Duration::from_micros(1_002)),
                total: Duration::from_nanos(12_345_678_999),
            },
            ..Record::of(
                UNIX_EPOCH + Duration::from_millis(1_795_246_500_123),
                IpAddr::from([192, 0, 2, 7]),
            )
        }
    }

    fn line(record: &Record<'_>) -> String {
        marked(record, Mark::default())
    }

    fn marked(record: &Record<'_>, mark: Mark) -> String {
        String::from_utf8(Line::new().format(record, mark).to_vec()).unwrap()
    }

    #[test]
    fn a_line_has_the_documented_fields_in_the_documented_order() {
        let expected = concat!(
            r#"{"time":"2026-11-21T07:35:00.123Z","client":"192.0.2.7","country":"CH","listener":"public","#,
            r#""method":"GET","host":"example.ch","path":"/a","protocol":"HTTP/2","lane":null,"status":200,"#,
            r#""bytes_in":0,"bytes_out":82,"route":"example.ch/","upstream":"web","#,
            r#""server":"10.0.0.1:80","retries":1,"refusal":null,"detail":null,"#,
            r#""policy":null,"observed":null,"user":null,"coding":null,"#,
            r#""t_queue_ms":null,"t_connect_ms":0.000,"t_first_byte_ms":1.002,"#,
            r#""t_total_ms":12345.678,"tls":{"version":"TLSv1.3","#,
            r#""cipher":"TLS13_AES_128_GCM_SHA256","sni":"example.ch","resumed":true,"client":"CN=billing"},"#,
            r#""user_agent":"curl/8","referer":null,"request_id":"0193","trace_id":null,"upgraded":false,"slow":false,"sample":null}"#,
            "\n"
        );
        assert_eq!(line(&record()), expected);
    }

    #[test]
    fn a_refused_plain_request_has_nulls_and_its_reason() {
        let refused = Record {
            client: IpAddr::V6(Ipv6Addr::LOCALHOST),
            refusal: Some("malformed"),
            policy: Some(PolicyLabel::Access),
            observed: &[PolicyLabel::Block, PolicyLabel::RateLimit],
            user: "ada",
            coding: "br",
            refusal_detail: Some("two lengths"),
            upstream: "",
            server: "",
            tls: None,
            ..record()
        };
        let value: Value = serde_json::from_str(&line(&refused)).unwrap();
        assert_eq!(value["client"], "::1");
        assert_eq!(value["refusal"], "malformed");
        assert_eq!(value["detail"], "two lengths");
        assert_eq!(value["policy"], "access");
        assert_eq!(value["observed"], json!(["block", "rate_limit"]));
        assert_eq!(
            (&value["user"], &value["coding"]),
            (&json!("ada"), &json!("br"))
        );
        for absent in ["upstream", "server", "tls"] {
            assert_eq!(value[absent], Value::Null, "{absent}");
        }
    }

    #[test]
    fn a_line_tells_for_how_many_requests_it_stands() {
        for (percent, sample) in [(1, 0.01), (10, 0.1), (99, 0.99)] {
            let mark = Mark {
                slow: false,
                sample: Some(Percent::new(percent)),
            };
            let value: Value = serde_json::from_str(&marked(&record(), mark)).unwrap();
            assert_eq!(
                (&value["slow"], &value["sample"]),
                (&json!(false), &json!(sample))
            );
        }
        let slow = Mark {
            slow: true,
            sample: None,
        };
        let value: Value = serde_json::from_str(&marked(&record(), slow)).unwrap();
        assert_eq!(
            (&value["slow"], &value["sample"]),
            (&json!(true), &Value::Null)
        );
    }

    #[test]
    fn what_a_client_chose_is_cut_at_its_cap() {
        let long = "é".repeat(4000);
        let hostile = Record {
            method: &long,
            host: &long,
            path: &long,
            request_id: &long,
            user_agent: long.as_bytes(),
            referer: long.as_bytes(),
            ..record()
        };
        let value: Value = serde_json::from_str(&line(&hostile)).unwrap();
        let lengths = [
            "method",
            "host",
            "path",
            "request_id",
            "user_agent",
            "referer",
        ]
        .map(|field| value[field].as_str().unwrap().len());
        assert_eq!(lengths, [32, 256, 2048, 128, 512, 512]);
    }

    proptest! {
        #[test]
        fn any_input_gives_one_line_of_valid_json(
            text in any::<String>(),
            bytes in prop::collection::vec(any::<u8>(), 0..600),
            client in any::<IpAddr>(),
            status in any::<u16>(),
            total in any::<Duration>(),
        ) {
            let hostile = Record {
                client,
                status,
                method: &text,
                host: &text,
                path: &text,
                route: &text,
                user_agent: &bytes,
                referer: &bytes,
                timers: Timers { total, ..Timers::default() },
                ..record()
            };
            let line = line(&hostile);
            prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
            let value: Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(&value["client"], &json!(client.to_string()));
            prop_assert_eq!(&value["status"], &json!(status));
            prop_assert_eq!(value["t_total_ms"].is_number(), true);
        }
    }
}
