//! Who may come in: by name and password, or because another server says so.

mod asking;
mod hostile;
mod passwords;
mod together;

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::harness::{Message, Origin, Proxy};

/// alice and bob with passwords that other programs have hashed: libxcrypt, and the reference implementation of Argon2.
const USERS: &str = "\
# who may come in
alice:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW
bob:$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc
caf\u{e9}:$2b$04$zbcdefghijklmnopqrstuufn5Q9EfjYQ3l0dHBV84qoD3cXW0vgKq
";
const GOOD: [(&str, &str); 3] = [
    ("alice", "open sesame"),
    ("bob", "password"),
    ("caf\u{e9}", "caf\u{e9}"),
];

/// With a file of users beside the configuration.
async fn with_users(text: &str, users: &str, origins: &[&Origin]) -> Proxy {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("users"), users).unwrap();
    Proxy::in_directory(directory, text, origins).await
}

fn basic(name: &str, password: &str) -> String {
    let encoded = STANDARD.encode(format!("{name}:{password}"));
    format!("authorization: Basic {encoded}")
}

/// What the last request was, of those for this target.
fn last(origin: &Origin, target: &str) -> Message {
    let requests = origin.requests();
    let mut requests = requests.into_iter().rev();
    let last = requests.find(|request| request.target() == target);
    last.unwrap_or_else(|| panic!("nothing for {target}"))
}
