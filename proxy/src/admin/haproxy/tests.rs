//! The table and the metrics of a view that has a bit of everything.

use serde_json::Value as Json;

use super::{column::Column, *};
use crate::{
    admin::{ListenerView, ProcessView},
    observe::{
        self, CheckView, Exposition, Flow, OutagesView, QueueView, RateView, ServerView,
        UpstreamView,
    },
};

fn server(name: &str, state: &str) -> ServerView {
    ServerView {
        name: name.to_owned(),
        state: state.to_owned(),
        up: !state.starts_with("DOWN"),
        usable: state.starts_with("UP"),
        weight: 3,
        configured_weight: 4,
        in_flight: 2,
        most_in_flight: 5,
        picks: 40,
        failures: [1, 2, 3, 4, 5],
        connected: 11,
        reused: 29,
        idle_connections: 7,
        checks_failed: 6,
        downs: 1,
        downtime_seconds: 30,
        changed_seconds_ago: 12,
        check: Some(CheckView {
            code: "L7OK".to_owned(),
            status: Some(204),
            text: "status 204".to_owned(),
            took_ms: 3,
            rise: 2,
            fall: 3,
            ..CheckView::default()
        }),
        flow: Flow {
            responses: [0, 35, 0, 2, 3, 0],
            last: 990,
            ..Flow::default()
        },
        ..ServerView::default()
    }
}

fn servers() -> Vec<ServerView> {
    vec![
        server("10.0.0.1:80", "UP 2/3"),
        server("a,\"b\"", "DOWN"),
        ServerView {
            backup: true,
            max_connections: Some(9),
            check: None,
            flow: Flow::default(),
            ..server("10.0.0.3:80", "UP")
        },
        server("10.0.0.4:80", "MAINT"),
        ServerView {
            check: None,
            ..server("10.0.0.5:80", "EJECTED")
        },
    ]
}

fn upstreams() -> Vec<UpstreamView> {
    let api = UpstreamView {
        name: "api".to_owned(),
        balance: "round_robin".to_owned(),
        in_flight: 10,
        most_in_flight: 20,
        retries: 4,
        queue: QueueView {
            now: 1,
            most: 2,
            limit: Some(50),
            ..QueueView::default()
        },
        outages: OutagesView {
            count: 2,
            seconds: 9,
            changed_seconds_ago: 70,
        },
        flow: Flow {
            responses: [0, 80, 0, 0, 0, 0],
            response_errors: 3,
            server_aborts: 2,
            ..Flow::default()
        },
        servers: servers(),
        ..UpstreamView::default()
    };
    let web = UpstreamView {
        name: "web".to_owned(),
        balance: "two_choices".to_owned(),
        servers: vec![server("10.0.1.1:80", "DOWN")],
        ..UpstreamView::default()
    };
    vec![api, web]
}

fn view() -> StatsView {
    StatsView {
        process: ProcessView {
            version: "1.2.3".to_owned(),
            now: 1000,
            started: 900,
            connections_limit: 100,
            handshake_rate: RateView { now: 10, max: 20 },
            full_handshake_rate: RateView { now: 4, max: 8 },
            ..ProcessView::default()
        },
        listeners: vec![ListenerView {
            name: "web".to_owned(),
            current: 3,
            most: 8,
            limit: 100,
            total: 50,
            rate: RateView { now: 1, max: 2 },
            http1_requests: 60,
            flow: Flow {
                responses: [0, 60, 0, 0, 0, 0],
                bytes_in: 1 << 60,
                answered: 4,
                ..Flow::default()
            },
            ..ListenerView::default()
        }],
        upstreams: upstreams(),
        ..StatsView::default()
    }
}

fn query(suffixes: &str) -> Query {
    Query::of(&format!("/stats{suffixes}").parse().unwrap(), "/stats").unwrap()
}

/// Each line as its columns; no test puts a comma into quotes here but one.
fn table(suffixes: &str) -> Vec<Vec<String>> {
    let text = csv(&view(), &query(suffixes));
    let lines = text.lines().skip(1);
    lines
        .map(|line| line.replace("\"a,\"\"b\"\"\"", "quoted"))
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect()
}

#[test]
fn every_line_has_every_column_and_ends_as_haproxys() {
    let text = csv(&view(), &query(";csv"));
    let head = text.lines().next().unwrap();
    assert!(head.starts_with("# pxname,svname,qcur,"), "{head}");
    assert!(
        head.ends_with(",resbin,resbout,cache_hint_hits,-,"),
        "{head}"
    );
    for line in table("") {
        assert_eq!(line.len(), 119 + 2, "{line:?}");
        assert_eq!(line[119..], ["-", ""]);
    }
    assert!(text.contains("\napi,\"a,\"\"b\"\"\",0,"), "{text}");
    assert!(text.ends_with("-,\n"));
}

