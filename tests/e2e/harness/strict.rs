//! HTTP/1.1 as the grammar has it (RFC 9112), and as this proxy in particular must write it.

/// A request that was found in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Heard {
    /// The values of every field of that name.
    pub(crate) fn all(&self, name: &str) -> Vec<&[u8]> {
        let named = self.fields.iter().filter(|(of, _)| of == name);
        named.map(|(_, value)| value.as_slice()).collect()
    }

    /// The value of the only field of that name.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} stands twice: {self:?}");
        all.first()
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }
}

/// What bytes amount to.
pub(super) enum Reading {
    /// A whole request, and its length.
    Whole(Heard, usize),
    /// A head that is in order; its body is not complete.
    Head(Heard),
    /// The beginning of a head.
    Part,
    Broken(String),
}

/// Fields that stand at most once in what this proxy writes.
const SINGLE: [&str; 12] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "expect",
    "cookie",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-request-id",
];

/// Fields of the client's connection, or that no server must see.
const FORBIDDEN: [&str; 6] = [
    "keep-alive",
    "proxy-connection",
    "trailer",
    "http2-settings",
    "proxy",
    "proxy-authorization",
];

/// Reads one request from the front.
pub(super) fn read(bytes: &[u8]) -> Reading {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
        return match bytes.iter().position(|byte| *byte == b'\n') {
            Some(at) if at == 0 || bytes[at - 1] != b'\r' => broken("a bare LF"),
            _ => Reading::Part,
        };
    };
    let mut heard = match parse(&bytes[..end]) {
        Ok(heard) => heard,
        Err(fault) => return Reading::Broken(fault),
    };
    let rest = &bytes[end + 4..];
    let body = if heard.all("transfer-encoding").is_empty() {
        let length = heard.field("content-length");
        let length = length.map_or(0, |digits| digits.parse::<usize>().unwrap_or(usize::MAX));
        Ok((rest.len() >= length).then(|| (rest[..length].to_vec(), length)))
    } else {
        chunks(rest)
    };
    match body {
        Ok(Some((body, length))) => {
            heard.body = body;
            Reading::Whole(heard, end + 4 + length)
        }
        Ok(None) => Reading::Head(heard),
        Err(fault) => Reading::Broken(fault),
    }
}

fn broken(fault: &str) -> Reading {
    Reading::Broken(fault.to_owned())
}

fn parse(block: &[u8]) -> Result<Heard, String> {
    let mut lines = Vec::new();
    let mut rest = block;
    while let Some(at) = memchr::memmem::find(rest, b"\r\n") {
        lines.push(&rest[..at]);
        rest = &rest[at + 2..];
    }
    lines.push(rest);
    let control = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
    if let Some(line) = lines.iter().find(|line| line.iter().any(control)) {
        return Err(format!(
            "a control character in {:?}",
            String::from_utf8_lossy(line)
        ));
    }
    let (method, target) = request_line(lines[0])?;
    let fields = lines[1..]
        .iter()
        .map(|line| field(line))
        .collect::<Result<Vec<_>, _>>()?;
    let heard = Heard {
        method,
        target,
        fields,
        body: Vec::new(),
    };
    fields_fit(&heard)?;
    Ok(heard)
}

fn request_line(line: &[u8]) -> Result<(String, String), String> {
    let line = str::from_utf8(line)
        .ok()
        .ok_or("a request line beyond ASCII")?;
    let words: Vec<_> = line.split(' ').collect();
    let [method, target, "HTTP/1.1"] = words[..] else {
        return Err("a request line that is none".to_owned());
    };
    if method.is_empty() || !method.bytes().all(is_token) {
        return Err("a method that is no token".to_owned());
    }
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) || target.contains('#') {
        return Err("a target that is none".to_owned());
    }
    let path = target.split('?').next().unwrap_or_default();
    let lower = path.to_ascii_lowercase();
    let disguised = ["%2f", "%5c", "%00", "%2e", "\\", "//"]
        .iter()
        .any(|spelling| lower.contains(spelling));
    let dots = path
        .split('/')
        .any(|segment| matches!(segment, "." | "..") || segment.starts_with("..;"));
    if !path.starts_with('/') || disguised || dots {
        return Err("a path that is not in normal form".to_owned());
    }
    Ok((method.to_owned(), target.to_owned()))
}

