//! Whether those whom the CA will ask know of a record already.
//!
//! A CA that looks too early counts a failure, and resolvers remember for long that there was nothing. So
//! the zone's own name servers are asked, each of them, until all that answer have the record.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
    proto::rr::{RData, RecordType},
};

use tokio::task::{JoinError, JoinSet};

use super::{Failure, failure::chain};
use crate::config::model::Propagation;

/// Between looks; it grows by half each time up to ten times as much.
const PAUSE: Duration = Duration::from_millis(500);
/// Of one question to one server.
const PATIENCE: Duration = Duration::from_secs(3);
/// Aliases that are followed from the record's name, as where a zone for challenges is kept apart.
const ALIASES: usize = 8;
/// Records that are looked at at a time.
const LOOKS: usize = 8;
/// Where name servers answer.
const PORT: u16 = 53;
/// A zone has a handful; more are not asked.
const SERVERS: usize = 16;

/// A TXT record that is to be seen.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) name: String,
    pub(super) value: String,
}

/// Returns once all the records of an order can be seen. They share one timeout and one delay.
pub(super) async fn wait(how: &Propagation, expected: Vec<Expected>) -> Result<(), Failure> {
    if expected.is_empty() {
        return Ok(());
    }
    if !how.timeout.is_zero() {
        // For the case that the first look takes longer than all may.
        let mut missing = expected.first().map_or_else(String::new, |first| {
            format!(
                "the record {} cannot be seen after {} s: no answer",
                first.name,
                how.timeout.as_secs()
            )
        });
        let seen = until_seen(how, expected, &mut missing);
        if tokio::time::timeout(how.timeout, seen).await.is_err() {
            return Err(Failure::ours(missing));
        }
    }
    tokio::time::sleep(how.delay).await;
    Ok(())
}

/// Looks again and again, at what was not seen yet; `words` says what is missing where.
async fn until_seen(how: &Propagation, mut expected: Vec<Expected>, words: &mut String) {
    let mut pause = PAUSE;
    loop {
        let missing = look_at_all(how, &expected).await;
        let unseen = expected.into_iter().zip(missing);
        let unseen: Vec<_> = unseen
            .filter_map(|(record, missing)| Some((record, missing?)))
            .collect();
        let Some((first, missing)) = unseen.first() else {
            return;
        };
        *words = format!(
            "the record {} cannot be seen after {} s: {missing}",
            first.name,
            how.timeout.as_secs()
        );
        expected = unseen.into_iter().map(|(record, _)| record).collect();
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(PAUSE * 10);
    }
}

/// What is missing of each record; `None` if it can be seen.
async fn look_at_all(how: &Propagation, expected: &[Expected]) -> Vec<Option<String>> {
    let mut missing = vec![Some("no answer".to_owned()); expected.len()];
    let mut looks = JoinSet::new();
    for (place, record) in expected.iter().cloned().enumerate() {
        if looks.len() == LOOKS {
            note(&mut missing, looks.join_next().await);
        }
        let servers = how.servers.clone();
        looks.spawn(async move { (place, look(&servers, &record.name, &record.value).await) });
    }
    while !looks.is_empty() {
        note(&mut missing, looks.join_next().await);
    }
    missing
}

/// A look that did not come to an end has not seen its record.
fn note(missing: &mut [Option<String>], looked: Option<Result<Looked, JoinError>>) {
    if let Some(Ok((place, seen))) = looked
        && let Some(missing) = missing.get_mut(place)
    {
        *missing = seen.err();
    }
}

/// At which place of a list, and what is missing there.
type Looked = (usize, Result<(), String>);

