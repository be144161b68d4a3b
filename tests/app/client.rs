//! A client that writes its requests byte by byte and reads what really comes back.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;

use serde_json::Value;

use crate::server::DEADLINE;

/// One connection.
pub(crate) struct Client {
    reader: BufReader<Box<dyn Read>>,
    writer: Box<dyn Write>,
    /// Our own end, as the server sees it.
    pub(crate) local: Option<SocketAddr>,
}

impl Client {
    /// Connects to `127.0.0.1:9001` or `unix:/path.sock`.
    pub(crate) fn connect(address: &str) -> Self {
        if let Some(path) = address.strip_prefix("unix:") {
            let stream = UnixStream::connect(path).unwrap();
            stream.set_read_timeout(Some(DEADLINE)).unwrap();
            let writer = Box::new(stream.try_clone().unwrap());
            return Self {
                reader: BufReader::new(Box::new(stream)),
                writer,
                local: None,
            };
        }
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let local = stream.local_addr().ok();
        let writer = Box::new(stream.try_clone().unwrap());
        Self {
            reader: BufReader::new(Box::new(stream)),
            writer,
            local,
        }
    }

    pub(crate) fn get(&mut self, path: &str, lines: &[&str]) -> Response {
        self.ask("GET", path, lines, b"")
    }

    /// Sends a request and reads its response.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        lines: &[&str],
        body: &[u8],
    ) -> Response {
        self.send(method, path, lines, body);
        self.receive(method)
    }

    /// Sends a request; a body comes with its length, unless the lines give another.
    pub(crate) fn send(&mut self, method: &str, path: &str, lines: &[&str], body: &[u8]) {
        let lines: String = lines.iter().flat_map(|line| [line, "\r\n"]).collect();
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\n{lines}{length}\r\n");
        // A server that refuses may close before it has read all; what it answered is what counts.
        let _ = self.writer.write_all(&[head.as_bytes(), body].concat());
    }

    /// Reads the response to a request with this method.
    pub(crate) fn receive(&mut self, method: &str) -> Response {
        let status_line = self.line();
        let status = status_line
            .split(' ')
            .nth(1)
            .unwrap_or_else(|| panic!("{status_line:?}"))
            .parse()
            .unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut response = Response {
            status,
            headers,
            body: Vec::new(),
        };
        if method != "HEAD" && !matches!(status, 204 | 304) {
            let length = response
                .header("content-length")
                .expect("every body has a length")
                .parse()
                .unwrap();
            response.body = vec![0; length];
            self.reader.read_exact(&mut response.body).unwrap();
        }
        response
    }

    /// Reads whatever comes until the server closes, or resets, the connection.
    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.reader.read_to_end(&mut rest) {
            Ok(_) => rest,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => rest,
            Err(error) => panic!("the server does not close the connection: {error}"),
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        line.trim_end_matches("\r\n").to_owned()
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The value of a field that may stand at most once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self
            .headers
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.as_str());
        let first = values.next();
        assert_eq!(values.next(), None, "{name} stands twice");
        first
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}
