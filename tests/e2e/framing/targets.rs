//! Targets, and the hosts that are named in them and beside them.

use super::row::{Closed, Last, Local, Passed, Refused, Row};

/// Request lines with a target that is none.
const BAD: &[&[u8]] = &[
    b"GET  /ROW HTTP/1.1",
    b"GET /ROW  HTTP/1.1",
    b"GET /ROW HTTP/1.1 ",
    b"GET /ROW HTTP/1.1\t",
    b"GET\t/ROW HTTP/1.1",
    b"GET /ROW\tHTTP/1.1",
    b"GET\x0b/ROW HTTP/1.1",
    b"GET /ROW\x0bHTTP/1.1",
    b"GET\x0c/ROW\x0cHTTP/1.1",
    b"GET\xa0/ROW\xa0HTTP/1.1",
    b"GET /ROW /x HTTP/1.1",
    b"GET /ROW x HTTP/1.1",
    b"GET /ROW\tx HTTP/1.1",
    b"GET /ROW HTTP/1.1 HTTP/1.1",
    b"GET /ROW HTTP/1.0 HTTP/1.1",
    b"GET /smuggled HTTP/1.1/ROW HTTP/1.1",
    b"GET /ROW%20HTTP/1.1 x HTTP/1.1",
    b"GET /ROW\0 HTTP/1.1",
    b"GET /ROW\x01 HTTP/1.1",
    b"GET /ROW\x1b HTTP/1.1",
    b"GET /ROW\x7f HTTP/1.1",
    b"GET /ROW\x80 HTTP/1.1",
    b"GET /ROW\xff HTTP/1.1",
    b"GET /ROW\xc3\xa9 HTTP/1.1",
    b"GET /ROW\xef\xbc\x8fx HTTP/1.1",
    b"GET /ROW?\xc3\xa9 HTTP/1.1",
    b"GET /ROW# HTTP/1.1",
    b"GET /ROW#x HTTP/1.1",
    b"GET /ROW?x#y HTTP/1.1",
    b"GET /ROW\\x HTTP/1.1",
    b"GET \\ROW HTTP/1.1",
    b"GET ROW HTTP/1.1",
    b"GET ?/ROW HTTP/1.1",
    b"GET .ROW HTTP/1.1",
    b"GET :/ROW HTTP/1.1",
    b"GET @/ROW HTTP/1.1",
    b"GET %2fROW HTTP/1.1",
    b"GET test/ROW HTTP/1.1",
    b"GET test:80 HTTP/1.1",
    b"GET * HTTP/1.1",
    b"POST * HTTP/1.1",
    b"HEAD * HTTP/1.1",
    b"GET *ROW HTTP/1.1",
    b"OPTIONS */ROW HTTP/1.1",
    b"OPTIONS ** HTTP/1.1",
    b"GET /ROW%00 HTTP/1.1",
    b"GET /ROW%0d%0ahost:%20evil HTTP/1.1",
    b"GET /ROW%2fx HTTP/1.1",
    b"GET /ROW%5cx HTTP/1.1",
    b"GET /ROW%7f HTTP/1.1",
    b"GET /ROW% HTTP/1.1",
    b"GET /ROW%4 HTTP/1.1",
    b"GET /ROW%zz HTTP/1.1",
    b"GET /ROW%u002f HTTP/1.1",
    b"GET /ROW/..;/x HTTP/1.1",
    b"GET /../ROW HTTP/1.1",
    b"GET /%2e%2e/ROW HTTP/1.1",
    b"GET /x/../../ROW HTTP/1.1",
    // Absolute.
    b"GET http:///ROW HTTP/1.1",
    b"GET http://TEST/ROW HTTP/1.1",
    b"GET http://test./ROW HTTP/1.1",
    b"GET http://test:80/ROW HTTP/1.1",
    b"GET http:/ROW HTTP/1.1",
    b"GET http:ROW HTTP/1.1",
    b"GET http://other/ROW HTTP/1.1",
    b"GET http://test.evil/ROW HTTP/1.1",
    b"GET http://test@other/ROW HTTP/1.1",
    b"GET http://other@test/ROW HTTP/1.1",
    b"GET http://user:password@test/ROW HTTP/1.1",
    b"GET http://@test/ROW HTTP/1.1",
    b"GET http://test:/ROW HTTP/1.1",
    b"GET http://test:x/ROW HTTP/1.1",
    b"GET http://test:80:80/ROW HTTP/1.1",
    b"GET http://test:65536/ROW HTTP/1.1",
    b"GET http://test,other/ROW HTTP/1.1",
    b"GET http://te%73t/ROW HTTP/1.1",
    b"GET http://test%00/ROW HTTP/1.1",
    b"GET http://test\\ROW HTTP/1.1",
    b"GET http://test\\@other/ROW HTTP/1.1",
    b"GET http://[::1/ROW HTTP/1.1",
    b"GET http://[test]/ROW HTTP/1.1",
    b"GET http://test/ROW/%2f HTTP/1.1",
    b"GET http://test/../ROW HTTP/1.1",
    b"GET ftp://test/ROW HTTP/1.1",
    b"GET ws://test/ROW HTTP/1.1",
    b"GET file:///ROW HTTP/1.1",
    b"GET javascript://test/ROW HTTP/1.1",
    b"GET xhttp://test/ROW HTTP/1.1",
    b"GET http ://test/ROW HTTP/1.1",
    b"GET //test/ROW#x HTTP/1.1",
];

