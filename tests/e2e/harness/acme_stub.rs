//! What a front adds where the Pebble behind it knows neither renewal information nor profiles.

use std::{
    collections::HashMap,
    io::{self, Write},
    sync::Once,
    time::{Duration, SystemTime},
};

use instant_acme::CertificateIdentifier;
use parking_lot::Mutex;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::{Message, Terms};

/// A small CA of its own for these two; all else remains Pebble's. Certificates of every profile are
/// valid for as long as those of the first one, for more such a Pebble cannot do.
pub(super) struct AcmeStub {
    /// Names of profiles with their descriptions.
    profiles: Map<String, Value>,
    /// Renewal information by the identifier of a certificate (RFC 9773 section 4.1).
    windows: Mutex<HashMap<String, Value>>,
    /// What Pebble does not say of an order, by the last part of its path.
    orders: Mutex<HashMap<String, Map<String, Value>>>,
}

const RENEWAL_INFO: &str = "/renewal-info";

impl AcmeStub {
    /// With the profiles of these terms. The first one says that it is there, once for all tests.
    pub(super) fn of(terms: &Terms) -> Self {
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            // Not by a macro, whose words are lost where the test passes.
            let _ = writeln!(
                io::stderr(),
                "This Pebble is too old: the tests of renewal information and of profiles run against a stub."
            );
        });
        let profiles = terms.profiles.iter();
        Self {
            profiles: profiles
                .map(|&(name, _)| (name.to_owned(), name.into()))
                .collect(),
            windows: Mutex::default(),
            orders: Mutex::default(),
        }
    }

    /// What is answered in place of Pebble, if anything.
    pub(super) fn answer(&self, head: &Message, said: &Value) -> Option<Message> {
        if let Some(id) = head.target().strip_prefix(RENEWAL_INFO) {
            return Some(self.renewal_info(id.trim_start_matches('/')));
        }
        let profile = said["profile"].as_str()?;
        let is_unknown = head.target() == "/order-plz" && !self.profiles.contains_key(profile);
        is_unknown.then(|| {
            let detail = format!("the profile {profile:?} is unknown");
            problem("400 Bad Request", "invalidProfile", &detail)
        })
    }

    /// Puts into an answer of Pebble what it does not know of, and keeps what later ones need.
    pub(super) fn amend(&self, head: &Message, said: &Value, answer: &mut Message) {
        let path = head.target();
        let (folder, id) = path.rsplit_once('/').unwrap();
        match folder {
            _ if answer.status() >= 300 => {}
            "" if path == "/dir" => answer.body = self.directory(head, answer).into(),
            "" if path == "/order-plz" => self.add_order(said, answer),
            "/my-order" | "/finalize-order" => self.amend_order(id, answer),
            "/certZ" => self.suggest_window(answer.text()),
            _ => {}
        }
    }

    /// What is answered from now on when asked for the renewal information of this certificate.
    pub(super) fn set_window(&self, certificate: &str, window: Value) {
        self.windows.lock().insert(identifier(certificate), window);
    }

    fn directory(&self, head: &Message, answer: &Message) -> String {
        let mut directory = answer.json();
        let host = head.field("host").unwrap();
        directory["renewalInfo"] = format!("https://{host}{RENEWAL_INFO}").into();
        directory["meta"]["profiles"] = self.profiles.clone().into();
        directory.to_string()
    }

    fn add_order(&self, said: &Value, answer: &mut Message) {
        let location = answer.field("location").unwrap().to_owned();
        let (_, id) = location.rsplit_once('/').unwrap();
        let known = ["replaces", "profile"].map(|name| (name.to_owned(), said[name].clone()));
        let known = known.into_iter().filter(|(_, value)| !value.is_null());
        self.orders.lock().insert(id.to_owned(), known.collect());
        self.amend_order(id, answer);
    }

    fn amend_order(&self, id: &str, answer: &mut Message) {
        let mut order = answer.json();
        if let (Some(order), Some(known)) = (order.as_object_mut(), self.orders.lock().get(id)) {
            order.extend(known.clone());
        }
        answer.body = order.to_string().into();
    }

    /// From two thirds of the life on, until three quarters, unless a test wishes otherwise.
    fn suggest_window(&self, certificate: &str) {
        let leaf = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        let (_, leaf) = X509Certificate::from_der(&leaf).unwrap();
        let [begin, end] = [leaf.validity().not_before, leaf.validity().not_after]
            .map(|at| SystemTime::from(at.to_datetime()));
        let life: Duration = end.duration_since(begin).unwrap();
        let suggested = window(begin + life * 2 / 3, begin + life * 3 / 4);
        let mut windows = self.windows.lock();
        windows.entry(identifier(certificate)).or_insert(suggested);
    }

    fn renewal_info(&self, id: &str) -> Message {
        let mut answer = match self.windows.lock().get(id) {
            Some(window) => message("200 OK", "application/json", window),
            None => problem("404 Not Found", "malformed", "the certificate is unknown"),
        };
        let wait = ("retry-after".to_owned(), "21600".to_owned());
        answer.fields.push(wait);
        answer
    }
}

/// Renewal information (RFC 9773 section 4.2).
pub(super) fn window(start: SystemTime, end: SystemTime) -> Value {
    let [start, end] = [start, end].map(|at| OffsetDateTime::from(at).format(&Rfc3339).unwrap());
    json!({ "suggestedWindow": { "start": start, "end": end } })
}

/// Of the first certificate of a chain.
fn identifier(chain: &str) -> String {
    let leaf = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
    CertificateIdentifier::try_from(&leaf).unwrap().to_string()
}

/// A refusal (RFC 8555 section 6.7).
fn problem(status: &str, kind: &str, detail: &str) -> Message {
    let number: u16 = status[..3].parse().unwrap();
    let kind = format!("urn:ietf:params:acme:error:{kind}");
    let document = json!({ "type": kind, "detail": detail, "status": number });
    message(status, "application/problem+json", &document)
}

fn message(status: &str, kind: &str, body: &Value) -> Message {
    Message {
        start: format!("HTTP/1.1 {status}"),
        fields: vec![("content-type".to_owned(), kind.to_owned())],
        body: body.to_string().into(),
    }
}
