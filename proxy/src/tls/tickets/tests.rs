//! What a ticket is good for, and who knows its key.

use std::{fs, os::unix::fs::PermissionsExt, time::UNIX_EPOCH};

use proptest::prelude::*;

use super::{
    shared::{FILE, LOCK},
    *,
};
use crate::state::State;

const POLICY: Policy = [7; 32];
const SESSION: &[u8] = b"a session";

fn at(hours: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_790_000_000 + hours * 3600)
}

fn node(home: &tempfile::TempDir, now: SystemTime) -> Tickets {
    let tickets = Tickets::default();
    tickets.refresh(home.path(), now);
    tickets
}

fn file(home: &tempfile::TempDir) -> String {
    fs::read_to_string(home.path().join(FILE)).unwrap()
}

#[test]
fn nodes_that_share_a_directory_open_each_others_tickets() {
    let home = tempfile::tempdir().unwrap();
    let (one, two) = (node(&home, at(0)), node(&home, at(1)));
    let ticket = one.seal(&POLICY, SESSION, at(1)).unwrap();
    assert_eq!(two.open(&POLICY, &ticket, at(2)).unwrap().session, SESSION);
    let mode = fs::metadata(home.path().join(FILE)).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = node(&elsewhere, at(1));
    assert_eq!(stranger.open(&POLICY, &ticket, at(2)), None);
}

#[test]
fn a_ticket_lives_for_twelve_hours_whatever_the_age_of_its_key() {
    let home = tempfile::tempdir().unwrap();
    let tickets = node(&home, at(0));
    let early = tickets.seal(&POLICY, SESSION, at(0)).unwrap();
    let late = tickets.seal(&POLICY, SESSION, at(11)).unwrap();
    let early_at = |hour| tickets.open(&POLICY, &early, at(hour)).is_some();
    let late_at = |hour| tickets.open(&POLICY, &late, at(hour)).is_some();
    assert_eq!(
        [early_at(11), early_at(12), late_at(12)],
        [true, false, true]
    );
    tickets.refresh(home.path(), at(12));
    assert_eq!([late_at(22), late_at(23)], [true, false]);
    // The clock of the node that sealed it is ahead.
    assert!(late_at(10));
}

#[test]
fn a_key_seals_for_twelve_hours_and_opens_for_as_long_again() {
    let home = tempfile::tempdir().unwrap();
    let (one, two) = (node(&home, at(0)), node(&home, at(0)));
    let first = file(&home);
    one.refresh(home.path(), at(11));
    assert_eq!(file(&home), first);
    let ticket = one.seal(&POLICY, SESSION, at(11)).unwrap();
    one.refresh(home.path(), at(12));
    let second = file(&home);
    assert_eq!((first.lines().count(), second.lines().count()), (2, 3));
    assert_eq!(first.lines().nth(1), second.lines().nth(2));
    // The other node hears of it, and makes none of its own.
    two.refresh(home.path(), at(12));
    assert_eq!(file(&home), second);
    let new = one.seal(&POLICY, SESSION, at(12)).unwrap();
    assert!(two.open(&POLICY, &new, at(12)).is_some());
    assert!(two.open(&POLICY, &ticket, at(12)).is_some());
    two.refresh(home.path(), at(24));
    assert_eq!(file(&home).lines().count(), 3);
    assert!(
        two.open(&POLICY, &ticket, at(22)).is_none(),
        "its key is gone"
    );
}

#[test]
fn whoever_holds_the_lock_makes_the_key() {
    let home = tempfile::tempdir().unwrap();
    let tickets = node(&home, at(0));
    let before = file(&home);
    let state = State::open(home.path()).unwrap();
    let held = state.lock(LOCK).unwrap().unwrap();
    tickets.refresh(home.path(), at(13));
    assert_eq!(file(&home), before);
    assert!(tickets.seal(&POLICY, SESSION, at(13)).is_some());
    drop(held);
    tickets.refresh(home.path(), at(13));
    assert_ne!(file(&home), before);
}

#[test]
fn a_directory_that_cannot_be_written_leaves_keys_in_memory_that_rotate() {
    let home = tempfile::tempdir().unwrap();
    let blocked = home.path().join("state");
    fs::write(&blocked, "not a directory").unwrap();
    let tickets = Tickets::default();
    tickets.refresh(&blocked, at(0));
    let ticket = tickets.seal(&POLICY, SESSION, at(11)).unwrap();
    tickets.refresh(&blocked, at(12));
    let second = tickets.seal(&POLICY, SESSION, at(12)).unwrap();
    assert_ne!(ticket[..16], second[..16], "the key is another");
    assert!(tickets.open(&POLICY, &ticket, at(13)).is_some());
    // Once it can be written, the keys are shared.
    fs::remove_file(&blocked).unwrap();
    tickets.refresh(&blocked, at(13));
    assert!(blocked.join(FILE).exists());
}

