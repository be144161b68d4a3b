//! The account at a CA: registered once, its key kept in the state directory and used from then on.

use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use instant_acme::{Account, AccountBuilder, AccountCredentials, ExternalAccountKey, NewAccount};
use serde::{Deserialize, Serialize};

use super::{Failure, Issuer, vault};
use crate::state::{Lock, State};

/// How long another process may take to register.
const PATIENCE: Duration = Duration::from_secs(60);
/// The first rest of who waits for a lock; it doubles up to [`LONGEST`]. A ledger is held for as long as a
/// file takes to be written, a registration for as long as the CA takes.
const SHORTEST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_millis(200);

/// The file of an account.
#[derive(Serialize, Deserialize)]
struct Kept {
    contact: Vec<String>,
    credentials: AccountCredentials,
}

/// An account in use, and what the file held that it was opened from.
#[derive(Clone)]
pub(super) struct Opened {
    pub(super) account: Account,
    content: Vec<u8>,
}

/// Opens the account that is kept for this CA, or registers one.
pub(super) async fn open(issuer: &Issuer, state: &State) -> Result<Opened, Failure> {
    let name = name(issuer);
    let _lock = lock(state, &format!("account-{name}")).await?;
    let file = file(&name);
    let Some(content) = read(state, &file).await? else {
        return register(issuer, state, &file).await;
    };
    let kept: Kept = serde_json::from_slice(&content).map_err(|error| {
        Failure::ours(format!(
            "{} is damaged: {error}; restore it, or remove it to register anew",
            state.path(&file).display()
        ))
    })?;
    let contact_is_same = kept.contact == issuer.settings.contact;
    let opened = builder(issuer)
        .await?
        .from_credentials(kept.credentials)
        .await;
    let account = opened.map_err(|error| Failure::of("reaching the CA", &error))?;
    let mut opened = Opened { account, content };
    if !contact_is_same {
        change_contact(issuer, &mut opened, state, &file).await?;
    }
    Ok(opened)
}

async fn change_contact(
    issuer: &Issuer,
    opened: &mut Opened,
    state: &State,
    file: &str,
) -> Result<(), Failure> {
    let contact: Vec<&str> = issuer.settings.contact.iter().map(String::as_str).collect();
    match opened.account.update_contacts(&contact).await {
        Ok(()) => {
            let kept: Kept = serde_json::from_slice(&opened.content)
                .map_err(|error| Failure::ours(error.to_string()))?;
            opened.content = keep(issuer, kept.credentials, state, file).await?;
        }
        // Who gets mail is not worth a certificate.
        Err(error) => {
            tracing::warn!(issuer = %issuer.settings.name, "the contact could not be changed: {error}");
        }
    }
    Ok(())
}

