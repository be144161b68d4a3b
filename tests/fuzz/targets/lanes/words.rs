//! The language of the inputs: a byte of ASCII stands for itself, any other for a word or a whole request. So most of what a
//! mutation makes is requests still, and inputs can be written by hand.

const WORDS: [&[u8]; 64] = [
    b"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n",
    b"GET /length HTTP/1.1\r\nhost: a.test\r\n",
    b"HEAD /length HTTP/1.1\r\nhost: a.test\r\n",
    b"POST /length HTTP/1.1\r\nhost: a.test\r\n",
    b"PUT /echo HTTP/1.1\r\nhost: a.test\r\n",
    b"GET /chunked HTTP/1.1\r\nhost: a.test\r\n",
    b"HEAD /chunked HTTP/1.1\r\nhost: a.test\r\n",
    b"GET /until-close HTTP/1.1\r\nhost: a.test\r\n",
    b"HEAD /until-close HTTP/1.1\r\nhost: a.test\r\n",
    b"GET /204 HTTP/1.1\r\nhost: a.test\r\n",
    b"GET /304 HTTP/1.1\r\nhost: a.test\r\n",
    b"POST /interim HTTP/1.1\r\nhost: a.test\r\n",
    b"GET /garbage HTTP/1.1\r\nhost: a.test\r\n",
    b"GET /silent HTTP/1.1\r\nhost: a.test\r\n",
    b"POST /silent HTTP/1.1\r\nhost: a.test\r\n",
    b"GET /short HTTP/1.1\r\nhost: a.test\r\n",
    b"GET /cut HTTP/1.1\r\nhost: a.test\r\n",
    b"POST /early HTTP/1.1\r\nhost: a.test\r\n",
    b"GET /surplus HTTP/1.1\r\nhost: a.test\r\n",
    b"GET /old HTTP/1.1\r\nhost: a.test\r\n",
    b"GET /503 HTTP/1.1\r\nhost: a.test\r\n",
    b"GET /fields HTTP/1.1\r\nhost: a.test\r\n",
    b"GET /switch HTTP/1.1\r\nhost: a.test\r\n",
    b"OPTIONS * HTTP/1.1\r\nhost: a.test\r\n",
    b"DELETE /answer HTTP/1.1\r\nhost: a.test\r\n",
    b"GET /moved/x?y HTTP/1.1\r\nhost: a.test\r\n",
    b"CONNECT a.test:80 HTTP/1.1\r\nhost: a.test:80\r\n",
    b"GET http://a.test/length HTTP/1.1\r\nhost: a.test\r\n",
    b"GET /a/./b/../%41%2f?q#f HTTP/1.1\r\nhost: A.TEST:80\r\n",
    b"\r\n",
    b"\r\n\r\n",
    b"content-length: 0\r\n\r\n",
    b"content-length: 5\r\n\r\nhello",
    b"content-length: 3001\r\n\r\n",
    b"Content-Length: 2\r\n",
    b"transfer-encoding: chunked\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"transfer-encoding: gzip, chunked\r\n",
    b"5\r\nhello\r\n",
    b"a;x=\"y\"\r\n0123456789\r\n",
    b"0\r\n\r\n",
    b"0\r\nx-trailer: a\r\n\r\n",
    b"trailer: x-trailer\r\n",
    b"te: trailers, deflate\r\n",
    b"connection: close\r\n",
    b"Connection: keep-alive, X-Mine\r\n",
    b"connection: TE\r\n",
    b"x-mine: secret\r\n",
    b"keep-alive: timeout=5\r\n",
    b"proxy-connection: keep-alive\r\n",
    b"upgrade: websocket\r\nconnection: upgrade\r\n",
    b"upgrade: h2c\r\n",
    b"expect: 100-continue\r\n",
    b"cookie: a=1\r\nCOOKIE: b=2\r\n",
    b"X-Forwarded-For: 192.0.2.1\r\nx-forwarded-proto: https\r\n",
    b"forwarded: for=\"192.0.2.1\r\n",
    b"via: 1.0 before\r\n",
    b"X_Under: score\r\n",
    b"x-long: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n",
    b"accept-encoding: gzip, br\r\n",
    b"if-none-match: \"a\"\r\nrange: bytes=0-1\r\n",
    b"x-text: \xe4\xff\t \r\n",
    b" HTTP/1.1\r\nhost: a.test\r\n",
    b"GET /oldest HTTP/1.1\r\nhost: a.test\r\n",
];

/// What whole requests begin with, and what they end with.
const BEGINNINGS: [&[u8]; 8] = [
    b"GET /chunked HTTP/1.1\r\nhost: a.test\r\n",
    b"HEAD /length HTTP/1.1\r\nHost: a.test\r\n",
    b"POST /echo HTTP/1.1\r\nhost: a.test\r\n",
    b"POST /interim HTTP/1.1\r\nhost: a.test\r\n",
    b"PUT /503 HTTP/1.1\r\nhost: a.test\r\n",
    b"GET /until-close HTTP/1.1\r\nhost: a.test\r\n",
    b"POST /fields HTTP/1.1\r\nhost: a.test\r\n",
    b"DELETE /silent HTTP/1.1\r\nhost: a.test\r\n",
];
const ENDS: [&[u8]; 8] = [
    b"\r\n",
    b"connection: te, x-mine\r\nte: trailers\r\nx-mine: 1\r\n\r\n",
    b"content-length: 0\r\n\r\n",
    b"content-length: 5\r\n\r\nhello",
    b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\n yo\r\n0\r\n\r\n",
    b"transfer-encoding: chunked\r\ntrailer: x-end\r\n\r\n2\r\nhi\r\n0\r\nx-end: 1\r\n\r\n",
    b"expect: 100-continue\r\ncontent-length: 2\r\n\r\nhi",
    b"cookie: a=1\r\ncookie: b=2\r\nx_under: 1\r\nforwarded: for=_a\r\n\r\n",
];

pub(crate) fn spell(words: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for byte in words {
        let nth = usize::from(*byte);
        match nth {
            0..=127 => text.push(*byte),
            128..=191 => text.extend_from_slice(WORDS[nth - 128]),
            _ => {
                text.extend_from_slice(BEGINNINGS[nth % 8]);
                text.extend_from_slice(ENDS[nth / 8 % 8]);
            }
        }
    }
    text
}
