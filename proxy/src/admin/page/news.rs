//! What an open page is to be sent: the parts that are not as it was sent them before.

use serde::Serialize;

use super::sheet::Drawing;

/// Parts that one message has at most; what is left has its turn a second later.
const PARTS: usize = 500;

/// What a page has been sent: its layout, and the parts by their hashes.
#[derive(Default)]
pub(super) struct Seen {
    layout: Option<u64>,
    parts: Vec<u64>,
    /// Where the next message begins, so that all have their turn.
    next: usize,
}

/// As the script reads it. A page whose layout is another asks for itself anew.
#[derive(Serialize)]
struct Message<'a> {
    layout: String,
    parts: Vec<(&'a str, &'a str)>,
}

impl Seen {
    /// The message that makes the page what the drawing is, and whether none can follow it.
    pub(super) fn news(&mut self, drawing: &Drawing) -> (String, bool) {
        let is_another = self.layout.is_some_and(|layout| layout != drawing.layout);
        self.layout = Some(drawing.layout);
        let mut message = Message {
            layout: format!("{:x}", drawing.layout),
            parts: Vec::new(),
        };
        if !is_another {
            self.collect(drawing, &mut message.parts);
        }
        // Strings are always JSON.
        let text = serde_json::to_string(&message).unwrap_or_default();
        (text, is_another)
    }

    fn collect<'a>(&mut self, drawing: &'a Drawing, changed: &mut Vec<(&'a str, &'a str)>) {
        let count = drawing.parts.len();
        self.parts.resize(count, 0);
        let first = self.next;
        for index in (first..count).chain(0..first.min(count)) {
            let (Some(part), Some(sent)) = (drawing.parts.get(index), self.parts.get_mut(index))
            else {
                continue;
            };
            if *sent == part.hash {
                continue;
            }
            if changed.len() == PARTS {
                self.next = index;
                return;
            }
            *sent = part.hash;
            changed.push((&part.id, drawing.html(part)));
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        admin::{
            StatsView,
            page::{Look, draw},
        },
        observe::{ServerView, UpstreamView},
    };

    fn stats(servers: usize, weight: u32) -> StatsView {
        let server = |nth| ServerView {
            name: format!("10.0.0.{nth}:80"),
            weight,
            ..ServerView::default()
        };
        StatsView {
            upstreams: vec![UpstreamView {
                name: "web".to_owned(),
                servers: (0..servers).map(server).collect(),
                ..UpstreamView::default()
            }],
            ..StatsView::default()
        }
    }

    fn sent(seen: &mut Seen, stats: &StatsView) -> (Vec<String>, bool) {
        let (text, is_last) = seen.news(&draw(stats, &Look::default()));
        let message: serde_json::Value = serde_json::from_str(&text).unwrap();
        let parts = message["parts"].as_array().unwrap();
        let ids = parts
            .iter()
            .map(|part| part[0].as_str().unwrap().to_owned());
        (ids.collect(), is_last)
    }

    #[test]
    fn what_is_the_same_is_not_sent_again() {
        let mut seen = Seen::default();
        assert!(sent(&mut seen, &stats(2, 1)).0.contains(&"s0-1".to_owned()));
        assert!(sent(&mut seen, &stats(2, 1)).0.is_empty());
        let (changed, is_last) = sent(&mut seen, &stats(2, 5));
        assert_eq!(
            (&changed[..], is_last),
            (&["s0-0", "s0-1"].map(str::to_owned)[..], false)
        );
    }

    #[test]
    fn a_page_with_another_layout_is_told_so_and_no_more() {
        let mut seen = Seen::default();
        sent(&mut seen, &stats(2, 1));
        assert_eq!(sent(&mut seen, &stats(3, 1)), (vec![], true));
    }

    #[test]
    fn all_parts_have_their_turn_although_more_change_than_are_sent() {
        let mut seen = Seen::default();
        let mut ids = std::collections::HashSet::new();
        // Each of 400 servers and more changes all the time; a message has room for 500 parts.
        for weight in 1..=4 {
            let mut many = stats(400, weight);
            many.upstreams.push(many.upstreams[0].clone());
            let (parts, _) = sent(&mut seen, &many);
            assert!(parts.len() <= PARTS);
            ids.extend(parts);
        }
        assert!(ids.len() > 800, "{}", ids.len());
    }
}