/// Lines that are the only `Host`, and are none.
const BAD_HOSTS: &[&[u8]] = &[
    b"Host:",
    b"Host: ",
    b"Host: .",
    b"Host: test..",
    b"Host: .test",
    b"Host: te..st",
    b"Host: test:",
    b"Host: test:x",
    b"Host: test:-1",
    b"Host: test:+80",
    b"Host: test: 80",
    b"Host: test:80:80",
    b"Host: test:99999",
    b"Host: :80",
    b"Host: user@test",
    b"Host: test@other",
    b"Host: @test",
    b"Host: te st",
    b"Host: te\tst",
    b"Host: test, other",
    b"Host: test,test",
    b"Host: test;other",
    b"Host: test/ROW",
    b"Host: test?x",
    b"Host: test#x",
    b"Host: test\\x",
    b"Host: http://test",
    b"Host: te%73t",
    b"Host: test%00",
    b"Host: test\0",
    b"Host: test\x7f",
    b"Host: t\xc3\xa9st",
    b"Host: \"test\"",
    b"Host: 'test'",
    b"Host: <test>",
    b"Host: (test)",
    b"Host: te*t",
    b"Host: *",
    b"Host: [test]",
    b"Host: [::1",
    b"Host: ::1",
    b"Host: [::1]x",
    b"Host: [::1%25lo]",
    b"Host: [127.0.0.1]",
    b"Host: test\r\nHost: test",
    b"Host: test\r\nHost: other",
    b"Host: test\r\nhost: test",
    b"Host: test\r\nHost:",
    b"Host:\r\nHost: test",
    b"Host : test",
    b"Host\t: test",
    b" Host: test",
    b"Ho st: test",
    b"Host_: test",
    b"X-Host: test",
    b"Host\0: test",
    b"Host:\r\n test",
];

pub(super) fn rows() -> Vec<Row> {
    let mut rows: Vec<_> = BAD.iter().map(|line| Row::line(line, Refused)).collect();
    for line in BAD_HOSTS {
        let bytes = [b"GET /ROW HTTP/1.1\r\n", *line, b"\r\n\r\n"].concat();
        rows.push(Row::new(
            format!("{:?}", String::from_utf8_lossy(line)),
            bytes,
            Refused,
        ));
    }
    rows.extend(good());
    rows.extend(good_hosts());
    rows
}

