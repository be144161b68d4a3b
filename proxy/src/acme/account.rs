//! The account at a CA: registered once, its key kept in the state directory and used from then on.

use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use instant_acme::{Account, AccountBuilder, AccountCredentials, ExternalAccountKey, NewAccount};
use serde::{Deserialize, Serialize};

use super::{Failure, Issuer, failure::Fault, vault};
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

/// Opens the account that is kept for this CA, or registers one.
pub(super) async fn open(issuer: &Issuer, state: &State) -> Result<Account, Failure> {
    let name = name(issuer);
    let _lock = lock(state, &format!("account-{name}")).await?;
    let file = format!("accounts/{name}.json");
    let kept = state
        .read(&file)
        .map_err(|error| Failure::disk("the account's key cannot be read", &error))?;
    if let Some(kept) = kept {
        let kept: Kept = serde_json::from_slice(&kept).map_err(|error| {
            Failure::ours(format!(
                "{} is damaged: {error}; restore it, or remove it to register anew",
                state.path(&file).display()
            ))
        })?;
        return known(issuer, kept, state, &file).await;
    }
    register(issuer, state, &file).await
}

async fn known(issuer: &Issuer, kept: Kept, state: &State, file: &str) -> Result<Account, Failure> {
    let contact_is_same = kept.contact == issuer.settings.contact;
    let content = serde_json::to_value(&kept.credentials)
        .map_err(|error| Failure::ours(error.to_string()))?;
    let account = builder(issuer)?
        .from_credentials(kept.credentials)
        .await
        .map_err(|error| Failure::of("reaching the CA", &error))?;
    if contact_is_same {
        return Ok(account);
    }
    let contact: Vec<&str> = issuer.settings.contact.iter().map(String::as_str).collect();
    match account.update_contacts(&contact).await {
        Ok(()) => {
            let credentials = serde_json::from_value(content)
                .map_err(|error| Failure::ours(error.to_string()))?;
            keep(issuer, credentials, state, file)?;
        }
        // Who gets mail is not worth a certificate.
        Err(error) => {
            tracing::warn!(issuer = %issuer.settings.name, "the contact could not be changed: {error}");
        }
    }
    Ok(account)
}

async fn register(issuer: &Issuer, state: &State, file: &str) -> Result<Account, Failure> {
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
    let (account, credentials) = builder(issuer)?
        .create(&new, settings.directory.clone(), external.as_ref())
        .await
        .map_err(|error| Failure::of("registering an account", &error))?;
    keep(issuer, credentials, state, file)?;
    tracing::info!(issuer = %settings.name, "registered the account {} at the CA, agreeing to its terms of service", account.id());
    Ok(account)
}

/// The new key is kept as soon as the CA has it. Should the process be killed between the two, the CA will
/// not know our old key, and we register anew.
pub(super) async fn roll_over(
    issuer: &Issuer,
    mut account: Account,
    state: &State,
) -> Result<Account, Failure> {
    let name = name(issuer);
    let _lock = lock(state, &format!("account-{name}")).await?;
    let credentials = account
        .update_key()
        .await
        .map_err(|error| Failure::of("changing the account's key", &error))?;
    keep(issuer, credentials, state, &format!("accounts/{name}.json"))?;
    tracing::info!(issuer = %issuer.settings.name, "the account {} has a new key", account.id());
    Ok(account)
}

/// Puts the account aside that the CA does not know any more, so that the next order registers another.
pub(super) async fn put_aside(issuer: &Issuer, state: &State) -> Result<(), Failure> {
    let name = name(issuer);
    let _lock = lock(state, &format!("account-{name}")).await?;
    let file = format!("accounts/{name}.json");
    let kept = state.read(&file).and_then(|kept| match kept {
        Some(kept) => {
            // Keys are never thrown away: whoever knows better can put it back.
            state.write(&format!("accounts/{name}.unknown-to-the-ca.json"), &kept)?;
            state.remove(&file)
        }
        None => Ok(()),
    });
    kept.map_err(|error| Failure::disk("the account cannot be put aside", &error))?;
    issuer.forget_account().await;
    Ok(())
}

fn keep(
    issuer: &Issuer,
    credentials: AccountCredentials,
    state: &State,
    file: &str,
) -> Result<(), Failure> {
    let kept = Kept {
        contact: issuer.settings.contact.clone(),
        credentials,
    };
    let content =
        serde_json::to_vec_pretty(&kept).map_err(|error| Failure::ours(error.to_string()))?;
    state
        .write(file, &content)
        .map_err(|error| Failure::disk("the account's key cannot be kept", &error))
}

fn builder(issuer: &Issuer) -> Result<AccountBuilder, Failure> {
    Ok(Account::builder_with_http(Box::new(issuer.client()?)))
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
        match state.lock(name) {
            Ok(Some(lock)) => return Ok(lock),
            Ok(None) if begun.elapsed() < PATIENCE => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST);
            }
            Ok(None) => {
                return Err(Failure {
                    fault: Fault::Ours,
                    ..Failure::ours(format!("another process holds the lock {name}"))
                });
            }
            Err(error) => return Err(Failure::disk("the state directory cannot be used", &error)),
        }
    }
}
