//! Who is picked once operators have said their word.

use super::*;

#[test]
fn an_operators_word_holds_whatever_becomes_of_the_others() {
    let table: [(&str, &[usize], &[usize], bool); 19] = [
        ("un", &[], &[0], false),
        ("um", &[], &[0], false),
        ("uz", &[], &[0], false),
        // Neither as the last resort, nor under panic, nor for a retry.
        ("dn", &[], &[0], true),
        ("en", &[], &[0], true),
        ("dm", &[], &[0], true),
        ("dddm", &[], &[0, 1, 2], true),
        ("un", &[0], &[], false),
        ("ddNM", &[], &[0, 1], true),
        ("nnD", &[], &[2], false),
        // The others are counted as if it were not there.
        ("udnn", &[], &[0], false),
        ("uddn", &[], &[0, 1, 2], true),
        ("uuddnmz", &[], &[0, 1], false),
        // Backups follow it as they follow one that is down.
        ("nU", &[], &[1], false),
        ("mmU", &[], &[2], false),
        ("nuU", &[1], &[2], false),
        // Nobody is left.
        ("n", &[], &[], false),
        ("nmz", &[], &[], false),
        ("mM", &[], &[], false),
    ];
    for (states, tried, expected, panicking) in table {
        let now = Instant::now();
        let upstream = with_states(states, now);
        let case = format!("{states} after {tried:?}");
        assert_eq!(reached(&upstream, tried, now), expected, "{case}");
        assert_eq!(upstream.is_panicking(now), panicking, "{case}");
        let is_left = upstream.has_untried(&tried.iter().copied().collect());
        assert_eq!(is_left, !expected.is_empty(), "{case}");
        if expected.is_empty() {
            let refused = pick_index(&upstream, tried, now);
            assert_eq!(refused, Err(Refusal::NoServer), "{case}");
        }
    }
}

proptest::proptest! {
    #[test]
    fn a_server_that_is_ordered_away_might_as_well_not_be_configured(states in "[udnmzUDNMZ]{1,8}") {
        let now = Instant::now();
        let letters: Vec<_> = states.chars().collect();
        let is_left = |letter: char| matches!(letter.to_ascii_lowercase(), 'u' | 'd');
        let left: Vec<usize> = (0..letters.len()).filter(|nth| is_left(letters[*nth])).collect();
        let others: String = left.iter().map(|nth| letters[*nth]).collect();
        let (all, without) = (with_states(&states, now), with_states(&others, now));
        let expected = reached(&without, &[], now).into_iter().map(|nth| left[nth]);
        proptest::prop_assert_eq!(reached(&all, &[], now), expected.collect::<Vec<_>>());
        proptest::prop_assert_eq!(all.is_panicking(now), without.is_panicking(now));
    }
}

#[test]
fn new_and_kept_clients_are_told_apart() {
    // State, as a page shows it, takes new, takes kept.
    let table = [
        ('u', "UP", true, true),
        ('d', "DOWN", false, false),
        ('e', "EJECTED", false, false),
        ('n', "DRAIN", false, true),
        ('z', "DRAIN", false, true),
        ('m', "MAINT", false, false),
    ];
    for (state, shown, new, kept) in table {
        let now = Instant::now();
        let upstream = with_states(&format!("{state}u"), now);
        let server = &upstream.servers()[0];
        assert_eq!(server.state(now).to_string(), shown, "{state}");
        let takes = (server.takes_new(now), server.takes_kept(now));
        assert_eq!(takes, (new, kept), "{state}");
    }
    let now = Instant::now();
    let upstream = with_states("du", now);
    let server = &upstream.servers()[0];
    order(server, Order::Drain, now);
    assert_eq!(server.state(now).to_string(), "DRAIN", "down or not");
    assert!(!server.takes_kept(now), "down is down");
}

#[test]
fn maintenance_leaves_a_server_without_a_past() {
    let now = Instant::now();
    for state in ['d', 'e'] {
        let upstream = with_states(&format!("{state}u"), now);
        let server = &upstream.servers()[0];
        order(server, Order::Maint, now);
        // What comes back from before says nothing any more.
        for _ in 0..10 {
            upstream.failed(server, Failure::Reset, now);
        }
        sample::take_down(server, now);
        assert_eq!(server.vitals.last_check(), None);
        let later = now + Duration::from_secs(1);
        order(server, Order::Ready, later);
        assert_eq!(server.state(later).to_string(), "UP", "{state}");
        assert_eq!(server.vitals.last_change(), later);
        assert!(server.takes_new(later));
    }
    // Draining is no maintenance: what was known stays so.
    let upstream = with_states("du", now);
    let server = &upstream.servers()[0];
    order(server, Order::Drain, now);
    order(server, Order::Ready, now);
    assert_eq!(server.state(now).to_string(), "DOWN");
}

#[test]
fn the_last_server_that_operators_left_is_never_ejected() {
    for away in ['n', 'm', 'z'] {
        let now = Instant::now();
        let upstream = with_states(&format!("u{away}"), now);
        let server = &upstream.servers()[0];
        for _ in 0..10 {
            upstream.failed(server, Failure::Reset, now);
        }
        assert!(server.takes_new(now), "{away}");
        assert!(server.vitals.ejections_refused.get() > 0, "{away}");
    }
}

#[test]
fn another_weight_holds_from_the_next_request_on() {
    let now = Instant::now();
    let upstream = build(&sample::upstream(&[1, 1]), now);
    let share = |count: usize| {
        let picks = (0..count).map(|_| pick_index(&upstream, &[], now).unwrap());
        picks.filter(|index| *index == 0).count()
    };
    assert_eq!(share(40), 20);
    weigh(&upstream.servers()[0], 3, now);
    assert_eq!(share(40), 30);
    weigh(&upstream.servers()[1], 256, now);
    assert!(share(259 * 2).abs_diff(6) <= 1);
    weigh(&upstream.servers()[1], 0, now);
    assert_eq!(share(40), 40);
    let next = Upstream::build(&sample::upstream(&[1, 2]), None, Some(&upstream), now);
    let effective = next.servers().iter().map(Server::effective_weight);
    assert_eq!(effective.collect::<Vec<_>>(), [3, 0], "adopted");
}
