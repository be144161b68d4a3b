//! What the page shows of what there is.

use super::*;
use crate::{
    admin::{ActionStatus, ListenerView, RouteView, view::EventView},
    observe::{CheckView, Flow, Point, Quantiles, ServerView, UpstreamView},
};

fn server(name: &str, state: &str) -> ServerView {
    ServerView {
        name: name.to_owned(),
        state: state.to_owned(),
        up: !state.starts_with("DOWN"),
        usable: state == "UP",
        weight: 1,
        configured_weight: 1,
        changed_seconds_ago: 192,
        ..ServerView::default()
    }
}

fn upstream(name: &str, servers: Vec<ServerView>) -> UpstreamView {
    UpstreamView {
        name: name.to_owned(),
        balance: "round_robin".to_owned(),
        servers,
        ..UpstreamView::default()
    }
}

fn stats() -> StatsView {
    StatsView {
        listeners: vec![ListenerView {
            name: "https".to_owned(),
            ..ListenerView::default()
        }],
        upstreams: vec![
            upstream(
                "web",
                vec![server("10.0.0.1:80", "UP"), server("10.0.0.2:80", "DOWN")],
            ),
            upstream(
                "api",
                vec![
                    server("10.0.1.1:80", "UP 2/3"),
                    server("10.0.1.2:80", "MAINT"),
                ],
            ),
        ],
        ..StatsView::default()
    }
}

fn looking(change: impl FnOnce(&mut Look)) -> String {
    let mut look = Look::default();
    change(&mut look);
    draw(&stats(), &look).text
}

fn has_all(page: &str, words: &[&str]) {
    for words in words {
        assert!(page.contains(words), "{words} in {page}");
    }
}

fn has_none(page: &str, words: &[&str]) {
    for words in words {
        assert!(!page.contains(words), "{words} in {page}");
    }
}

#[test]
fn rows_say_what_haproxy_says() {
    let mut stats = stats();
    stats.upstreams[0].servers[0].check = Some(CheckView {
        code: "L7OK".to_owned(),
        status: Some(200),
        text: "200 in 3 ms".to_owned(),
        took_ms: 3,
        ..CheckView::default()
    });
    stats.upstreams[0].servers[1].throttle = Some(40);
    stats.upstreams[0].servers[1].weight = 0;
    stats.upstreams[0].servers[1].flow = Flow {
        responses: [0, 3, 0, 1, 0, 0],
        ..Flow::default()
    };
    let page = draw(&stats, &Look::default()).text;
    has_all(
        &page,
        &[
            "<tr id=\"s0-0\" class=\"up\"><th scope=\"row\">10.0.0.1:80</th>",
            "<tr id=\"s0-1\" class=\"down\">",
            "3m UP",
            "3m DOWN",
            "3m UP 2/3 ↓",
            "L7OK/200 in 3ms",
            "<td>40 %",
            "<td>0/1",
            "2xx: 3 (75 %)",
            "<th scope=\"row\">BACKEND</th>",
            ">OPEN",
        ],
    );
}

#[test]
fn the_tables_have_the_columns_of_haproxy() {
    let page = looking(|_| {});
    let head = page.split("<thead>").nth(2).unwrap();
    let head = head.split("<tbody>").next().unwrap();
    let headings: Vec<&str> = head
        .split("<th ")
        .skip(1)
        .map(|cell| cell.split(['>', '<', '\n']).nth(1).unwrap())
        .collect();
    let expected = "Server,Queue,Session rate,Sessions,Bytes,Denied,Errors,Warnings,Server,\
                    Cur,Max,Limit,Cur,Max,Limit,Cur,Max,Limit,Total,LbTot,Last,In,Out,Req,Resp,Req,Conn,Resp,Retr,Redis,\
                    Status,LastChk,Wght,Act,Bck,Chk,Dwn,Dwntme,Thrtle";
    assert_eq!(headings.join(","), expected);
}

/// Cells may span columns, as those of a row that has no queue do.
#[test]
fn every_row_is_as_wide_as_the_headings() {
    let drawing = draw(&stats(), &Look::default());
    let mut rows = 0;
    for part in &drawing.parts {
        let html = drawing.html(part);
        if !html.starts_with("<tr") {
            continue;
        }
        let cells = html.split("<td").skip(1).map(|cell| {
            let span = cell.strip_prefix(" colspan=\"");
            span.map_or(1, |rest| {
                rest.split('"').next().unwrap().parse::<u32>().unwrap()
            })
        });
        assert_eq!(cells.sum::<u32>(), 30, "{html}");
        rows += 1;
    }
    assert_eq!(rows, 1 + 4 + 2);
}

#[test]
fn what_is_hidden_or_out_of_scope_is_not_there() {
    has_none(
        &looking(|look| look.query.hide_down = true),
        &["10.0.0.2:80", "10.0.1.2:80"],
    );
    let maintained = looking(|look| look.query.no_maint = true);
    has_none(&maintained, &["10.0.1.2:80"]);
    has_all(&maintained, &["10.0.0.2:80"]);
    let scoped = looking(|look| look.query.scope = "ap".to_owned());
    has_none(&scoped, &[">web<", "https"]);
    has_all(
        &scoped,
        &[
            ">api<",
            "data-live=\"/stats/events?scope=ap\"",
            "href=\"/stats;csv?scope=ap\"",
        ],
    );
}

