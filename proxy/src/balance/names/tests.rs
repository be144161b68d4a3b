//! Names that resolve, fail and change.

use super::*;
use crate::{
    balance::{Target, Tried, sample},
    config::model::{self, Address},
};

fn spec(host: &str) -> model::Upstream {
    let mut spec = sample::upstream(&[1]);
    spec.servers[0].address = Address::Named {
        host: host.to_owned(),
        port: 8000,
    };
    spec
}

fn build(host: &str) -> Arc<Upstream> {
    Upstream::build(&spec(host), None, None, Instant::now())
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

fn addresses(last: &[u8]) -> Vec<SocketAddr> {
    let address = |last: &u8| SocketAddr::from(([10, 0, 0, *last], 8000));
    last.iter().map(address).collect()
}

fn next(name: &Named, count: usize) -> Vec<SocketAddr> {
    (0..count).filter_map(|_| name.next()).collect()
}

#[tokio::test]
async fn localhost_is_known_before_the_first_request() {
    let upstream = build("localhost");
    let server = &upstream.servers()[0];
    assert_eq!(server.state(Instant::now()).to_string(), "UNRESOLVED");
    upstream.resolve_all(soon()).await;
    assert_eq!(server.state(Instant::now()).to_string(), "UP");
    assert_eq!(&*server.label, "localhost:8000");
    let pick = upstream.pick(None, &Tried::EMPTY, Instant::now()).unwrap();
    let Target::Socket(address) = pick.target() else {
        panic!("{:?}", pick.target());
    };
    assert!(address.ip().is_loopback());
    assert_eq!(address.port(), 8000);
}

#[tokio::test]
async fn a_name_nobody_knows_leaves_its_server_unused() {
    let upstream = build("not..a..name");
    upstream.resolve_all(soon()).await;
    assert!(upstream.pick(None, &Tried::EMPTY, Instant::now()).is_err());
    let server = &upstream.servers()[0];
    assert_eq!(server.state(Instant::now()).to_string(), "UNRESOLVED");
}

#[tokio::test]
async fn the_deadline_ends_the_wait() {
    let upstream = build("localhost");
    let start = Instant::now();
    upstream.resolve_all(start).await;
    assert!(start.elapsed() < TIMEOUT);
}

#[tokio::test]
async fn a_name_is_asked_for_in_the_background() {
    let upstream = build("localhost");
    upstream.start_checks();
    let server = &upstream.servers()[0];
    let resolved = async {
        while !server.is_resolved() {
            time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(time::timeout_at(soon().into(), resolved).await.is_ok());
}

#[test]
fn the_addresses_of_a_name_take_turns() {
    let name = Named::new("api.lan", 8000);
    assert_eq!(name.next(), None);
    name.learn(Ok(addresses(&[2, 1, 3, 1])), "api");
    assert_eq!(next(&name, 6), addresses(&[1, 2, 3, 1, 2, 3]));
}

#[test]
fn a_failed_look_up_keeps_the_last_good_addresses() {
    let name = Named::new("api.lan", 8000);
    name.learn(Ok(addresses(&[1, 2])), "api");
    name.learn(Err("no such host".to_owned()), "api");
    name.learn(Ok(Vec::new()), "api");
    assert!(name.failing.load(Relaxed));
    assert_eq!(next(&name, 2), addresses(&[1, 2]));
    name.learn(Ok(addresses(&[3])), "api");
    assert!(!name.failing.load(Relaxed));
    assert_eq!(next(&name, 2), addresses(&[3, 3]));
}

#[test]
fn a_name_with_very_many_addresses_is_cut() {
    let name = Named::new("api.lan", 8000);
    name.learn(Ok(addresses(&(0..=255).collect::<Vec<_>>())), "api");
    assert_eq!(name.addresses.read().len(), ADDRESSES);
}

#[tokio::test]
async fn a_reload_keeps_what_is_known_of_a_name() {
    let old = build("localhost");
    old.resolve_all(soon()).await;
    let mut spec = spec("localhost");
    spec.servers[0].weight = 3;
    let new = Upstream::build(&spec, None, Some(&old), Instant::now());
    assert!(new.servers()[0].is_resolved());
}
