//! The running process as lines: a header, then listeners, servers and upstreams in the columns of `HAProxy`'s page.

use super::{
    super::table::{Colour, Give, Row, Side, Table, plain},
    numbers::{age, bytes, count, millis},
};
use crate::{
    admin::{ListenerView, ProcessView, StatsView},
    observe::{Quantiles, ServerView, UpstreamView},
};

const COLUMNS: usize = 22;

type Cells = [String; COLUMNS];

/// What stands where there is nothing to say.
const NOTHING: &str = "-";

/// Without the last line break. `room` is the width of the terminal, if it has one.
pub(super) fn text(stats: &StatsView, room: Option<usize>, in_colours: bool) -> String {
    let mut rows: Vec<_> = stats.listeners.iter().map(listener).collect();
    for upstream in &stats.upstreams {
        rows.push(row(Cells::default()));
        let servers = upstream.servers.iter();
        rows.extend(servers.map(|view| server(&upstream.name, view)));
        rows.push(total(upstream));
    }
    if !in_colours {
        for row in &mut rows {
            row.paint = None;
        }
    }
    let table = Table {
        columns: columns(),
        rows,
    };
    format!("{}\n\n{}", header(&stats.process), table.show(room))
}

fn header(process: &ProcessView) -> String {
    let ProcessView {
        version,
        node,
        pid,
        uptime_seconds,
        draining,
        generation,
        reload,
        connections,
        request_rate,
        ..
    } = process;
    let draining = if *draining { ", draining" } else { "" };
    let reloaded = age(reload.seconds_ago);
    let mut lines = vec![
        format!(
            "Simplon {version}, pid {pid} on {node}, up {}{draining}",
            age(*uptime_seconds)
        ),
        format!(
            "{connections} connections, {} requests/s; generation {generation}, last reload {reloaded} ago{}",
            request_rate.now,
            if reload.succeeded { "" } else { ": refused" }
        ),
    ];
    let message = reload.message.lines().next().unwrap_or_default();
    if !reload.succeeded && !message.is_empty() {
        lines.push(format!("  {message}"));
    }
    let lines: Vec<_> = lines.iter().map(|line| plain(line)).collect();
    lines.join("\n")
}