#[test]
fn a_page_that_stands_still_asks_for_nothing() {
    let live = looking(|_| {});
    has_all(
        &live,
        &[
            "data-live=\"/stats/events\"",
            "<noscript><meta http-equiv=\"refresh\"",
        ],
    );
    let still = looking(|look| look.query.norefresh = true);
    has_none(&still, &["data-live", "http-equiv=\"refresh\""]);
    has_all(&still, &["Resume updates"]);
}

#[test]
fn controls_are_for_those_who_may_act() {
    let controls = ["name=\"s\"", "name=\"action\"", "Apply", "value=\"reload\""];
    has_none(&looking(|_| {}), &controls);
    let page = looking(|look| look.may_act = true);
    has_all(&page, &controls);
    has_all(
        &page,
        &[
            "<form method=\"post\" action=\"/stats\"><input type=\"hidden\" name=\"b\" value=\"web\">",
            "<label><input type=\"checkbox\" name=\"s\" value=\"10.0.0.1:80\" autocomplete=\"off\"> 10.0.0.1:80</label>",
        ],
    );
    let told = looking(|look| look.query.status = Some(ActionStatus::Partly));
    has_all(&told, &["Done in part", "<a href=\"/stats\">Dismiss</a>"]);
}

#[test]
fn events_are_told_newest_first_and_repeats_once() {
    let event = |number, count| EventView {
        number,
        at: 1_795_246_500_000,
        level: "warn".to_owned(),
        text: format!("event {number}"),
        count,
    };
    let stats = StatsView {
        events: vec![event(3, 1), event(9, 5)],
        ..StatsView::default()
    };
    let page = draw(&stats, &Look::default()).text;
    let place = |words: &str| {
        page.find(words)
            .unwrap_or_else(|| panic!("{words} in {page}"))
    };
    assert!(place("<span>event 9</span> <small>× 5</small>") < place("<span>event 3</span>"));
    has_all(&page, &["data-newest=\"9\"", "<time>07:35:00</time>"]);
}

#[test]
fn of_many_routes_the_busiest_are_shown_and_the_rest_is_counted() {
    let routes = (0..150).map(|nth| RouteView {
        route: format!("route-{nth}."),
        requests: [0, nth, 0, 0, 0],
        last_minute: Some(Quantiles {
            p50: 1.0,
            p95: 2.0,
            p99: 1500.0,
        }),
        ..RouteView::default()
    });
    let stats = StatsView {
        routes: routes.collect(),
        ..StatsView::default()
    };
    let page = draw(&stats, &Look::default()).text;
    has_all(&page, &["route-149.", "route-50.", "50 more", "1.50 s"]);
    has_none(&page, &["route-49."]);
}

#[test]
fn upstreams_with_most_traffic_are_plotted_and_fifty_at_most() {
    let mut stats = StatsView::default();
    for nth in 0..200 {
        let mut one = upstream(&format!("u{nth}"), Vec::new());
        one.points = vec![Point {
            requests: nth,
            ..Point::default()
        }];
        stats.upstreams.push(one);
    }
    let plotted = |page: &str, id: &str| {
        let part = page.split(&format!("id=\"{id}\"")).nth(1).unwrap();
        part.starts_with(" class=\"plots\"><figure>")
    };
    let page = draw(&stats, &Look::default()).text;
    // Two plots each, and those of the process.
    assert_eq!(page.matches("<svg").count(), 2 * 50 + 2);
    assert!(plotted(&page, "p150") && !plotted(&page, "p149"));
    has_all(&page, &["class=\"upstream far\""]);
    stats.upstreams.truncate(2);
    let page = draw(&stats, &Look::default()).text;
    assert!(
        plotted(&page, "p1") && !plotted(&page, "p0"),
        "nothing to plot"
    );
}

#[test]
fn what_came_of_an_action_is_no_other_page_to_follow() {
    let drawn = |status| {
        let query = Query {
            status,
            ..Query::default()
        };
        let look = Look {
            query,
            may_act: true,
        };
        draw(&StatsView::default(), &look).layout
    };
    assert_eq!(drawn(Some(ActionStatus::Done)), drawn(None));
}

#[test]
fn the_page_says_of_an_upstream_what_the_csv_says() {
    let mut shown = stats();
    let mut lost = upstream("lost", vec![server("10.0.2.1:80", "DOWN")]);
    lost.panic = true;
    shown.upstreams.push(lost);
    let csv = crate::admin::haproxy::csv(&shown, &Query::default());
    let drawing = draw(&shown, &Look::default());
    for (index, name, expected) in [(0, "web", "UP"), (1, "api", "DOWN"), (2, "lost", "DOWN")] {
        let line = csv
            .lines()
            .find(|line| line.starts_with(&format!("{name},BACKEND,")));
        assert_eq!(line.unwrap().split(',').nth(17), Some(expected), "{name}");
        let id = format!("b{index}");
        let part = drawing.parts.iter().find(|part| part.id == id).unwrap();
        let words = format!("0s {expected}<td>");
        assert!(
            drawing.html(part).contains(&words),
            "{}",
            drawing.html(part)
        );
    }
}