#[test]
fn rows_stand_in_the_order_of_the_configuration_whole_after_parts() {
    let rows: Vec<_> = table("")
        .iter()
        .map(|line| [0, 1, 26, 27, 28, 32].map(|column: usize| line[column].clone()))
        .map(|row| row.join(" "))
        .collect();
    let expected = [
        "web FRONTEND 1 1 0 0",
        "api 10.0.0.1:80 1 2 1 2",
        "api quoted 1 2 2 2",
        "api 10.0.0.3:80 1 2 3 2",
        "api 10.0.0.4:80 1 2 4 2",
        "api 10.0.0.5:80 1 2 5 2",
        "api BACKEND 1 2 0 1",
        "web 10.0.1.1:80 1 3 1 2",
        "web BACKEND 1 3 0 1",
    ];
    assert_eq!(rows, expected);
}

#[test]
fn what_is_not_asked_for_is_left_out_and_numbers_stay() {
    let servers = |suffixes: &str| -> Vec<String> {
        let those = table(suffixes).into_iter();
        those
            .map(|line| format!("{}/{}/{}", line[0], line[1], line[28]))
            .collect()
    };
    assert_eq!(
        servers(";csv?scope=ap;up"),
        [
            "api/10.0.0.1:80/1",
            "api/10.0.0.3:80/3",
            "api/10.0.0.5:80/5",
            "api/BACKEND/0"
        ]
    );
    assert_eq!(servers(";no-maint").len(), 8);
    assert_eq!(
        servers("?scope=web"),
        ["web/FRONTEND/0", "web/10.0.1.1:80/1", "web/BACKEND/0"]
    );
    assert!(servers("?scope=nobody").is_empty());
}

// Columns by their places in `HAProxy`'s manual: so read those consumers that know no names.

const FRONTEND: &[(usize, &str)] = &[
    (4, "3"),                // scur
    (5, "8"),                // smax
    (6, "100"),              // slim
    (7, "50"),               // stot
    (8, "9007199254740991"), // bin, as much as is whole in JSON
    (17, "OPEN"),
    (18, ""),
    (33, "1"),  // rate
    (35, "2"),  // rate_max
    (40, "60"), // hrsp_2xx
    (48, "60"), // req_tot
    (55, ""),   // lastsess
    (75, "http"),
    (79, "50"),  // conn_tot
    (80, "4"),   // intercepted
    (109, "60"), // h1req
];

const SERVER: &[(usize, &str)] = &[
    (2, "0"),
    (4, "2"),
    (6, ""),
    (7, "40"),
    (13, "1"), // econ
    (14, "9"), // eresp
    (17, "UP 2/3"),
    (18, "3"), // weight
    (19, "1"), // act
    (20, "0"), // bck
    (21, "6"), // chkfail
    (22, "1"), // chkdown
    (23, "12"),
    (24, "30"),
    (30, "40"), // lbtot
    (36, "L7OK"),
    (37, "204"),
    (38, "3"),
    (43, "3"),  // hrsp_5xx
    (45, "15"), // hanafail
    (55, "10"), // lastsess
    (56, "status 204"),
    (65, "Layer7 check passed"),
    (67, "2"),
    (68, "3"),
    (69, "3"), // check_health
    (73, "10.0.0.1:80"),
    (84, "11"), // connect
    (85, "29"), // reuse
    (88, "7"),  // srv_icur
    (99, "4"),  // uweight
];

const BACKEND: &[(usize, &str)] = &[
    (2, "1"),
    (3, "2"),
    (4, "10"),
    (6, ""), // slim: not each server has one
    (7, "80"),
    (14, "5"), // eresp, with responses cut off
    (15, "4"),
    (16, "4"),
    (17, "UP"),
    (18, "3"), // only primaries weigh while there are some
    (19, "1"),
    (20, "1"),
    (22, "2"),
    (23, "70"),
    (24, "9"),
    (25, "50"), // qlimit
    (30, "200"),
    (55, "-1"),
    (76, "roundrobin"),
    (100, "0"),
];

#[test]
fn consumers_that_know_only_places_find_what_they_look_for() {
    let rows = table("");
    for (row, columns) in [(0, FRONTEND), (1, SERVER), (6, BACKEND)] {
        for &(place, expected) in columns {
            let name = Column::ALL[place].name();
            assert_eq!(rows[row][place], expected, "row {row}, {name}");
        }
    }
    let never = &rows[3];
    assert_eq!((&*never[6], &*never[36], &*never[55]), ("9", "", "-1"));
    assert_eq!((&*rows[5][17], &*rows[8][17]), ("DOWN", "DOWN"));
}

