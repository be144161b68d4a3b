//! The dashboard and the alerts before a real Prometheus that scrapes a real edge, to which much happens.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::{
    board::{Board, Query, filled},
    metrics, rules,
    trouble::Site,
};
use crate::harness::{Load, Prometheus, Proxy, simplon};

/// For all panels together, on a machine that may be busy with everything else.
const PATIENCE: Duration = Duration::from_secs(180);

/// What stays zero unless something happens that a test cannot bring about in passing. To be there is enough for these.
const QUIET: [&str; 4] = [
    "simplon_access_log_dropped_total",
    "simplon_memory_short",
    "simplon_metrics_overflow_total",
    "simplon_panics_total",
];

/// Alerts that must have noticed what was done to the edge.
const NOTICED: [&str; 5] = [
    "SimplonCertificateFailing",
    "SimplonCertificateTemporary",
    "SimplonNoServerLeft",
    "SimplonReloadRefused",
    "SimplonServerDown",
];

/// Those for which there was no reason.
const SILENT: [&str; 6] = [
    "SimplonConnectionsNearLimit",
    "SimplonDescriptorsShort",
    "SimplonLimitsStoreDown",
    "SimplonLogLinesLost",
    "SimplonMemoryShort",
    "SimplonPanics",
];

#[tokio::test]
async fn every_panel_has_something_to_show_of_an_edge_in_trouble() {
    let mut site = Site::open().await;
    let prometheus = Prometheus::watching(site.edge.admin_port()).await;
    let load = Load::on(&site.edge, 2);
    load.await_more(50).await;
    site.stir().await;
    site.kill_a_server().await;
    site.edge.reload().await;
    let renewed = format!("cert renew a.test -c {}", site.edge.file().display());
    let renewed = simplon(&renewed).await;
    assert_eq!(renewed.code, Some(0), "{renewed:?}");

    let board = Board::read();
    show(&prometheus, &site, board.queries()).await;
    variables_have_values(&prometheus, &board).await;
    every_name_is_in_use(&site.edge, &board).await;

    site.edge.rewrite("listeners: what?\n");
    site.edge.reload_in_vain().await;
    alerts_notice(&prometheus).await;
    load.failures().await; // not lost, but as they must be while a server dies
    let site = site.restart().await;
    show(&prometheus, &site, board.marks()).await;
}

/// Stirs and asks again until each of them shows something.
async fn show(prometheus: &Prometheus, site: &Site, mut queries: Vec<Query>) {
    let deadline = Instant::now() + PATIENCE;
    while !queries.is_empty() {
        assert!(
            Instant::now() < deadline,
            "nothing to show: {queries:#?}\n{}",
            site.edge.errors().lines().join("\n")
        );
        site.stir().await;
        let mut empty = Vec::new();
        for query in queries {
            if !shows(prometheus, &query).await {
                empty.push(query);
            }
        }
        queries = empty;
    }
}

async fn shows(prometheus: &Prometheus, query: &Query) -> bool {
    let expression = filled(&query.expression, prometheus.watched());
    let series = prometheus.series(&expression).await;
    for label in query.shown() {
        let has_it = series.iter().all(|one| one.labels[label].is_string());
        assert!(has_it, "{}: no {label} in {expression}", query.of);
    }
    let is_quiet = metrics(&expression)
        .iter()
        .all(|name| QUIET.contains(&name.as_str()));
    let mut values = series.iter().flat_map(|one| &one.values);
    values.any(|value| value.is_finite() && (is_quiet || *value != 0.0))
}

async fn variables_have_values(prometheus: &Prometheus, board: &Board) {
    let variables = board.variables();
    assert_eq!(variables.len(), 3);
    for (selector, label) in variables {
        let selector = filled(&selector, prometheus.watched());
        let values = prometheus.label_values(&selector, &label).await;
        assert!(!values.is_empty(), "{label} of {selector}");
    }
}

/// So that no name drifts away from what `/metrics` has.
async fn every_name_is_in_use(edge: &Proxy, board: &Board) {
    let page = edge.admin("/metrics").await.unwrap();
    let samples = page.text().lines().filter(|line| !line.starts_with('#'));
    let known: BTreeSet<_> = samples
        .map(|line| line.split(['{', ' ']).next().unwrap())
        .collect();
    let of_board = [board.queries(), board.marks()].concat();
    let of_board = of_board.into_iter().map(|query| query.expression);
    let of_alerts = rules::alerts().into_iter();
    let of_alerts = of_alerts.map(|alert| alert["expr"].as_str().unwrap().to_owned());
    let used = of_board.chain(of_alerts).flat_map(|it| metrics(&it));
    let unknown: BTreeSet<_> = used.filter(|name| !known.contains(name.as_str())).collect();
    assert_eq!(unknown, BTreeSet::new());
}

/// Every expression of the alerts can be evaluated here, and those alerts fire or are about to that have a reason.
async fn alerts_notice(prometheus: &Prometheus) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rules = prometheus.rules().await;
        let named = |state: &str| -> BTreeSet<_> {
            let of_state = rules.iter().filter(|rule| rule["state"] == state);
            of_state
                .map(|rule| rule["name"].as_str().unwrap())
                .collect()
        };
        let quiet = named("inactive");
        let are_evaluated = rules.iter().all(|rule| rule["health"] == "ok");
        if are_evaluated && NOTICED.iter().all(|name| !quiet.contains(name)) {
            let loud: Vec<_> = SILENT
                .iter()
                .filter(|name| !quiet.contains(*name))
                .collect();
            assert_eq!(loud, Vec::<&&str>::new());
            return;
        }
        assert!(Instant::now() < deadline, "not noticed: {rules:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
