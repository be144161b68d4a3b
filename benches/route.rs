//! What it costs to find a route, in small and large tables, for friends and for attackers.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use http::Method;
use simplon::{
    config::model::{HostPattern, PathPattern},
    route::{Found, RouteTable},
};

/// `count` routes over a tenth as many hosts: ten prefixes of two segments each.
fn table(count: usize) -> RouteTable<usize> {
    let patterns: Vec<([HostPattern; 1], PathPattern)> = (0..count)
        .map(|at| {
            let host = format!("host-{}.example.ch", at / 10);
            let path = format!("/api/resource-{}", at % 10);
            ([HostPattern::Exact(host)], PathPattern::Prefix(path))
        })
        .collect();
    let suffix = [HostPattern::Suffix("example.ch".into())];
    let below = PathPattern::Prefix("/static".into());
    let routes = patterns.iter().enumerate();
    routes
        .map(|(at, (hosts, path))| (hosts.as_slice(), path, None, at))
        .chain([(suffix.as_slice(), &below, None, count)])
        .collect()
}

fn lookups(criterion: &mut Criterion) {
    let deep = "/a".repeat(8000);
    let deep_hit = format!("/api/resource-5{deep}");
    for count in [10, 1000, 50_000] {
        let table = table(count);
        let middle = format!("host-{}.example.ch", count / 20);
        let mut group = criterion.benchmark_group(format!("route/{count}"));
        for (name, host, path, found) in [
            ("hit", middle.as_str(), "/api/resource-5/42", true),
            ("suffix", middle.as_str(), "/static/app.js", true),
            ("miss", "unknown.test", "/api/resource-5", false),
            ("deep hit", middle.as_str(), deep_hit.as_str(), true),
            ("deep miss", middle.as_str(), deep.as_str(), false),
        ] {
            let find = || table.find(black_box(host), black_box(path), &Method::GET);
            assert_eq!(matches!(find(), Found::Route(_)), found, "{name}");
            group.bench_function(name, |bencher| bencher.iter(find));
        }
        group.finish();
    }
}

criterion_group!(benches, lookups);
criterion_main!(benches);
