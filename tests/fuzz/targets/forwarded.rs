//! Who the client is, and what servers are told of it: nobody is believed who is not trusted, and the next proxy that
//! trusts us comes to the same answer.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;
use libfuzzer_sys::fuzz_target;
use simplon::{
    admit::{Host, Networks, client_of, is_claim, is_passed_on},
    forward::{Origin, request},
};

const FOR: &str = "x-forwarded-for";
const TRUSTED: [&str; 3] = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32"];
const PEERS: [&str; 4] = ["10.0.0.1", "203.0.113.9", "2001:db8::1", "2001:db9::1"];
/// We, as the next proxy sees us.
const OURSELVES: &str = "192.0.2.77";
/// Elements of a chain that are looked at.
const LONGEST_CHAIN: usize = 64;

// The first byte picks the peer, the others are header lines; one without a name is of X-Forwarded-For.
fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_first() else {
        return;
    };
    let peer: IpAddr = PEERS[usize::from(choice % 4)].parse().expect("an address");
    let Some(sent) = text.split(|byte| *byte == b'\n').map(read_line).collect() else {
        return;
    };
    let client = assert_client(peer, &sent);
    let allows_underscores = choice & 4 != 0;
    assert_forwarded(peer, client, &sent, allows_underscores);
});

/// A line as HTTP can carry it.
fn read_line(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.windows(2).position(|pair| pair == b": ");
    let (name, value) = match colon {
        Some(at) => (&line[..at], &line[at + 2..]),
        None => (FOR.as_bytes(), line),
    };
    let name = HeaderName::from_bytes(name).ok()?;
    Some((name, HeaderValue::from_bytes(value.trim_ascii()).ok()?))
}

fn networks(list: &[&str]) -> Networks {
    list.iter()
        .map(|network| network.parse::<IpNet>().expect("a network"))
        .collect()
}

fn client(peer: IpAddr, fields: &HeaderMap, trusted: &[&str]) -> IpAddr {
    let values = fields.get_all(FOR).iter().map(HeaderValue::as_bytes);
    client_of(peer, values, &networks(trusted))
}

/// The walk from the right, over all elements at once.
fn assert_client(peer: IpAddr, sent: &HeaderMap) -> IpAddr {
    let is_trusted = |address: IpAddr| {
        let mut networks = TRUSTED
            .iter()
            .map(|network| network.parse::<IpNet>().expect("a network"));
        networks.any(|network| network.contains(&address))
    };
    let lines: Vec<&[u8]> = sent
        .get_all(FOR)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    let list = lines.join(&b","[..]);
    let mut expected = peer;
    if !lines.is_empty() {
        for element in list.rsplit(|byte| *byte == b',').take(LONGEST_CHAIN) {
            match address(element) {
                Some(address) if is_trusted(expected) => expected = address,
                _ => break,
            }
        }
    }
    let client = client(peer, sent, &TRUSTED);
    assert_eq!(client, expected);
    client
}

/// An address with or without a port; one of IPv6 has brackets if it has a port.
fn address(element: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(element.trim_ascii()).ok()?;
    let is_port =
        |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if let Some(literal) = text.strip_prefix('[') {
        let (address, port) = literal.split_once(']')?;
        let is_sound = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        let address = address.parse::<Ipv6Addr>().ok().filter(|_| is_sound)?;
        return Some(IpAddr::from(address).to_canonical());
    }
    let address = match text.split_once(':') {
        Some((address, port)) if is_port(port) => {
            address.parse::<Ipv4Addr>().ok().map(IpAddr::from)
        }
        _ => None,
    };
    let address = address.or_else(|| text.parse().ok())?;
    Some(address.to_canonical())
}

fn assert_forwarded(peer: IpAddr, client_here: IpAddr, sent: &HeaderMap, allows_underscores: bool) {
    let trusted = networks(&TRUSTED).contains(peer);
    let host = sent
        .get(header::HOST)
        .map(|host| host.as_bytes().to_vec())
        .unwrap_or_default();
    let host = Host::parse(&host).unwrap_or_default();
    let peer_text = HeaderValue::try_from(peer.to_string()).unwrap();
    let origin = Origin {
        peer,
        peer_text: &peer_text,
        trusted,
        allows_underscores,
        scheme: "https",
        host: &host,
        server: "10.0.0.1:80",
        request_id: "id-1",
        trace: None,
        via: "1.1 simplon",
    };
    let mut seen = sent.clone();
    request(&mut seen, &origin);

    // The next proxy trusts us, and whom we trust. It sees one element more, which a full chain has no room for.
    let elements = |fields: &HeaderMap| {
        let lines = fields.get_all(FOR).iter();
        let count = |line: &HeaderValue| line.as_bytes().split(|byte| *byte == b',').count();
        lines.map(count).sum::<usize>()
    };
    if elements(sent) < LONGEST_CHAIN {
        let ourselves = OURSELVES.parse().expect("an address");
        let beyond = [TRUSTED[0], TRUSTED[1], TRUSTED[2], "192.0.2.77/32"];
        assert_eq!(client(ourselves, &seen, &beyond), client_here);
    }

    let elements = forwarded_elements(&seen);
    let ours = elements.last().expect("an element of ours");
    let named = ours
        .split(';')
        .next()
        .and_then(|pair| pair.strip_prefix("for="));
    let named = named
        .expect("whom we forward for")
        .trim_matches('"')
        .trim_matches(['[', ']']);
    assert_eq!(named.parse(), Ok(peer), "{elements:?}");
    assert!(ours.ends_with("proto=https"), "{elements:?}");
    if !host.name().is_empty() {
        assert!(ours.contains(&format!(";host=\"{host}\";")), "{elements:?}");
        assert_eq!(seen[header::HOST], host.to_string());
    }
    assert!(trusted || elements.len() == 1);
    assert_no_lies(&seen, &origin);
}

/// The elements of all `Forwarded` lines, apart at the commas that no quotes are round.
fn forwarded_elements(fields: &HeaderMap) -> Vec<String> {
    let lines: Vec<&[u8]> = fields
        .get_all(header::FORWARDED)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    let mut elements = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for sign in String::from_utf8_lossy(&lines.join(&b", "[..])).chars() {
        match sign {
            ',' if !quoted => {
                elements.push(String::new());
                continue;
            }
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = quoted && !escaped && sign == '\\';
        elements.last_mut().expect("one at least").push(sign);
    }
    assert!(!quoted, "quotes are open: {lines:?}");
    elements
        .iter()
        .map(|element| element.trim().to_owned())
        .collect()
}

/// What is left of a stranger's claims is what we say ourselves.
fn assert_no_lies(seen: &HeaderMap, origin: &Origin<'_>) {
    for (name, value) in seen {
        let name = name.as_str();
        assert!(
            name != "proxy" && (origin.allows_underscores || !name.contains('_')),
            "{name}"
        );
        if !is_claim(name) || (origin.trusted && is_passed_on(name)) {
            continue;
        }
        let ours = match name {
            FOR => origin.peer.to_string(),
            "x-forwarded-proto" => "https".to_owned(),
            "x-forwarded-host" => origin.host.to_string(),
            "x-request-id" => "id-1".to_owned(),
            "forwarded" => continue, // looked at already
            _ => panic!("{name} is not ours"),
        };
        assert_eq!(value.as_bytes(), ours.as_bytes(), "{name}");
    }
}
