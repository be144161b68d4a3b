//! Events, from what is said to what is shown.

use std::time::Duration;

use serde_json::json;
use tracing::{debug, error, info, subscriber::with_default, warn};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt};

use super::*;
use crate::observe::{Exposition, Format};

/// What is kept of what is said meanwhile, where nobody else wants to hear anything.
fn said(saying: impl FnOnce()) -> Arc<Events> {
    let events = Arc::<Events>::default();
    let deaf = fmt::layer().with_filter(EnvFilter::new("off"));
    let subscriber = tracing_subscriber::registry()
        .with(deaf)
        .with(layer(&events));
    with_default(subscriber, saying);
    events
}

fn texts(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.text.as_str()).collect()
}

#[test]
fn an_event_is_its_message_and_its_fields_in_words() {
    let reason = String::from("status 500");
    let events = said(|| {
        warn!(upstream = "web", server = %"127.0.0.1:8001", %reason, "server is down");
        info!(connections = 3, is_last = true, "draining");
        info!("generation {} is in force", 2);
        error!(name = ?"quoted");
        error!("reload refused\n  | caret\n");
    });
    let shown = events.since(0);
    assert_eq!(
        texts(&shown),
        [
            "server is down: upstream=web server=127.0.0.1:8001 reason=status 500",
            "draining: connections=3 is_last=true",
            "generation 2 is in force",
            "name=\"quoted\"",
            "reload refused\n  | caret\n",
        ]
    );
    assert_eq!(shown[0].level, Level::WARN);
    assert!(shown[0].at.elapsed().unwrap() < Duration::from_secs(60));
}

#[test]
fn only_the_program_itself_is_heard_and_only_what_matters() {
    let events = said(|| {
        info!(target: "simplon", "A");
        info!(target: "simplon::process::reload", "B");
        debug!(target: "simplon", "C");
        error!(target: "simplonish", "D");
        error!(target: "pingora_core::services", "E");
    });
    assert_eq!(texts(&events.since(0)), ["A", "B"]);
}

#[test]
fn what_repeats_itself_is_one_event_with_a_count() {
    let events = said(|| {
        info!("before");
        for _ in 0..1000 {
            warn!("again");
        }
    });
    let shown = events.since(0);
    assert_eq!(texts(&shown), ["before", "again"]);
    assert_eq!((shown[1].number, shown[1].count), (1001, 1000));
    assert_eq!(events.since(1000), shown[1..], "it has happened since");
}

#[test]
fn one_kind_of_event_does_not_wash_out_the_others() {
    let events = said(|| {
        info!("rare");
        for client in 0..1000 {
            warn!(client, "flood");
        }
        for other in 0..30 {
            error!(other, "less often");
        }
    });
    let shown = events.since(0);
    assert_eq!(shown.len(), 1 + OF_ONE_KIND + 30);
    assert_eq!(shown[0].text, "rare");
    assert_eq!(shown[1].text, "flood: client=950");
}

#[test]
fn the_oldest_goes_when_there_is_no_room() {
    /// Each a place of its own.
    macro_rules! say {
        ($($kind:literal)*) => { $( for nth in 0..OF_ONE_KIND { info!(nth, $kind); } )* };
    }
    let events = said(|| {
        say!("a" "b" "c" "d" "e");
    });
    let shown = events.since(0);
    assert_eq!(shown.len(), KEPT);
    assert_eq!(shown[0].text, "b: nth=0");
    assert_eq!(shown[0].number, 51);
    assert_eq!(events.recent(2), shown[KEPT - 2..]);
    assert_eq!(events.recent(1000), shown);
    assert_eq!(events.since(249).len(), 1);
    assert_eq!(events.since(250), []);
    assert_eq!(events.since(u64::MAX), []);
}

#[test]
fn a_text_is_cut_before_it_is_long() {
    let events = said(|| {
        info!(field = "é".repeat(10_000), "{}", "x".repeat(490));
        info!("{}", "x".repeat(10_000));
        info!(field = 1, "{}", "y".repeat(10_000));
    });
    for event in events.since(0) {
        assert_eq!(event.text.chars().count(), 500, "{}", event.text);
    }
    assert!(events.since(0)[0].text.ends_with(": field=éé"));
}

#[test]
fn an_event_is_json_for_the_page() {
    let event = Event {
        number: 7,
        at: UNIX_EPOCH + Duration::from_millis(1_795_246_500_123),
        level: Level::WARN,
        text: "server is down".to_owned(),
        count: 1,
    };
    let expected = json!({
        "number": 7, "at": 1_795_246_500_123_u64, "level": "warn", "text": "server is down", "count": 1,
    });
    assert_eq!(serde_json::to_value(event).unwrap(), expected);
}

#[test]
fn events_are_counted_by_level() {
    let events = said(|| {
        warn!("one");
        warn!("one");
        error!("two");
    });
    let mut page = Exposition::new(Format::Text);
    write(&events, &mut page);
    let text = page.finish();
    for sample in [
        "simplon_events_total{level=\"error\"} 1\n",
        "simplon_events_total{level=\"warn\"} 2\n",
        "simplon_events_total{level=\"info\"} 0\n",
    ] {
        assert!(text.contains(sample), "{text}");
    }
}