async fn register(issuer: &Issuer, state: &State, file: &str) -> Result<Opened, Failure> {
    let settings = &issuer.settings;
    let contact: Vec<&str> = settings.contact.iter().map(String::as_str).collect();
    let external = settings.external_account.as_ref().zip(issuer.hmac.as_ref());
    let external =
        external.map(|(account, key)| ExternalAccountKey::new(account.key_id.clone(), key));
    let new = NewAccount {
        contact: &contact,
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let (account, credentials) = builder(issuer)
        .await?
        .create(&new, settings.directory.clone(), external.as_ref())
        .await
        .map_err(|error| Failure::of("registering an account", &error))?;
    let content = keep(issuer, credentials, state, file).await?;
    tracing::info!(issuer = %settings.name, "registered the account {} at the CA, agreeing to its terms of service", account.id());
    Ok(Opened { account, content })
}

/// The new key is kept as soon as the CA has it. Should the process be killed between the two, the CA will
/// not know our old key, and we register anew.
pub(super) async fn roll_over(
    issuer: &Issuer,
    opened: Opened,
    state: &State,
) -> Result<Opened, Failure> {
    let name = name(issuer);
    let _lock = lock(state, &format!("account-{name}")).await?;
    let mut account = opened.account;
    let credentials = account
        .update_key()
        .await
        .map_err(|error| Failure::of("changing the account's key", &error))?;
    let content = keep(issuer, credentials, state, &file(&name)).await?;
    tracing::info!(issuer = %issuer.settings.name, "the account {} has a new key", account.id());
    Ok(Opened { account, content })
}

/// Puts an account aside that the CA does not know any more, so that the next order registers another. If
/// another process has a newer one already, that one stays.
pub(super) async fn put_aside(
    issuer: &Issuer,
    unknown: &Opened,
    state: &State,
) -> Result<(), Failure> {
    let name = name(issuer);
    let _lock = lock(state, &format!("account-{name}")).await?;
    if read(state, &file(&name)).await?.as_ref() != Some(&unknown.content) {
        return Ok(());
    }
    let content = unknown.content.clone();
    let moved = state.with(move |state| {
        // Keys are never thrown away: whoever knows better can put it back.
        let digest = digest::digest(&digest::SHA256, &content);
        let mark = vault::hex(digest.as_ref().get(..4).unwrap_or_default());
        state.write(
            &format!("accounts/{name}.unknown-to-the-ca-{mark}.json"),
            &content,
        )?;
        state.remove(&file(&name))
    });
    let moved = moved.await.and_then(|moved| moved);
    moved.map_err(|error| Failure::disk("the account cannot be put aside", &error))
}

async fn read(state: &State, file: &str) -> Result<Option<Vec<u8>>, Failure> {
    let file = file.to_owned();
    let read = state.with(move |state| state.read(&file)).await;
    let read = read.and_then(|read| read);
    read.map_err(|error| Failure::disk("the account's key cannot be read", &error))
}

/// Returns what the file holds now.
async fn keep(
    issuer: &Issuer,
    credentials: AccountCredentials,
    state: &State,
    file: &str,
) -> Result<Vec<u8>, Failure> {
    let kept = Kept {
        contact: issuer.settings.contact.clone(),
        credentials,
    };
    let content =
        serde_json::to_vec_pretty(&kept).map_err(|error| Failure::ours(error.to_string()))?;
    let (file, written) = (file.to_owned(), content.clone());
    let keeping = state.with(move |state| state.write(&file, &written)).await;
    let keeping = keeping.and_then(|written| written);
    keeping.map_err(|error| Failure::disk("the account's key cannot be kept", &error))?;
    Ok(content)
}

fn file(name: &str) -> String {
    format!("accounts/{name}.json")
}

async fn builder(issuer: &Issuer) -> Result<AccountBuilder, Failure> {
    Ok(Account::builder_with_http(Box::new(issuer.client().await?)))
}

/// What the account is called in the state directory: by the CA and by whom it bills, not by the name in the
/// configuration, which may change.
pub(super) fn name(issuer: &Issuer) -> String {
    let settings = &issuer.settings;
    let key_id = settings
        .external_account
        .as_ref()
        .map_or("", |account| &account.key_id);
    let directory = &settings.directory;
    let host = directory.split('/').nth(2).unwrap_or_default();
    let host: String = host
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() || letter == '.' {
                letter
            } else {
                '-'
            }
        })
        .take(100)
        .collect();
    let digest = digest::digest(&digest::SHA256, format!("{directory}\n{key_id}").as_bytes());
    format!(
        "{host}-{}",
        vault::hex(digest.as_ref().get(..4).unwrap_or_default())
    )
}

/// Waits for the lock of that name.
pub(super) async fn lock(state: &State, name: &str) -> Result<Lock, Failure> {
    let begun = Instant::now();
    let mut pause = SHORTEST;
    loop {
        let of_name = name.to_owned();
        let taken = state.with(move |state| state.lock(&of_name)).await;
        match taken.and_then(|taken| taken) {
            Ok(Some(lock)) => return Ok(lock),
            Ok(None) if begun.elapsed() < PATIENCE => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST);
            }
            Ok(None) => {
                return Err(Failure::ours(format!(
                    "another process holds the lock {name}"
                )));
            }
            Err(error) => return Err(Failure::disk("the state directory cannot be used", &error)),
        }
    }
}