/// The rightmost goes first where a terminal is narrow.
fn columns() -> [(&'static str, Give, Side); COLUMNS] {
    let text = |heading| (heading, Give::Whole, Side::Left);
    let number = |heading| (heading, Give::Whole, Side::Right);
    [
        ("NAME", Give::Never, Side::Left),
        ("STATUS", Give::Never, Side::Left),
        number("AGE"),
        number("WEIGHT"),
        number("ACT/BCK"),
        number("CUR"),
        number("MAX"),
        number("LIMIT"),
        number("TOTAL"),
        number("RATE"),
        number("IN"),
        number("OUT"),
        number("ECONN"),
        number("ERESP"),
        number("RETR"),
        number("FAILED"),
        number("DOWN"),
        number("DOWNTIME"),
        text("LASTCHK"),
        number("P50"),
        number("P95"),
        number("P99"),
    ]
}

fn listener(view: &ListenerView) -> Row<COLUMNS> {
    let flow = &view.flow;
    let [p50, p95, p99] = quantiles(flow.last_minute);
    let status = if view.full { "FULL" } else { "OPEN" };
    painted(
        if view.full { Some(Colour::Red) } else { None },
        [
            view.name.clone(),
            status.to_owned(),
            nothing(),
            nothing(),
            nothing(),
            count(view.current),
            count(view.most),
            count(view.limit),
            count(view.total),
            count(view.rate.now),
            bytes(flow.bytes_in),
            bytes(flow.bytes_out),
            nothing(),
            count(flow.request_errors),
            nothing(),
            nothing(),
            nothing(),
            nothing(),
            nothing(),
            p50,
            p95,
            p99,
        ],
    )
}

fn server(upstream: &str, view: &ServerView) -> Row<COLUMNS> {
    let flow = &view.flow;
    let [p50, p95, p99] = quantiles(flow.last_minute);
    let weight = if view.weight == view.configured_weight {
        view.weight.to_string()
    } else {
        format!("{}/{}", view.weight, view.configured_weight)
    };
    let throttle = view.throttle.map(|percent| format!(" {percent}%"));
    let checked = |number: u64| {
        if view.checks == 0 {
            nothing()
        } else {
            count(number)
        }
    };
    painted(
        colour(view),
        [
            format!("{upstream}/{}", view.name),
            view.state.clone(),
            age(view.changed_seconds_ago),
            weight + &throttle.unwrap_or_default(),
            if view.backup { "-/Y" } else { "Y/-" }.to_owned(),
            count(view.in_flight.into()),
            count(view.most_in_flight),
            view.max_connections
                .map_or_else(nothing, |limit| count(limit.into())),
            count(view.picks),
            count(flow.rate.now),
            bytes(flow.bytes_in),
            bytes(flow.bytes_out),
            count(connect_errors(view)),
            count(response_errors(view)),
            count(view.retries),
            checked(view.checks_failed),
            checked(view.downs),
            if view.checks == 0 {
                nothing()
            } else {
                age(view.downtime_seconds)
            },
            last_check(view),
            p50,
            p95,
            p99,
        ],
    )
}

/// All servers of an upstream together.
fn total(upstream: &UpstreamView) -> Row<COLUMNS> {
    let servers = &upstream.servers;
    let sum = |of: fn(&ServerView) -> u64| servers.iter().map(of).sum::<u64>();
    let total = upstream.total();
    // As on the page: that panic uses all servers makes none of them good.
    let (status, colour) = match (total.is_up, upstream.panic) {
        (false, _) => ("DOWN", Some(Colour::Red)),
        (true, true) => ("PANIC", Some(Colour::Red)),
        (true, false) => ("UP", Some(Colour::Green)),
    };
    let flow = &upstream.flow;
    let [p50, p95, p99] = quantiles(flow.last_minute);
    painted(
        colour,
        [
            upstream.name.clone(),
            status.to_owned(),
            nothing(),
            count(total.weight),
            format!("{}/{}", total.active, total.backups),
            count(upstream.in_flight),
            count(upstream.most_in_flight),
            nothing(),
            count(flow.requests()),
            count(flow.rate.now),
            bytes(flow.bytes_in),
            bytes(flow.bytes_out),
            count(sum(connect_errors)),
            count(sum(response_errors)),
            count(upstream.retries),
            count(sum(|server| server.checks_failed)),
            count(sum(|server| server.downs)),
            nothing(),
            nothing(),
            p50,
            p95,
            p99,
        ],
    )
}

fn connect_errors(server: &ServerView) -> u64 {
    let [connect, ..] = server.failures;
    connect
}

fn response_errors(server: &ServerView) -> u64 {
    let [_connect, reset, timeout, malformed, status] = server.failures;
    reset + timeout + malformed + status
}

/// `L7OK/200 in 3ms`, as `HAProxy` writes it.
fn last_check(server: &ServerView) -> String {
    server.check.as_ref().map_or_else(nothing, |check| {
        let status = check.status.map(|status| format!("/{status}"));
        let status = status.unwrap_or_default();
        format!("{}{status} in {}ms", check.code, check.took_ms)
    })
}

/// Those of `HAProxy`'s page, as far as terminals have them.
fn colour(server: &ServerView) -> Option<Colour> {
    Some(match &*server.state {
        "UP" => Colour::Green,
        "no check" => return None,
        "DRAIN" => Colour::Blue,
        "MAINT" => Colour::Brown,
        "DOWN" | "EJECTED" | "UNRESOLVED" => Colour::Red,
        _on_its_way => Colour::Yellow,
    })
}

fn quantiles(quantiles: Option<Quantiles>) -> [String; 3] {
    quantiles.map_or_else(
        || [(); 3].map(|()| nothing()),
        |Quantiles { p50, p95, p99 }| [p50, p95, p99].map(millis),
    )
}

fn nothing() -> String {
    NOTHING.to_owned()
}

fn row(cells: Cells) -> Row<COLUMNS> {
    painted(None, cells)
}

/// With this colour for the state.
fn painted(colour: Option<Colour>, cells: Cells) -> Row<COLUMNS> {
    Row {
        cells,
        paint: colour.map(|colour| (1, colour)),
        notes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{CheckView, Flow};

    fn stats() -> StatsView {
        let server = |name: &str, state: &str| ServerView {
            name: name.to_owned(),
            state: state.to_owned(),
            usable: state == "UP",
            weight: 1,
            configured_weight: 1,
            in_flight: 2,
            picks: 12_345,
            failures: [1, 2, 3, 4, 5],
            checks: 9,
            check: Some(CheckView {
                code: "L7OK".to_owned(),
                status: Some(200),
                took_ms: 3,
                ..CheckView::default()
            }),
            ..ServerView::default()
        };
        let mut drained = server("10.0.0.2:80", "DRAIN");
        drained.weight = 3;
        let minute = Quantiles {
            p50: 0.5,
            p95: 12.0,
            p99: 340.0,
        };
        StatsView {
            process: ProcessView {
                version: "1.2.3".to_owned(),
                node: "edge-1".to_owned(),
                pid: 7,
                uptime_seconds: 273_600,
                generation: 4,
                connections: 5,
                ..ProcessView::default()
            },
            listeners: vec![ListenerView {
                name: "http".to_owned(),
                limit: 10_000,
                ..ListenerView::default()
            }],
            upstreams: vec![UpstreamView {
                name: "api".to_owned(),
                in_flight: 4,
                servers: vec![server("10.0.0.1:80", "UP"), drained],
                flow: Flow {
                    last_minute: Some(minute),
                    ..Flow::default()
                },
                ..UpstreamView::default()
            }],
            ..StatsView::default()
        }
    }

    #[test]
    fn listeners_come_first_and_the_total_of_an_upstream_last() {
        let text = text(&stats(), None, false);
        let expected = "\
Simplon 1.2.3, pid 7 on edge-1, up 3d4h
5 connections, 0 requests/s; generation 4, last reload 0s ago: refused

NAME             STATUS  AGE  WEIGHT  ACT/BCK  CUR  MAX  LIMIT  TOTAL  RATE  IN  OUT  ECONN  ERESP  RETR  FAILED  DOWN  DOWNTIME  LASTCHK           P50  P95  P99
http             OPEN      -       -        -    0    0    10k      0     0   0    0      -      0     -       -     -         -  -                   -    -    -

api/10.0.0.1:80  UP       0s       1      Y/-    2    0      -    12k     0   0    0      1     14     0       0     0        0s  L7OK/200 in 3ms     -    -    -
api/10.0.0.2:80  DRAIN    0s     3/1      Y/-    2    0      -    12k     0   0    0      1     14     0       0     0        0s  L7OK/200 in 3ms     -    -    -
api              UP        -       1      1/0    4    0      -      0     0   0    0      2     28     0       0     0         -  -                0.50   12  340";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_narrow_terminal_gets_the_first_columns() {
        let text = text(&stats(), Some(60), false);
        let table: Vec<_> = text.lines().skip(3).collect();
        assert_eq!(
            table[0],
            "NAME             STATUS  AGE  WEIGHT  ACT/BCK  CUR  MAX"
        );
        assert!(table.iter().all(|line| line.len() <= 60), "{text}");
    }

    #[test]
    fn states_have_their_colours() {
        let text = text(&stats(), None, true);
        for painted in ["\x1b[32mUP\x1b[0m", "\x1b[34mDRAIN\x1b[0m"] {
            assert!(text.contains(painted), "{text}");
        }
        let of = |state: &str| {
            colour(&ServerView {
                state: state.to_owned(),
                ..ServerView::default()
            })
        };
        for (state, expected) in [
            ("UP 2/3", Some(Colour::Yellow)),
            ("DOWN 1/2", Some(Colour::Yellow)),
            ("DOWN", Some(Colour::Red)),
            ("EJECTED", Some(Colour::Red)),
            ("MAINT", Some(Colour::Brown)),
            ("no check", None),
        ] {
            assert_eq!(of(state), expected, "{state}");
        }
    }
}
