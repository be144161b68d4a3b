//! Who is served when, and that nobody who waits is forgotten.

use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;
use crate::balance::sample;

/// Servers with room for so many requests each, and a queue.
fn spec(room: &[u32], size: u32) -> model::Upstream {
    let mut spec = sample::upstream(&vec![1; room.len()]);
    for (server, room) in spec.servers.iter_mut().zip(room) {
        server.max_connections = NonZeroU32::new(*room);
    }
    spec.queue = Some(model::Queue {
        size: NonZeroU32::new(size).unwrap(),
        timeout: Duration::from_secs(5),
    });
    spec
}

fn upstream(room: &[u32], size: u32) -> Arc<Upstream> {
    Upstream::build(&spec(room, size), None, None, Instant::now())
}

fn ask(upstream: &Arc<Upstream>, kept: Option<usize>) -> Result<Picked, Refusal> {
    upstream.pick_or_wait(kept, &Tried::EMPTY, Instant::now())
}

fn at_once(upstream: &Arc<Upstream>, kept: Option<usize>) -> Pick {
    match ask(upstream, kept) {
        Ok(Picked::AtOnce(pick)) => pick,
        other => panic!("{other:?}"),
    }
}

fn in_turn(upstream: &Arc<Upstream>, kept: Option<usize>) -> Waiting {
    match ask(upstream, kept) {
        Ok(Picked::InTurn(waiting)) => waiting,
        other => panic!("{other:?}"),
    }
}

/// What has been sent to it so far.
fn served(waiting: &mut Waiting) -> Option<Pick> {
    waiting.answer.try_recv().ok().map(Result::unwrap)
}

#[tokio::test]
async fn who_came_first_is_served_first_and_a_place_serves_one() {
    let upstream = upstream(&[1], 10);
    let mut held = at_once(&upstream, None);
    let mut line: Vec<_> = (0..4).map(|_| in_turn(&upstream, None)).collect();
    for turn in 0..4 {
        drop(held);
        let found: Vec<_> = line.iter_mut().map(served).collect();
        let who: Vec<_> = found.iter().map(Option::is_some).collect();
        let expected: Vec<_> = (0..4).map(|nth| nth == turn).collect();
        assert_eq!(who, expected);
        held = found.into_iter().flatten().next().unwrap();
    }
    let numbers = QueueNumbers {
        current: 0,
        max: 4,
        limit: Some(10),
        total: 4,
        timed_out: 0,
    };
    assert_eq!(upstream.queue(), numbers);
    assert_eq!(upstream.queue.waiting.load(SeqCst), 0);
}

#[tokio::test]
async fn who_leaves_hands_on_the_place_that_was_given() {
    let upstream = upstream(&[1], 10);
    let held = at_once(&upstream, None);
    let (gone, given, mut next) = (
        in_turn(&upstream, None),
        in_turn(&upstream, None),
        in_turn(&upstream, None),
    );
    drop(gone);
    drop(held);
    assert!(
        served(&mut next).is_none(),
        "it was given to the one before"
    );
    drop(given);
    assert!(served(&mut next).is_some());
}

#[tokio::test]
async fn nobody_overtakes_those_in_line() {
    let upstream = upstream(&[1, 1], 10);
    let held = [at_once(&upstream, None), at_once(&upstream, None)];
    let mut first = in_turn(&upstream, None);
    drop(held);
    // Two places were free; the first in line has one, and the other is anybody's.
    let pick = served(&mut first).unwrap();
    let other = at_once(&upstream, None);
    assert_ne!(pick.server().index, other.server().index);
}

#[tokio::test(start_paused = true)]
async fn a_wait_has_an_end_and_a_line_too() {
    let upstream = upstream(&[1], 2);
    let held = at_once(&upstream, None);
    let (first, second) = (in_turn(&upstream, None), in_turn(&upstream, None));
    assert_eq!(ask(&upstream, None).unwrap_err(), Refusal::QueueFull);
    let begun = time::Instant::now();
    assert_eq!(first.turn().await.unwrap_err(), Refusal::QueueTimeout);
    assert_eq!(begun.elapsed(), Duration::from_secs(5));
    assert_eq!(upstream.queue().current, 1);
    drop(second);
    assert_eq!((upstream.queue().total, upstream.queue().timed_out), (2, 1));
    drop(held);
    assert_eq!(upstream.servers()[0].vitals.in_flight(), 0);
}

