//! The metrics under the names of `HAProxy`'s exporter, beside those of the `HAProxy` that is installed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ours, Theirs};

const ON: &str = "metrics: { haproxy: true }";

/// What the dashboards for `HAProxy` read that people use most, by what is before and after the kind.
const PROCESS: &str = "start_time_seconds uptime_seconds current_connections hard_max_connections max_connection_rate \
    limit_connection_rate max_session_rate limit_session_rate current_ssl_connections max_ssl_connections \
    ssl_connections_total current_frontend_ssl_key_rate frontend_ssl_reuse ssl_cache_lookups_total ssl_cache_misses_total \
    failed_resolutions listeners jobs nbthread nbproc dropped_logs_total idle_time_percent stopping";
const FRONTEND: &str = "http_requests_total http_responses_total bytes_in_total bytes_out_total sessions_total \
    current_sessions max_sessions limit_sessions connections_total requests_denied_total request_errors_total \
    denied_connections_total http_comp_bytes_in_total http_comp_bytes_out_total http_comp_responses_total \
    http_cache_lookups_total http_cache_hits_total internal_errors_total status";
const BOTH: &str = "http_responses_total bytes_in_total bytes_out_total sessions_total current_sessions current_queue \
    connection_attempts_total connection_errors_total connection_reuses_total response_errors_total retry_warnings_total \
    redispatch_warnings_total client_aborts_total server_aborts_total queue_time_average_seconds \
    connect_time_average_seconds response_time_average_seconds total_time_average_seconds check_up_down_total \
    downtime_seconds_total weight uweight loadbalanced_total last_session_seconds status";
const BACKEND: &str = "active_servers backup_servers http_requests_total agg_server_status";
const SERVER: &str = "check_failures_total check_duration_seconds check_status idle_connections_current \
    used_connections_current need_connections_current safe_idle_connections_current unsafe_idle_connections_current";

/// A family as a dashboard meets it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Family {
    kind: String,
    /// The names of labels that its samples have.
    labels: BTreeSet<Vec<String>>,
    states: BTreeSet<String>,
}

fn families(text: &str) -> BTreeMap<String, Family> {
    let mut families = BTreeMap::<String, Family>::new();
    for line in text.lines() {
        if let Some(told) = line.strip_prefix("# TYPE haproxy_") {
            let (name, kind) = told.split_once(' ').unwrap();
            let family = families.entry(name.to_owned()).or_default();
            assert_eq!(family.kind, "", "{name} stands twice");
            kind.clone_into(&mut family.kind);
        } else if let Some(sample) = line.strip_prefix("haproxy_") {
            let (name, rest) = sample.split_once(['{', ' ']).unwrap();
            let pairs = rest.split_once("} ").map_or("", |(pairs, _)| pairs);
            let pairs = pairs.split("\",").filter_map(|pair| pair.split_once("=\""));
            let pairs: Vec<_> = pairs.collect();
            let family = families.get_mut(name).unwrap();
            let labels = pairs.iter().map(|(label, _)| (*label).to_owned());
            family.labels.insert(labels.collect());
            let states = pairs
                .iter()
                .filter(|(label, _)| ["state", "code"].contains(label));
            let states = states.map(|(_, value)| value.trim_end_matches('"').to_owned());
            family.states.extend(states);
        }
    }
    families
}

#[tokio::test]
async fn families_that_both_have_are_of_one_form() {
    let (ours, theirs) = (Ours::start(ON).await, Theirs::start().await);
    let (ours, theirs) = (ours.get("/metrics").await, theirs.get("/metrics").await);
    let (ours, theirs) = (families(ours.text()), families(theirs.text()));
    let mut compared = 0;
    for (name, our) in &ours {
        let Some(their) = theirs.get(name) else {
            panic!("haproxy_{name} is a name of our own");
        };
        compared += 1;
        assert_eq!(our, their, "haproxy_{name}");
    }
    assert!(compared > 150, "{compared}");
}

#[tokio::test]
async fn what_dashboards_need_is_there() {
    let ours = Ours::start(ON).await;
    let answer = ours.get("/metrics").await;
    let families = families(answer.text());
    let wanted = [
        ("process", PROCESS),
        ("frontend", FRONTEND),
        ("backend", BOTH),
        ("backend", BACKEND),
        ("server", BOTH),
        ("server", SERVER),
    ];
    for (kind, names) in wanted {
        for name in names.split_whitespace() {
            let name = format!("{kind}_{name}");
            assert!(families.contains_key(&name), "haproxy_{name}");
        }
    }
}

#[tokio::test]
async fn they_are_shown_when_asked_for_alone() {
    let off = Ours::start("").await;
    assert!(!off.get("/metrics").await.text().contains("haproxy_"));
    off.proxy.rewrite(&format!(
        "upstreams: {{ app: {{ servers: [$1] }} }}\nroutes: [{{ upstream: app }}]\n{ON}\n"
    ));
    off.proxy.reload().await;
    let scrape = off.get("/metrics?scope=server&no-maint").await;
    assert!(scrape.text().contains("\nhaproxy_server_status{"));
    assert!(scrape.text().contains("\nsimplon_server_up{"));
    assert!(!scrape.text().contains("haproxy_frontend_"));
}