#[tokio::test]
async fn json_says_the_same_as_csv_with_all_that_is_known() {
    let body = json(view(), query(";json"));
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let objects: Vec<Vec<Json>> = serde_json::from_slice(&bytes).unwrap();
    let rows = table("");
    assert_eq!(objects.len(), rows.len());
    for (object, row) in objects.iter().zip(&rows) {
        assert_eq!(
            object.len(),
            row[..119].iter().filter(|it| !it.is_empty()).count()
        );
        for entry in object {
            let place = usize::try_from(entry["field"]["pos"].as_u64().unwrap()).unwrap();
            assert_eq!(entry["field"]["name"], Column::ALL[place].name());
            let text = match &entry["value"]["value"] {
                Json::String(text) => text.replace("a,\"b\"", "quoted"),
                number => number.to_string(),
            };
            assert_eq!(text, row[place]);
        }
    }
    let expected = serde_json::json!({
        "objType": "Server", "proxyId": 2, "id": 1, "field": { "pos": 17, "name": "status" }, "processNum": 1,
        "tags": { "origin": "Status", "nature": "Gauge", "scope": "Process" },
        "value": { "type": "str", "value": "UP 2/3" },
    });
    assert!(objects[1].contains(&expected));
    let nobody = json(view(), query(";json?scope=nobody"));
    let bytes = axum::body::to_bytes(nobody, usize::MAX).await.unwrap();
    assert_eq!(&bytes[..], b"[]");
}

fn metrics(query: &str) -> String {
    let mut page = Exposition::new(observe::Format::Text);
    write_metrics(&view(), &Wanted::of(query), 100, &mut page);
    page.finish()
}

#[test]
fn each_number_has_its_series_and_each_state_one() {
    let text = metrics("");
    for line in [
        "haproxy_process_build_info{version=\"1.2.3\"} 1",
        "haproxy_process_start_time_seconds 900",
        "haproxy_process_frontend_ssl_reuse 60",
        "haproxy_frontend_current_sessions{proxy=\"web\"} 3",
        "haproxy_frontend_http_responses_total{proxy=\"web\",code=\"2xx\"} 60",
        "haproxy_frontend_status{proxy=\"web\",state=\"UP\"} 1",
        "haproxy_frontend_status{proxy=\"web\",state=\"DOWN\"} 0",
        "haproxy_backend_status{proxy=\"api\",state=\"UP\"} 1",
        "haproxy_backend_status{proxy=\"web\",state=\"DOWN\"} 1",
        "haproxy_backend_agg_server_status{proxy=\"api\",state=\"UP\"} 2",
        "haproxy_backend_agg_server_status{proxy=\"api\",state=\"DOWN\"} 2",
        "haproxy_backend_agg_server_status{proxy=\"api\",state=\"MAINT\"} 1",
        "haproxy_backend_agg_check_status{proxy=\"api\",state=\"L7OK\"} 3",
        "haproxy_server_status{proxy=\"api\",server=\"10.0.0.4:80\",state=\"MAINT\"} 1",
        "haproxy_server_status{proxy=\"api\",server=\"a,\\\"b\\\"\",state=\"DOWN\"} 1",
        "haproxy_server_check_status{proxy=\"api\",server=\"10.0.0.1:80\",state=\"L7OK\"} 1",
        "haproxy_server_check_status{proxy=\"api\",server=\"10.0.0.1:80\",state=\"L4CON\"} 0",
        "haproxy_server_check_duration_seconds{proxy=\"api\",server=\"10.0.0.1:80\"} 0.003",
        "haproxy_server_last_session_seconds{proxy=\"api\",server=\"10.0.0.3:80\"} -1",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line}");
    }
    let absent = "haproxy_server_limit_sessions{proxy=\"api\",server=\"10.0.0.1:80\"}";
    assert!(
        !text.contains(absent),
        "a server without a limit has no such series"
    );
}

#[test]
fn a_scrape_has_the_scopes_that_it_asks_for() {
    let kinds = |query: &str| -> Vec<&'static str> {
        let text = metrics(query);
        let kinds = ["process", "frontend", "backend", "server"].into_iter();
        kinds
            .filter(|kind| text.contains(&format!("\nhaproxy_{kind}_")))
            .collect()
    };
    assert_eq!(kinds("").len(), 4);
    assert_eq!(kinds("scope=server"), ["server"]);
    assert_eq!(
        kinds("scope=backend&scope=frontend"),
        ["frontend", "backend"]
    );
    assert_eq!(kinds("scope=*&scope="), [""; 0]);
    let mut page = Exposition::new(observe::Format::Text);
    write_metrics(&view(), &Wanted::of("scope=server"), 2, &mut page);
    let text = page.finish();
    assert!(
        text.contains("10.0.0.1:80") && !text.contains("10.0.0.3:80"),
        "no more than may be"
    );
    assert!(!metrics("no-maint").contains("server=\"10.0.0.4:80\""));
}