fn good() -> Vec<Row> {
    let mut rows: Vec<_> = [
        "GET /ROW?x=y&z HTTP/1.1",
        "GET /ROW? HTTP/1.1",
        "GET /ROW?? HTTP/1.1",
        "GET /ROW?/../x HTTP/1.1",
        "GET /ROW?%00%0d%0a HTTP/1.1",
        "GET /ROW?http://other/ HTTP/1.1",
        "GET /ROW?x\\y HTTP/1.1",
        "GET /ROW;x=y HTTP/1.1",
        "GET /ROW/@other HTTP/1.1",
        "GET /ROW/:80 HTTP/1.1",
        "GET /ROW/http://other/ HTTP/1.1",
        "GET /ROW/%20 HTTP/1.1",
        "GET /ROW/%c3%a9 HTTP/1.1",
        "GET /ROW/%3f%23 HTTP/1.1",
        "GET /ROW/%25%32%66 HTTP/1.1",
        "GET //ROW HTTP/1.1",
        "GET /x/../ROW HTTP/1.1",
        "GET /./ROW HTTP/1.1",
        "GET /%2e/ROW HTTP/1.1",
        "GET http://test/ROW HTTP/1.1",
        "GET HTTP://test/ROW HTTP/1.1",
        "GET https://test/ROW HTTP/1.1",
        "GET http://test//ROW HTTP/1.1",
    ]
    .into_iter()
    .map(|line| Row::line(line, Passed(1)))
    .collect();
    // Every visible character, in a path and in a query.
    for byte in '!'..='~' {
        let path = if "\"#%<>\\`".contains(byte) {
            Refused
        } else {
            Passed(1)
        };
        let query = if "\"#<>".contains(byte) {
            Refused
        } else {
            Passed(1)
        };
        rows.push(Row::line(format!("GET /ROW/{byte} HTTP/1.1"), path));
        rows.push(Row::line(format!("GET /ROW?{byte} HTTP/1.1"), query));
    }
    let long = format!("/ROW/{}", "x".repeat(16_000));
    let too_long = format!("/ROW/{}", "x".repeat(17_000));
    rows.extend([
        Row::line(format!("GET {long} HTTP/1.1"), Passed(1)).called("a long target"),
        Row::line(format!("GET {too_long} HTTP/1.1"), Closed(414))
            .called("a target beyond the limit"),
        Row::line("OPTIONS * HTTP/1.1", Local(404)),
    ]);
    rows
}

fn good_hosts() -> Vec<Row> {
    let host = |host: &str, fate| {
        let bytes = format!("GET /ROW HTTP/1.1\r\nHost: {host}\r\n\r\n");
        Row::new(format!("the host {host}"), bytes, fate)
    };
    vec![
        host("TEST", Passed(1)),
        host("test.", Passed(1)),
        host("Test.:8080", Passed(1)),
        host("test:0", Passed(1)),
        host("127.0.0.1:80", Passed(1)),
        host("[::1]", Passed(1)),
        host("[0:0:0:0:0:0:0:1]:80", Passed(1)),
        host("under_score.test", Passed(1)),
        host(&format!("{}.test", "x".repeat(63)), Passed(1)),
        host(&format!("{}.test", "x".repeat(64)), Refused),
        host(&"x.".repeat(128), Refused),
        Row::new("no host in HTTP/1.0", "GET /ROW HTTP/1.0\r\n\r\n", Last),
        Row::new(
            "a host in the target alone in HTTP/1.0",
            "GET http://test/ROW HTTP/1.0\r\n\r\n",
            Last,
        ),
        Row::new(
            "a host in the target alone",
            "GET http://test/ROW HTTP/1.1\r\n\r\n",
            Refused,
        ),
        Row::new("no host", "GET /ROW HTTP/1.1\r\n\r\n", Refused),
        Row::new("no fields", "GET /ROW HTTP/1.1\r\nx: y\r\n\r\n", Refused),
    ]
}
