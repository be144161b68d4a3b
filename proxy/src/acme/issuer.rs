//! A CA of the configuration with what belongs to it: trust, account, turns.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use instant_acme::Account;
use rustls::pki_types::{
    CertificateDer,
    pem::{self, PemObject},
};
use tokio::{
    sync::{Mutex, Semaphore},
    task::spawn_blocking,
    time::timeout,
};

use super::{
    Failure, account,
    account::Opened,
    client::{Client, Notes, TOLERANCE},
};
use crate::{
    config::{
        model,
        problem::{Located, Problem},
    },
    state::State,
    tls,
};

/// Orders at a time at one CA.
const TURNS: usize = 8;
/// Questions for advice at a time at one CA.
const QUESTIONS: usize = 4;
/// How long a failed opening of the account holds for those who come next.
const SHARED: Duration = Duration::from_secs(2);
/// How long orders under way are waited for before the account's key is changed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Adopted by the next snapshot while settings and files are the same.
pub struct Issuer {
    pub settings: model::Issuer,
    /// Asked when this one does not deliver.
    pub fallback: Option<Arc<Issuer>>,
    pub(super) hmac: Option<Vec<u8>>,
    roots: Vec<CertificateDer<'static>>,
    notes: Arc<Notes>,
    opening: Mutex<Opening>,
    /// Orders at a time.
    pub(super) turns: Semaphore,
    /// Questions for advice at a time.
    pub(super) questions: Semaphore,
}

/// The account, or why it could not be opened.
#[derive(Default)]
struct Opening {
    opened: Option<Opened>,
    failed: Option<(Instant, Failure)>,
}

impl Issuer {
    /// Reads the files that the settings name.
    pub fn read(
        settings: &model::Issuer,
        fallback: Option<Arc<Self>>,
    ) -> Result<Self, Box<Problem>> {
        let roots = settings.root.as_ref().map(roots).transpose()?;
        let account = settings.external_account.as_ref();
        let hmac = account
            .map(|account| hmac(&account.hmac_file))
            .transpose()?;
        Ok(Self {
            settings: settings.clone(),
            fallback,
            hmac,
            roots: roots.unwrap_or_default(),
            notes: Arc::default(),
            opening: Mutex::default(),
            turns: Semaphore::new(TURNS),
            questions: Semaphore::new(QUESTIONS),
        })
    }

    /// Whether the other would do the same.
    pub fn is_same(&self, other: &Self) -> bool {
        let fallbacks = match (&self.fallback, &other.fallback) {
            (None, None) => true,
            (Some(one), Some(other)) => one.is_same(other),
            _ => false,
        };
        fallbacks
            && same_settings(&self.settings, &other.settings)
            && self.hmac == other.hmac
            && self.roots == other.roots
    }

    /// This CA, then those it falls back to.
    pub fn with_fallbacks(self: &Arc<Self>) -> impl Iterator<Item = &Arc<Self>> {
        std::iter::successors(Some(self), |issuer| issuer.fallback.as_ref())
    }

    /// Our account, opened, or registered if there is none yet. Whoever comes meanwhile waits for the same
    /// opening, and shares its failure.
    pub(super) async fn account(&self, state: &State) -> Result<Account, Failure> {
        let mut opening = self.opening.lock().await;
        if let Some(opened) = &opening.opened {
            return Ok(opened.account.clone());
        }
        if let Some((at, failure)) = &opening.failed
            && at.elapsed() < SHARED
        {
            return Err(failure.clone());
        }
        match account::open(self, state).await {
            Ok(opened) => {
                let account = opened.account.clone();
                opening.opened = Some(opened);
                Ok(account)
            }
            Err(failure) => {
                opening.failed = Some((Instant::now(), failure.clone()));
                Err(failure)
            }
        }
    }

    /// The CA says that it does not know `used`. Unless another is in use by now, it is put aside, and the next
    /// order registers one.
    pub(super) async fn doubt_account(&self, used: &Account, state: &State) -> Result<(), Failure> {
        let mut opening = self.opening.lock().await;
        let is_in_use = |opened: &Opened| opened.account.key_thumbprint() == used.key_thumbprint();
        match opening.opened.take() {
            Some(opened) if is_in_use(&opened) => account::put_aside(self, &opened, state).await,
            other => {
                opening.opened = other;
                Ok(())
            }
        }
    }

    /// Gives the account another key (RFC 8555 section 7.3.5), between orders: those under way are waited for.
    pub async fn roll_over(&self, state: &State) -> Result<(), Failure> {
        let all = u32::try_from(TURNS).unwrap_or(u32::MAX);
        let turns = timeout(PATIENCE, self.turns.acquire_many(all)).await;
        let Ok(Ok(_turns)) = turns else {
            let words = "orders are under way at this CA; try again when they are done";
            return Err(Failure::ours(words));
        };
        let mut opening = self.opening.lock().await;
        let opened = match opening.opened.take() {
            Some(opened) => opened,
            None => account::open(self, state).await?,
        };
        opening.opened = Some(account::roll_over(self, opened, state).await?);
        Ok(())
    }

