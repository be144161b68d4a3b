//! What policies cost a request: who is let in, and what is blocked.

#![expect(
    clippy::expect_used,
    reason = "a scene that cannot be set ends the bench"
)]

use std::{hint::black_box, net::IpAddr, sync::Arc};

use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Method, header::USER_AGENT};
use ipnet::IpNet;
use simplon::{
    config::model::{self, BlockRule, Country, CountryList, Mode, Preset, Refused, Unknown},
    policy::{Access, Block, Countries, CountryDatabase, NetworkMap, Request, Verdict},
};

#[path = "../tests/e2e/harness/mmdb.rs"]
#[expect(clippy::unwrap_used, reason = "as in tests")]
mod mmdb;

/// Addresses all over IPv4, always the same.
fn addresses(count: u32) -> impl Iterator<Item = IpAddr> {
    (0..count).map(|at| IpAddr::from(at.wrapping_mul(2_654_435_761).to_be_bytes()))
}

fn access(networks: Vec<IpNet>) -> Access {
    let spec = model::Access {
        allow: Vec::new(),
        deny: networks,
        allow_files: Vec::new(),
        deny_files: Vec::new(),
        mode: Mode::Enforce,
    };
    let no_files = |_: &std::path::Path, _| Err(std::io::ErrorKind::NotFound.into());
    Access::build(&spec, &no_files, &mut Vec::new()).expect("no file is named")
}

/// Clients that come in turn, so that no cache knows the way.
fn networks(criterion: &mut Criterion) {
    let clients: Vec<_> = addresses(1 << 16).collect();
    let mut group = criterion.benchmark_group("access");
    for count in [3_u32, 1_000_000] {
        let access = access(addresses(count).map(IpNet::from).collect());
        let mut clients = clients.iter().cycle();
        group.bench_function(count.to_string(), |bencher| {
            bencher.iter(|| access.judge(*clients.next().expect("clients")));
        });
    }
    group.sample_size(10);
    let listed: Vec<_> = addresses(1_000_000).map(IpNet::from).collect();
    group.bench_function("layout of 1000000", |bencher| {
        bencher.iter(|| NetworkMap::new(listed.iter().map(|network| (*network, false)), true));
    });
    group.finish();
}

fn countries(criterion: &mut Criterion) {
    let texts: Vec<String> = addresses(50_000)
        .map(|at| IpNet::from(at).to_string())
        .collect();
    let codes = ["CH", "FR", "BE", "LU", "MC"];
    let networks = texts
        .iter()
        .map(String::as_str)
        .zip(codes.into_iter().cycle());
    let file = mmdb::write(&networks.collect::<Vec<_>>(), mmdb::V4, 28);
    let database = Arc::new(CountryDatabase::parse(&file).expect("a database"));
    let spec = model::Countries {
        list: CountryList::Allow(
            codes
                .iter()
                .filter_map(|code| Country::parse(code))
                .collect(),
        ),
        unknown: Unknown::Private,
        mode: Mode::Enforce,
    };
    let policy = Countries::new(&spec, database);
    let clients: Vec<_> = addresses(1 << 16).collect();
    let mut clients = clients.iter().cycle();
    criterion.bench_function("countries/50000 networks", |bencher| {
        bencher.iter(|| policy.judge(*clients.next().expect("clients")));
    });
}

fn presets(criterion: &mut Criterion) {
    let presets = Preset::ALL.map(|preset| BlockRule {
        refuses: Refused::Preset(preset),
        mode: Mode::Enforce,
    });
    let block = Block::new(&Arc::new(model::Block {
        rules: presets.into(),
    }));
    let mut fields = HeaderMap::new();
    let browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    fields.insert(USER_AGENT, HeaderValue::from_static(browser));
    let mut group = criterion.benchmark_group("block");
    for (name, query) in [
        ("presets, a plain request", "?page=2&sort=name"),
        (
            "presets, an escaped query",
            "?q=caf%C3%A9%20in%20Z%C3%BCrich&page=2",
        ),
    ] {
        let request = Request {
            client: IpAddr::from([203, 0, 113, 77]),
            method: &Method::GET,
            announced: None,
            is_tls: true,
            host: "www.example.ch",
            port: None,
            path: "/products/walking-boots/alpine-42",
            query,
            fields: (&fields).into(),
        };
        assert!(block.matching(&request).next().is_none());
        group.bench_function(name, |bencher| {
            bencher.iter(|| block.matching(black_box(&request)).next().is_none());
        });
    }
    group.finish();
    assert!(matches!(
        access(Vec::new()).judge(IpAddr::from([1; 4])),
        Verdict::Continue
    ));
}

criterion_group!(benches, networks, countries, presets);
criterion_main!(benches);
