//! The store of a snapshot by which nodes share their limits.

use std::{path::PathBuf, sync::Arc};

use zeroize::Zeroizing;

use super::{Snapshot, World};
use crate::{
    config::{
        Config, model,
        problem::{Located, Problem},
    },
    limits::shared::{Dial, SharedStore},
    tls::{self, ClientTls, ServerTls, SystemRoots},
};

/// Bytes. No password is longer; a file that is was named by mistake.
const LONGEST_PASSWORD: usize = 4096;

/// That of `previous` if it would come out the same, with its connection. Nobody connects yet.
pub(super) fn build(
    config: &Config,
    previous: &Snapshot,
    world: &World,
    problems: &mut Vec<Problem>,
) -> Option<Arc<SharedStore>> {
    let settings = config.limits_store.as_ref()?;
    let previous = previous.limits_store.as_ref();
    let password = settings.password_file.as_ref().map(password).transpose();
    let tls = settings.tls.as_ref();
    let tls = tls.map(|tls| secured(settings, tls, previous)).transpose();
    let (password, tls) = match (password, tls) {
        (Ok(password), Ok(tls)) => (password, tls),
        (password, tls) => {
            problems.extend(password.err().map(|problem| *problem));
            problems.extend(tls.err().unwrap_or_default());
            return None;
        }
    };
    let dial = Dial::new(settings, password, tls);
    let meters = world.metrics.store(&settings.address.to_string());
    Some(SharedStore::build(settings, dial, meters, previous))
}

/// What is in the file, without the white space around it.
fn password(file: &Located<PathBuf>) -> Result<Zeroizing<String>, Box<Problem>> {
    let shown = file.value.display();
    let wrong = |message: String| {
        let hint = "it holds the password alone; paths are relative to the configuration file";
        Box::new(Problem::error(message).at_value(file).hint(hint))
    };
    let content = tls::content(&file.value, tls::LONGEST).map(Zeroizing::new);
    let content =
        content.map_err(|error| wrong(format!("cannot read the password in {shown}: {error}")))?;
    match std::str::from_utf8(&content).map(str::trim) {
        Ok(password) if password.len() > LONGEST_PASSWORD => Err(wrong(format!(
            "what is in {shown} is too long for a password"
        ))),
        Ok("") => Err(wrong(format!("{shown} holds no password"))),
        Ok(password) => Ok(Zeroizing::new(password.to_owned())),
        Err(_) => Err(wrong(format!("{shown} is no text in UTF-8"))),
    }
}

fn secured(
    settings: &model::LimitsStore,
    tls: &model::ServerTls,
    previous: Option<&Arc<SharedStore>>,
) -> Result<Arc<ServerTls>, Vec<Problem>> {
    let before = previous.and_then(|previous| previous.dial().tls());
    let client = ClientTls::build(
        tls,
        model::UpstreamProtocol::Http1,
        &mut SystemRoots::default(),
        before.map(|before| before.client()),
    )?;
    let server = client.server(tls, &settings.address, before);
    server.map_err(|problem| vec![problem])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_what_a_file_holds_without_white_space() {
        let directory = tempfile::tempdir().unwrap();
        let file = Located::nowhere(directory.path().join("password"));
        for (content, expected) in [
            (&b"sesame"[..], Ok("sesame")),
            (b" open sesame\r\n", Ok("open sesame")),
            (b"", Err("holds no password")),
            (b"\n", Err("holds no password")),
            (b"\xff", Err("is no text in UTF-8")),
            (&[b'a'; 4097], Err("is too long for a password")),
        ] {
            std::fs::write(&file.value, content).unwrap();
            match (password(&file), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(*found, expected),
                (Err(problem), Err(words)) => {
                    assert!(problem.message.ends_with(words), "{}", problem.message);
                }
                (found, expected) => panic!("{found:?}, {expected:?}"),
            }
        }
        let missing = Located::nowhere(directory.path().join("missing"));
        assert!(
            password(&missing)
                .unwrap_err()
                .message
                .starts_with("cannot read")
        );
    }
}