    pub(super) async fn client(&self) -> Result<Client, Failure> {
        let (roots, notes) = (self.roots.clone(), Arc::clone(&self.notes));
        // The system's CAs are many files.
        let made = spawn_blocking(move || Client::new(&roots, notes)).await;
        let made = made.map_err(|error| Failure::ours(error.to_string()))?;
        made.map_err(Failure::ours)
    }

    /// Now, by the CA's clock if ours is far off.
    pub fn now(&self) -> SystemTime {
        self.notes.now(SystemTime::now())
    }

    /// What to tell of our clock, if the CA's differs.
    pub(super) fn clock(&self) -> Option<String> {
        let ahead = self.notes.ahead();
        let way = if ahead > 0 { "behind" } else { "ahead of" };
        (ahead.abs() > TOLERANCE).then(|| {
            let seconds = ahead.unsigned_abs();
            format!("this machine's clock is {seconds} s {way} the CA's; set it right")
        })
    }

    pub(super) fn take_patience(&self) -> Option<SystemTime> {
        self.notes.take_patience()
    }
}

/// Where the fallback stands in the file does not matter; which one it is has been compared.
fn same_settings(one: &model::Issuer, other: &model::Issuer) -> bool {
    let without_place = |settings: &model::Issuer| model::Issuer {
        fallback: None,
        ..settings.clone()
    };
    without_place(one) == without_place(other)
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn roots(file: &Located<std::path::PathBuf>) -> Result<Vec<CertificateDer<'static>>, Box<Problem>> {
    let read = tls::content(&file.value, tls::LONGEST_LIST)
        .map_err(pem::Error::Io)
        .and_then(|text| CertificateDer::pem_slice_iter(&text).collect());
    let roots: Vec<_> = read.map_err(|error| {
        let shown = file.value.display();
        problem(
            file,
            format!("cannot read the CA file {shown}: {error}"),
            "`root` names a PEM file with the CAs that vouch for the ACME server itself",
        )
    })?;
    if roots.is_empty() {
        let shown = file.value.display();
        return Err(problem(
            file,
            format!("{shown} holds no certificate"),
            "`root` names a PEM file with the CAs that vouch for the ACME server itself",
        ));
    }
    Ok(roots)
}

fn hmac(file: &Located<std::path::PathBuf>) -> Result<Vec<u8>, Box<Problem>> {
    let shown = file.value.display();
    let text = tls::content(&file.value, tls::LONGEST).map_err(|error| {
        problem(
            file,
            format!("cannot read {shown}: {error}"),
            "`hmac_file` holds the HMAC key that the CA gave you, in base64url",
        )
    })?;
    let mut text = text.trim_ascii();
    while let Some(unpadded) = text.strip_suffix(b"=") {
        text = unpadded;
    }
    let key = BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .or_else(|_| BASE64_STANDARD_NO_PAD.decode(text));
    match key {
        Ok(key) if !key.is_empty() => Ok(key),
        _ => Err(problem(
            file,
            format!("{shown} does not hold a key in base64url"),
            "copy the HMAC key as the CA shows it, alone in the file",
        )),
    }
}

fn problem<T>(at: &Located<T>, message: String, hint: &str) -> Box<Problem> {
    Box::new(Problem::error(message).at_value(at).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_if_they_are_files_of_reasonable_length() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| Located::nowhere(directory.path().join(name));
        let write = |name: &str, content: &[u8]| {
            std::fs::write(path(name).value, content).unwrap();
        };
        write("padded", b" a2V5cw==\n");
        write("binary", b"\xff\xfe");
        write("long", &vec![b'a'; (1 << 20) + 1]);
        write("longer", &vec![b'a'; (16 << 20) + 1]);
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe").value, mode).unwrap();
        assert_eq!(hmac(&path("padded")).unwrap(), b"keys");
        for (name, words) in [
            ("binary", "does not hold a key in base64url"),
            ("long", "it is longer than 1 MiB"),
            ("pipe", "it is not a regular file"),
        ] {
            let problem = hmac(&path(name)).unwrap_err();
            assert!(problem.message.contains(words), "{}", problem.message);
        }
        for (name, words) in [
            ("binary", "holds no certificate"),
            ("longer", "it is longer than 16 MiB"),
            ("pipe", "it is not a regular file"),
        ] {
            let problem = roots(&path(name)).unwrap_err();
            assert!(problem.message.contains(words), "{}", problem.message);
        }
    }
}
