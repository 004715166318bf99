//! Every way in which a deployment can end, each played in the sandbox through the program: what
//! ECS shows, what is said of it, with which exit code, and how soon.
//!
//! The table of them, `docs/verdicts.md`, is written from what was seen here:
//! `UPDATE_DOCS=1 cargo test --test it verdicts`. Seconds differ from run to run, and are not
//! compared; that nothing is told later than at the first look after ECS knew is checked.

mod play;
mod scenarios;
mod table;

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use self::play::Played;

/// How many scenarios are played at the same time: they wait for most of their time.
const AT_ONCE: usize = 6;

#[test]
fn every_end_is_told_at_once_and_told_right() {
    let scenarios = scenarios::all();
    let next = AtomicUsize::new(0);
    let played: Mutex<Vec<(usize, Played)>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(scenario) = scenarios.get(index) else { return };
                    let one = play::to_its_end(scenario);
                    played.lock().unwrap().push((index, one));
                }
            });
        }
    });
    let mut played = played.into_inner().unwrap();
    played.sort_by_key(|(index, _)| *index);
    let played: Vec<Played> = played.into_iter().map(|(_, one)| one).collect();
    let wrong: Vec<String> =
        scenarios.iter().zip(&played).flat_map(|(scenario, one)| one.wrongs(scenario)).collect();
    assert!(wrong.is_empty(), "{} things are not told right:\n{}", wrong.len(), wrong.join("\n"));
    table::assert_written(&played);
}