#[tokio::test]
async fn no_server_at_all_is_nothing_to_wait_for() {
    let mut spec = spec(&[1], 10);
    spec.servers.clear();
    let upstream = Upstream::build(&spec, None, None, Instant::now());
    assert_eq!(ask(&upstream, None).unwrap_err(), Refusal::NoServer);
    assert_eq!(upstream.queue.waiting.load(SeqCst), 0);
}

#[tokio::test]
async fn a_kept_client_waits_for_its_own_server_and_holds_up_nobody() {
    let upstream = upstream(&[1, 1], 10);
    let own = at_once(&upstream, Some(0));
    let mut kept = in_turn(&upstream, Some(0));
    let other = at_once(&upstream, None);
    assert_eq!(other.server().index, 1);
    drop(other);
    assert!(served(&mut kept).is_none());
    let other = at_once(&upstream, None);
    // By age, over both lines.
    let mut any = in_turn(&upstream, None);
    drop(own);
    let own = served(&mut kept).unwrap();
    assert_eq!(own.server().index, 0);
    drop(own);
    assert_eq!(served(&mut any).unwrap().server().index, 0);
    drop(other);
}

#[tokio::test]
async fn a_kept_client_goes_elsewhere_once_its_server_is_down_or_the_line_is_full() {
    let upstream = upstream(&[1, 1], 1);
    let own = at_once(&upstream, Some(0));
    let mut kept = in_turn(&upstream, Some(0));
    let elsewhere = at_once(&upstream, Some(0));
    assert_eq!(elsewhere.server().index, 1);
    drop(elsewhere);
    sample::take_down(&upstream.servers()[0], Instant::now());
    assert!(served(&mut kept).is_none());
    upstream.look_again();
    assert_eq!(served(&mut kept).unwrap().server().index, 1);
    drop(own);
}

#[tokio::test]
async fn a_server_that_comes_up_serves_as_many_as_it_has_room_for() {
    let upstream = upstream(&[1, 2], 10);
    let server = &upstream.servers()[1];
    sample::take_down(server, Instant::now());
    let held = at_once(&upstream, None);
    let mut line: Vec<_> = (0..4).map(|_| in_turn(&upstream, None)).collect();
    sample::bring_up(server, Instant::now());
    upstream.look_again();
    let found: Vec<_> = line.iter_mut().filter_map(served).collect();
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|pick| pick.server().index == 1));
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn the_first_in_line_finds_by_itself_what_nobody_tells() {
    let upstream = upstream(&[1, 1], 10);
    let server = &upstream.servers()[1];
    sample::take_down(server, Instant::now());
    let held = at_once(&upstream, None);
    let waiting = in_turn(&upstream, None);
    sample::bring_up(server, Instant::now());
    let begun = time::Instant::now();
    assert_eq!(waiting.turn().await.unwrap().server().index, 1);
    assert_eq!(begun.elapsed(), LOOK_EVERY);
    drop(held);
}

#[tokio::test]
async fn one_that_has_tried_a_server_lets_others_have_its_place() {
    let upstream = upstream(&[1, 1], 10);
    let held = [at_once(&upstream, Some(0)), at_once(&upstream, Some(1))];
    let tried = [0].into_iter().collect();
    let again = upstream.pick_or_wait(None, &tried, Instant::now());
    let Ok(Picked::InTurn(mut again)) = again else {
        panic!("{again:?}");
    };
    let mut fresh = in_turn(&upstream, None);
    let [first, second] = held;
    drop(first);
    assert!(served(&mut again).is_none());
    assert_eq!(served(&mut fresh).unwrap().server().index, 0);
    drop(second);
    assert_eq!(served(&mut again).unwrap().server().index, 1);
}

#[tokio::test]
async fn a_line_outlives_a_reload() {
    let old = upstream(&[1, 1], 10);
    let held = [at_once(&old, None), at_once(&old, None)];
    let mut first = in_turn(&old, None);
    let new = Upstream::build(&spec(&[1], 5), None, Some(&old), Instant::now());
    let mut second = in_turn(&new, None);
    let mut third = in_turn(&old, None);
    assert_eq!((new.queue().current, new.queue().limit), (3, Some(5)));
    // The second is of a generation that has the first server alone.
    for pick in held {
        let is_first = pick.server().index == 0;
        drop(pick);
        if is_first {
            assert!(served(&mut first).is_some());
            assert!(served(&mut second).is_some(), "the place was freed again");
        } else {
            assert!(served(&mut third).is_some() || served(&mut first).is_some());
        }
    }
}

