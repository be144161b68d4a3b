//! A client of ACME that does one step of an order at a time.

use std::{future::Future, pin::Pin};

use bytes::Bytes;
use http::Request;
use instant_acme::{
    Account, BodyWrapper, BytesResponse, ChallengeType, Error, ExternalAccountKey, HttpClient,
    Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, KeyPair};

use crate::harness::{AcmeFront, Client, Pebble, Trust, Wire, shake_hands};

/// A new account, bound to the external one of the tests.
pub(super) async fn account(pebble: &Pebble) -> Account {
    account_at(pebble.directory(), pebble.trust()).await
}

/// The same through a front.
pub(super) async fn account_at_front(front: &AcmeFront) -> Account {
    account_at(front.directory(), front.trust()).await
}

async fn account_at(directory: String, trust: &Trust) -> Account {
    let key = ExternalAccountKey::new(Pebble::KEY_ID.to_owned(), Pebble::HMAC_BYTES);
    let wanted = NewAccount {
        contact: &[],
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let builder = Account::builder_with_http(Box::new(Http(trust.clone())));
    let created = builder.create(&wanted, directory, Some(&key));
    created.await.unwrap().0
}

/// A new order for one name.
pub(super) async fn order(account: &Account, host: &str, profile: &str) -> Result<Order, Error> {
    let names = [Identifier::Dns(host.to_owned())];
    let mut wanted = NewOrder::new(&names);
    if account.profiles().next().is_some() {
        wanted = wanted.profile(profile);
    }
    account.new_order(&wanted).await
}

/// The token of a challenge and what answers it: a key authorization, or a text for DNS.
pub(super) async fn challenge(order: &mut Order, kind: ChallengeType) -> (String, String) {
    let mut authorizations = order.authorizations();
    let mut authorization = authorizations.next().await.unwrap().unwrap();
    let challenge = authorization.challenge(kind.clone()).unwrap();
    let answer = challenge.key_authorization();
    let answer = match kind {
        ChallengeType::Dns01 => answer.dns_value(),
        _ => answer.as_str().to_owned(),
    };
    (challenge.token.clone(), answer)
}

/// Says that a challenge can be validated.
pub(super) async fn set_ready(order: &mut Order, kind: ChallengeType) {
    let mut authorizations = order.authorizations();
    let mut authorization = authorizations.next().await.unwrap().unwrap();
    let mut challenge = authorization.challenge(kind).unwrap();
    challenge.set_ready().await.unwrap();
}

/// Says so, and waits until it is.
pub(super) async fn validate(order: &mut Order, kind: ChallengeType) {
    set_ready(order, kind).await;
    let status = order.poll_ready(&RetryPolicy::default()).await.unwrap();
    assert_eq!(status, OrderStatus::Ready);
}

/// A chain and its key, as PEM.
pub(super) struct Issued {
    pub(super) chain: String,
    pub(super) key: String,
}

/// What a validated order for one name is for.
pub(super) async fn finish(order: &mut Order, host: &str) -> Issued {
    let pair = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([host.to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let request = params.serialize_request(&pair).unwrap();
    order.finalize_csr(request.der()).await.unwrap();
    Issued {
        chain: order
            .poll_certificate(&RetryPolicy::default())
            .await
            .unwrap(),
        key: pair.serialize_pem(),
    }
}

/// HTTP over a connection of its own for each request.
struct Http(Trust);

impl HttpClient for Http {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let trust = self.0.clone();
        Box::pin(async move { ask(request, &trust).await })
    }
}

async fn ask(request: Request<BodyWrapper<Bytes>>, trust: &Trust) -> Result<BytesResponse, Error> {
    let broken = |error: std::io::Error| Error::Other(Box::new(error));
    let (head, body) = request.into_parts();
    let port = head.uri.port_u16().unwrap();
    let stream = shake_hands(port, "localhost", &["http/1.1"], trust)
        .await
        .map_err(broken)?;
    let mut lines = vec![format!("host: localhost:{port}")];
    for (name, value) in &head.headers {
        lines.push(format!("{name}: {}", value.to_str().unwrap()));
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let body = axum::body::Body::new(body);
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let mut client = Client::new(Wire::new(stream));
    let answer = client
        .try_ask(head.method.as_str(), head.uri.path(), &lines, &body)
        .await
        .map_err(broken)?;
    let mut response = http::Response::builder().status(answer.status());
    for (name, value) in &answer.fields {
        response = response.header(name, value);
    }
    let (parts, ()) = response.body(()).unwrap().into_parts();
    Ok(BytesResponse {
        parts,
        body: Box::new(Bytes::from(answer.body)),
    })
}