fn field(line: &[u8]) -> Result<(String, Vec<u8>), String> {
    let shown = || String::from_utf8_lossy(line).into_owned();
    let at = line.iter().position(|byte| *byte == b':');
    let at = at.ok_or_else(|| format!("a line without a colon {:?}", shown()))?;
    let (name, value) = (&line[..at], &line[at + 1..]);
    if name.is_empty() || !name.iter().copied().all(is_token) || name.contains(&b'_') {
        return Err(format!("a name that is none in {:?}", shown()));
    }
    let value = value.strip_prefix(b" ").unwrap_or(value);
    if value.trim_ascii().len() != value.len() {
        return Err(format!("white space round the value of {:?}", shown()));
    }
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    Ok((name, value.to_vec()))
}

fn fields_fit(heard: &Heard) -> Result<(), String> {
    for name in SINGLE {
        if heard.all(name).len() > 1 {
            return Err(format!("more than one {name}"));
        }
    }
    if let Some(name) = FORBIDDEN.iter().find(|name| !heard.all(name).is_empty()) {
        return Err(format!("{name} reached a server"));
    }
    let of = |name: &str| heard.field(name);
    let host = of("host").ok_or("no host")?;
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_:[]".contains(&byte);
    let name = host.rsplit_once(':').map_or(&*host, |(name, _)| name);
    if host.is_empty() || !host.bytes().all(plain) || name.ends_with('.') {
        return Err(format!("a host that is not in normal form: {host:?}"));
    }
    let length = of("content-length");
    let digits = |text: &String| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if length.as_ref().is_some_and(|length| !digits(length)) {
        return Err("a length that is none".to_owned());
    }
    let coding = of("transfer-encoding");
    if coding.as_ref().is_some_and(|coding| coding != "chunked") {
        return Err("a coding that is not chunked alone".to_owned());
    }
    if length.is_some() && coding.is_some() {
        return Err("two framings".to_owned());
    }
    let is_websocket = of("upgrade").is_some_and(|protocol| protocol == "websocket");
    let upgrades = of("connection").is_some_and(|options| options == "Upgrade");
    if (of("connection").is_some() || of("upgrade").is_some()) && !(is_websocket && upgrades) {
        return Err("fields of another connection".to_owned());
    }
    match of("te") {
        Some(te) if te != "trailers" => Err("te is not trailers".to_owned()),
        _ => Ok(()),
    }
}

/// The content of a chunked body and its length on the wire; nothing if it is not complete.
fn chunks(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    let mut content = Vec::new();
    let mut at = 0;
    loop {
        let rest = &bytes[at..];
        let digits = rest.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        let Some(end) = rest.get(digits..digits + 2) else {
            return Ok(None);
        };
        if digits == 0 || digits > 16 || end != b"\r\n" {
            return Err("a chunk size that is none".to_owned());
        }
        let size = str::from_utf8(&rest[..digits]).unwrap_or_default();
        let size = usize::from_str_radix(size, 16)
            .ok()
            .ok_or("a chunk size that is too large")?;
        at += digits + 2;
        let Some(chunk) = bytes[at..].get(..size.saturating_add(2)) else {
            return Ok(None);
        };
        let (chunk, end) = chunk.split_at(size);
        if end != b"\r\n" {
            return Err("a chunk without its end, or a trailer".to_owned());
        }
        content.extend_from_slice(chunk);
        at += size + 2;
        if size == 0 {
            return Ok(Some((content, at)));
        }
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