#[tokio::test]
async fn a_new_generation_with_more_room_is_not_held_up_by_the_old() {
    let old = upstream(&[1], 10);
    let held = at_once(&old, None);
    let mut waiting = in_turn(&old, None);
    let new = Upstream::build(&spec(&[3], 10), None, Some(&old), Instant::now());
    let mut fresh = in_turn(&new, None);
    let pick = served(&mut fresh).unwrap();
    assert!(served(&mut waiting).is_none());
    drop((held, pick));
    assert!(served(&mut waiting).is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_that_come_and_go_leave_nobody_waiting() {
    let mut spec = spec(&[2, 1], 1000);
    spec.queue.as_mut().unwrap().timeout = Duration::from_secs(3600);
    let upstream = Upstream::build(&spec, None, None, Instant::now());
    let client = async |upstream: Arc<Upstream>, seed: u64| {
        let mut chance = fastrand::Rng::with_seed(seed);
        for _ in 0..300 {
            let kept = [None, Some(0), Some(1)][chance.usize(..3)];
            let pick = match ask(&upstream, kept).unwrap() {
                Picked::AtOnce(pick) => pick,
                Picked::InTurn(waiting) if chance.u8(..4) == 0 => {
                    tokio::task::yield_now().await;
                    drop(waiting);
                    continue;
                }
                Picked::InTurn(waiting) => waiting.turn().await.unwrap(),
            };
            let server = pick.server();
            let room = server.max_connections.unwrap().get();
            assert!(server.vitals.in_flight() <= room);
            for _ in 0..chance.u8(..3) {
                tokio::task::yield_now().await;
            }
        }
    };
    let clients = (0..32).map(|seed| tokio::spawn(client(Arc::clone(&upstream), seed)));
    let clients: Vec<_> = clients.collect();
    // Looking each second, one that was forgotten would be found in the end, but 9,600 requests would take for ever.
    let all = async {
        for client in clients {
            client.await.unwrap();
        }
    };
    time::timeout(Duration::from_secs(60), all).await.unwrap();
    let in_flight = |server: &Server| server.vitals.in_flight();
    assert_eq!(upstream.servers().iter().map(in_flight).sum::<u32>(), 0);
    assert_eq!(upstream.queue().current, 0);
    assert_eq!(upstream.queue.waiting.load(SeqCst), 0);
}

#[derive(Clone, Debug)]
enum Event {
    Comes(Option<usize>),
    /// Of those served.
    Ends(usize),
    /// Of those in line.
    Leaves(usize),
    Turns(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => prop::option::of(0..3_usize).prop_map(Event::Comes),
        3 => any::<usize>().prop_map(Event::Ends),
        1 => any::<usize>().prop_map(Event::Leaves),
        1 => (0..3_usize).prop_map(Event::Turns),
    ]
}

proptest! {
    #[test]
    fn whoever_waits_has_nowhere_to_go(events in prop::collection::vec(event(), 1..120)) {
        let upstream = upstream(&[2, 1, 1], 8);
        let mut held = Vec::new();
        let mut line: Vec<(Option<usize>, Waiting)> = Vec::new();
        for event in events {
            match event {
                Event::Comes(kept) => match ask(&upstream, kept) {
                    Ok(Picked::AtOnce(pick)) => held.push(pick),
                    Ok(Picked::InTurn(waiting)) => line.push((kept, waiting)),
                    Err(refusal) => prop_assert_eq!(refusal, Refusal::QueueFull),
                },
                Event::Ends(nth) if !held.is_empty() => {
                    drop(held.swap_remove(nth % held.len()));
                }
                Event::Leaves(nth) if !line.is_empty() => drop(line.remove(nth % line.len())),
                Event::Turns(index) => {
                    let server = &upstream.servers()[index];
                    if server.is_up() {
                        sample::take_down(server, Instant::now());
                    } else {
                        sample::bring_up(server, Instant::now());
                    }
                    upstream.look_again();
                }
                Event::Ends(_) | Event::Leaves(_) => {}
            }
            let mut is_any_waiting = false;
            let mut still = Vec::new();
            for (kept, mut waiting) in line {
                if let Some(pick) = served(&mut waiting) {
                    prop_assert!(kept.is_some() || !is_any_waiting, "served out of turn");
                    held.push(pick);
                } else {
                    is_any_waiting |= kept.is_none();
                    still.push((kept, waiting));
                }
            }
            line = still;
            for (kept, _) in &line {
                let now = Instant::now();
                let is_free = upstream.pick_if_free(*kept, &Tried::EMPTY, now).is_ok();
                prop_assert!(!is_free, "{kept:?} is forgotten");
            }
            prop_assert_eq!(upstream.queue().current, line.len() as u64);
            prop_assert_eq!(upstream.queue.waiting.load(SeqCst), line.len());
        }
    }
}