/// `Err` says what is missing where.
async fn look(servers: &[SocketAddr], name: &str, value: &str) -> Result<(), String> {
    let (name, servers) = if servers.is_empty() {
        let (name, servers) = authorities(&of_system()?, name).await?;
        let servers = servers.into_iter().map(|ip| SocketAddr::new(ip, PORT));
        (name, servers.collect())
    } else {
        (name.to_owned(), servers.to_vec())
    };
    let mut has_seen = false;
    let mut unanswered = String::new();
    for server in servers.iter().take(SERVERS) {
        match values(*server, &name).await {
            Ok(values) if values.iter().any(|seen| seen == value) => has_seen = true,
            Ok(_) => return Err(format!("{server} does not have it")),
            Err(error) => unanswered = format!("{server}: {error}"),
        }
    }
    // A server that cannot be reached from here, over IPv6 perhaps, says nothing.
    if has_seen { Ok(()) } else { Err(unanswered) }
}

/// The texts that one server has for this name; none if it has no such record.
async fn values(server: SocketAddr, name: &str) -> Result<Vec<String>, String> {
    let resolver = asking(server)?;
    match resolver.lookup(absolute(name), RecordType::TXT).await {
        Ok(found) => Ok(found
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::TXT(text) => {
                    Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned())
                }
                _ => None,
            })
            .collect()),
        Err(error) if error.is_no_records_found() => Ok(Vec::new()),
        Err(error) => Err(chain(&error)),
    }
}

/// The name servers of the zone that holds the record, and the name there once aliases are followed.
async fn authorities(
    resolver: &TokioResolver,
    name: &str,
) -> Result<(String, Vec<IpAddr>), String> {
    let mut name = name.trim_end_matches('.').to_owned();
    for _ in 0..ALIASES {
        match alias(resolver, &name).await {
            Some(target) => name = target,
            None => break,
        }
    }
    let mut zone = name.as_str();
    loop {
        let servers = name_servers(resolver, zone).await;
        if !servers.is_empty() {
            return Ok((name, servers));
        }
        match zone.split_once('.') {
            Some((_, parent)) => zone = parent,
            None => return Err(format!("no name server of a zone of {name} was found")),
        }
    }
}

/// The resolver that the machine is set up with, without a memory of what was not there yet.
fn of_system() -> Result<TokioResolver, String> {
    let system = TokioResolver::builder_tokio().and_then(|mut builder| {
        builder.options_mut().cache_size = 0;
        builder.build()
    });
    system.map_err(|error| format!("the system's resolver: {}", chain(&error)))
}

async fn alias(resolver: &TokioResolver, name: &str) -> Option<String> {
    let found = resolver
        .lookup(absolute(name), RecordType::CNAME)
        .await
        .ok()?;
    found
        .answers()
        .iter()
        .find_map(|record| match &record.data {
            RData::CNAME(target) => Some(target.0.to_utf8().trim_end_matches('.').to_owned()),
            _ => None,
        })
}

async fn name_servers(resolver: &TokioResolver, zone: &str) -> Vec<IpAddr> {
    let Ok(found) = resolver.lookup(absolute(zone), RecordType::NS).await else {
        return Vec::new();
    };
    let mut servers = Vec::new();
    for record in found.answers().iter().take(SERVERS) {
        let RData::NS(server) = &record.data else {
            continue;
        };
        if let Ok(addresses) = resolver.lookup_ip(server.0.clone()).await {
            servers.extend(addresses.iter());
        }
    }
    servers
}

/// A resolver that asks this server alone, and remembers nothing.
fn asking(server: SocketAddr) -> Result<TokioResolver, String> {
    let at_port = |mut connection: ConnectionConfig| {
        connection.port = server.port();
        connection
    };
    let connections = vec![
        at_port(ConnectionConfig::udp()),
        at_port(ConnectionConfig::tcp()),
    ];
    let servers = vec![NameServerConfig::new(server.ip(), true, connections)];
    let config = ResolverConfig::from_name_servers(servers);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let options = builder.options_mut();
    options.cache_size = 0;
    options.attempts = 1;
    options.timeout = PATIENCE;
    options.use_hosts_file = ResolveHosts::Never;
    builder.build().map_err(|error| chain(&error))
}

