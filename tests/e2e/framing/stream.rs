//! One HTTP/2 request of a corpus, as it stands in frames, and what must become of it.

pub(super) struct Stream {
    pub(super) name: String,
    /// `/ROW` stands for a path of its own.
    pub(super) fields: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) data: Vec<Vec<u8>>,
    pub(super) trailers: Trailers,
    pub(super) fate: Fate,
}

pub(super) enum Trailers {
    None,
    /// That end the stream.
    Last(Vec<(Vec<u8>, Vec<u8>)>),
    /// That do not.
    Open(Vec<(Vec<u8>, Vec<u8>)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// A 4xx of ours or a reset; the connection lives on, and no server hears a whole request.
    Refused,
    /// This status, of ours; the connection lives on.
    Local(u16),
    /// As refused, but the whole connection may end (RFC 9113 section 5.4.1), as the `h2` library has it where a
    /// name or value cannot be one.
    Closed,
    /// The server answers.
    Passed,
    /// Refused or passed, as long as what the server hears is sound.
    Either,
}

pub(super) use Fate::{Closed, Either, Local, Passed, Refused};

/// The pseudo-headers of a good request, in the order of their mention in RFC 9113 section 8.3.1.
const GOOD: [(&str, &str); 4] = [
    (":method", "GET"),
    (":scheme", "https"),
    (":authority", "localhost"),
    (":path", "/ROW"),
];

impl Stream {
    /// These fields and no others.
    pub(super) fn of(name: &str, fields: &[(&str, &[u8])], fate: Fate) -> Self {
        let owned = |(name, value): &(&str, &[u8])| (name.as_bytes().to_vec(), value.to_vec());
        Self {
            name: name.to_owned(),
            fields: fields.iter().map(owned).collect(),
            data: Vec::new(),
            trailers: Trailers::None,
            fate,
        }
    }

    /// A good request with another value for one pseudo-header.
    pub(super) fn but(pseudo: &str, value: impl AsRef<[u8]>, fate: Fate) -> Self {
        let value = value.as_ref();
        let shown = String::from_utf8_lossy(value);
        let shown: String = shown.chars().take(60).collect();
        let mut stream = Self::with("", "", fate).called(&format!("{pseudo} {shown:?}"));
        stream.fields.pop();
        for (name, of) in &mut stream.fields {
            if name == pseudo.as_bytes() {
                *of = value.to_vec();
            }
        }
        stream
    }

    /// A good request with one more field.
    pub(super) fn with(name: impl AsRef<[u8]>, value: impl AsRef<[u8]>, fate: Fate) -> Self {
        let (name, value) = (name.as_ref(), value.as_ref());
        let (n, v) = (
            String::from_utf8_lossy(name),
            String::from_utf8_lossy(value),
        );
        let v: String = v.chars().take(60).collect();
        let mut stream = Self::of(&format!("{n:?}: {v:?}"), &[], fate);
        let good = GOOD.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        stream.fields.extend(good);
        stream.and(name, value)
    }

    /// A POST with one more field and these parts of a body.
    pub(super) fn post(name: &str, value: &str, data: &[&[u8]], fate: Fate) -> Self {
        let sum: usize = data.iter().map(|part| part.len()).sum();
        let called = format!("{name}: {value} and {sum} bytes");
        let mut stream = Self::with(name, value, fate).called(&called);
        stream.fields[0].1 = b"POST".to_vec();
        stream.data = data.iter().map(|part| part.to_vec()).collect();
        stream
    }

    pub(super) fn and(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.fields
            .push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// With trailers.
    pub(super) fn ending(mut self, trailers: Trailers) -> Self {
        self.trailers = trailers;
        self
    }

    pub(super) fn called(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }
}

/// Trailers of text.
pub(super) fn fields(fields: &[(&str, &str)]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let owned =
        |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    fields.iter().map(owned).collect()
}