#[test]
fn a_damaged_file_is_replaced() {
    let home = tempfile::tempdir().unwrap();
    let good = {
        node(&home, at(0));
        file(&home)
    };
    let line = good.lines().nth(1).unwrap();
    let cases = [
        String::new(),
        "nonsense".to_owned(),
        good[..good.len() / 2].to_owned(),
        good.replace("keys 1", "keys 2"),
        format!("{good}{line}\n{line}\n"),
        good.replace(' ', "\t"),
        good.replace(line, &line.replace(|c: char| c.is_ascii_digit(), "é")),
    ];
    for damaged in cases {
        fs::write(home.path().join(FILE), &damaged).unwrap();
        let tickets = node(&home, at(0));
        assert_ne!(file(&home), damaged);
        assert!(tickets.seal(&POLICY, SESSION, at(0)).is_some(), "{damaged}");
    }
}

#[test]
fn a_ticket_is_good_under_its_own_policy_alone() {
    let home = tempfile::tempdir().unwrap();
    let tickets = node(&home, at(0));
    let ticket = tickets.seal(&POLICY, SESSION, at(0)).unwrap();
    assert!(tickets.open(&[8; 32], &ticket, at(0)).is_none());
}

#[test]
fn a_session_ends_twelve_hours_after_its_full_handshake_however_often_it_is_resumed() {
    let home = tempfile::tempdir().unwrap();
    let tickets = Arc::new(node(&home, at(0)));
    let connection = || Ticketer::new(Arc::clone(&tickets), POLICY);
    let mut ticket = connection().give(SESSION, at(0)).unwrap();
    for hour in [4, 8, 11] {
        let resumed = connection();
        assert_eq!(resumed.take(&ticket, at(hour)).unwrap(), SESSION);
        ticket = resumed.give(SESSION, at(hour)).unwrap();
    }
    tickets.refresh(home.path(), at(12));
    let late = connection();
    assert_eq!(late.take(&ticket, at(12)), None);
    // It shakes hands in full, and begins anew.
    let ticket = late.give(SESSION, at(12)).unwrap();
    assert!(connection().take(&ticket, at(23)).is_some());
}

#[test]
fn clocks_far_apart_do_not_fight_over_the_file() {
    let home = tempfile::tempdir().unwrap();
    let ahead = node(&home, at(20));
    let text = file(&home);
    let behind = node(&home, at(0));
    let own = behind.seal(&POLICY, SESSION, at(0)).unwrap();
    for hour in [0, 1, 8] {
        behind.refresh(home.path(), at(hour));
        ahead.refresh(home.path(), at(20 + hour));
        assert_eq!(file(&home), text, "{hour}");
        assert!(behind.open(&POLICY, &own, at(hour)).is_some());
        assert!(ahead.open(&POLICY, &own, at(20 + hour)).is_none());
    }
    // Less than half a day is nothing between friends.
    behind.refresh(home.path(), at(9));
    assert_eq!(file(&home), text);
    let shared = behind.seal(&POLICY, SESSION, at(9)).unwrap();
    assert!(ahead.open(&POLICY, &shared, at(20)).is_some());
}

#[test]
fn nothing_is_sealed_and_nothing_written_before_the_first_refresh() {
    let tickets = Tickets::default();
    assert_eq!(tickets.seal(&POLICY, SESSION, at(0)), None);
    assert_eq!(tickets.open(&POLICY, &[0; 100], at(0)), None);
}

proptest! {
    #[test]
    fn only_whole_tickets_open(
        session in prop::collection::vec(any::<u8>(), 0..300),
        cut in any::<prop::sample::Index>(),
        bit in any::<prop::sample::Index>(),
        foreign in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let ring = Ring::rotated(None, at(0)).unwrap();
        let ticket = ring.seal(&POLICY, &session, at(0)).unwrap();
        prop_assert_eq!(ring.open(&POLICY, &ticket, at(1)), Some(Opened { session, began: at(0) }));
        prop_assert_eq!(ring.open(&POLICY, &ticket[..cut.index(ticket.len())], at(1)), None);
        let mut flipped = ticket.clone();
        let bit = bit.index(ticket.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(ring.open(&POLICY, &flipped, at(1)), None);
        prop_assert_eq!(ring.open(&POLICY, &foreign, at(1)), None);
        let with_our_name = [&ticket[..16], &foreign[..]].concat();
        prop_assert_eq!(ring.open(&POLICY, &with_our_name, at(1)), None);
    }

    #[test]
    fn any_file_is_survived(text in any::<String>(), damage in any::<prop::sample::Index>()) {
        prop_assert!(Ring::read(&text).is_none());
        let (_, mut good) = Ring::next(None, at(0)).unwrap();
        prop_assert!(Ring::read(&good).is_some());
        let cut = damage.index(good.len() - 1);
        good.truncate(cut);
        prop_assert!(Ring::read(&good).is_none());
    }
}