/// With a dot at its end, so that no search list is tried.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::net::UdpSocket;

    use super::*;

    fn expected(count: usize) -> Vec<Expected> {
        let record = |number| Expected {
            name: format!("_acme-challenge.{number}.test"),
            value: "value".to_owned(),
        };
        (0..count).map(record).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn records_that_are_not_looked_for_are_waited_for_once() {
        let how = Propagation {
            servers: Vec::new(),
            timeout: Duration::ZERO,
            delay: Duration::from_secs(30),
        };
        let begun = tokio::time::Instant::now();
        wait(&how, expected(100)).await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 30);
        wait(&how, Vec::new()).await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 30);
    }

    #[tokio::test]
    async fn all_records_share_one_timeout() {
        // It takes questions and never answers.
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let how = Propagation {
            servers: vec![silent.local_addr().unwrap()],
            timeout: Duration::from_millis(300),
            delay: Duration::ZERO,
        };
        let begun = Instant::now();
        let words = wait(&how, expected(20)).await.unwrap_err().words;
        let expected = "the record _acme-challenge.0.test cannot be seen after 0 s";
        assert!(words.starts_with(expected), "{words}");
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    }

    /// A name as it travels (RFC 1035 section 3.1).
    fn labels(name: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for label in name.split('.') {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend_from_slice(label.as_bytes());
        }
        bytes.push(0);
        bytes
    }

    /// What a server of names knows: name, type, and the data of one record.
    type Zone = Vec<(&'static str, u8, Vec<u8>)>;

    /// Answers each question from `zone`, with nothing if it has nothing, until the test ends.
    async fn name_server(zone: Zone) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((_, client)) = socket.recv_from(&mut buffer).await {
                let end = 12 + buffer[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
                let question = &buffer[12..end];
                let known = zone.iter().find(|(name, kind, _)| {
                    let name = labels(name);
                    question.len() == name.len() + 4
                        && question[..name.len()].eq_ignore_ascii_case(&name)
                        && question[name.len() + 1] == *kind
                });
                let mut answer = buffer[..2].to_vec();
                // It is an answer, to one question, with one record or none.
                answer.extend_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(known.is_some())]);
                answer.extend_from_slice(&[0; 4]);
                answer.extend_from_slice(question);
                if let Some((_, kind, data)) = known {
                    answer.extend_from_slice(&[0xc0, 12, 0, *kind, 0, 1, 0, 0, 0, 1, 0]);
                    answer.push(u8::try_from(data.len()).unwrap());
                    answer.extend_from_slice(data);
                }
                let _ = socket.send_to(&answer, client).await;
            }
        });
        address
    }

    #[tokio::test]
    async fn the_name_servers_of_the_zone_are_found_through_aliases_and_parents() {
        const A: u8 = 1;
        const NS: u8 = 2;
        const CNAME: u8 = 5;
        const TXT: u8 = 16;
        let server = name_server(vec![
            (
                "_acme-challenge.www.example.test",
                CNAME,
                labels("www.acme.test"),
            ),
            ("acme.test", NS, labels("ns.host.test")),
            ("ns.host.test", A, vec![192, 0, 2, 7]),
            ("www.acme.test", TXT, b"\x05value".to_vec()),
        ])
        .await;
        let resolver = asking(server).unwrap();
        let found = authorities(&resolver, "_acme-challenge.www.example.test").await;
        let ip = IpAddr::from([192, 0, 2, 7]);
        assert_eq!(found.unwrap(), ("www.acme.test".to_owned(), vec![ip]));
        let nowhere = authorities(&resolver, "_acme-challenge.example.org").await;
        assert!(nowhere.unwrap_err().contains("no name server"));
        let seen = look(&[server], "www.acme.test", "value").await;
        assert_eq!(seen, Ok(()));
        let other = look(&[server], "www.acme.test", "another").await;
        assert!(other.unwrap_err().ends_with("does not have it"));
    }
}
