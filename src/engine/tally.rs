//! How many tasks of a rollout have stopped since ECS called it complete.
//!
//! Invariant: only what ECS really told counts. A look at which the tasks could not be read shows
//! nothing: neither that one stopped nor that none did.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::backend::platform::ecs::TaskEnd;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// From when on stopped tasks count; known from the first list that was read.
    since: Option<Since>,
    /// Those that have stopped since.
    stopped: BTreeSet<String>,
    /// Whether at least one of those known at the first look had stopped since.
    one_of_the_first: bool,
    /// Whether the tasks could not be read before the first list.
    began_blind: bool,
    /// Whether the tasks could not be read the last time.
    is_blind: bool,
}

/// From when on stopped tasks count.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Since {
    /// ECS tells when it called the rollout complete, by its own clock.
    Complete(Timestamp),
    /// It does not. These had stopped by the first look.
    FirstLook(BTreeSet<String>),
}

impl Tally {
    /// Takes note of one look: the stopped tasks, none where they could not be read, and when the
    /// rollout was complete, where ECS tells. Without that, the first list shows what had stopped
    /// before, and at least one task more where one is missing.
    pub(super) fn look(
        &mut self,
        stopped: Option<&[TaskEnd]>,
        (complete_at, is_short): (Option<Timestamp>, bool),
    ) {
        self.is_blind = stopped.is_none();
        let Some(stopped) = stopped else {
            self.began_blind |= self.since.is_none();
            return;
        };
        let ids = || stopped.iter().map(|task| task.id.clone());
        let since = self.since.get_or_insert_with(|| {
            self.one_of_the_first = complete_at.is_none() && is_short && !stopped.is_empty();
            complete_at.map_or_else(|| Since::FirstLook(ids().collect()), Since::Complete)
        });
        let counts = |task: &&TaskEnd| match since {
            Since::Complete(at) => task.began_at.is_some_and(|began| began > *at),
            Since::FirstLook(before) => !before.contains(&task.id),
        };
        self.stopped.extend(stopped.iter().filter(counts).map(|task| task.id.clone()));
    }

    /// How many tasks are known to have stopped since the rollout was complete.
    pub(super) fn stopped(&self) -> i32 {
        let first = usize::from(self.one_of_the_first);
        i32::try_from(self.stopped.len() + first).unwrap_or(i32::MAX)
    }

    /// Whether more may have stopped than is known.
    pub(super) fn may_lack_some(&self) -> bool {
        let lacks_the_first = self.began_blind && !matches!(self.since, Some(Since::Complete(_)));
        self.is_blind || lacks_the_first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tasks that stopped, each with the second at which it began to.
    fn list(tasks: &[(&str, i64)]) -> Vec<TaskEnd> {
        let end = |(id, second): &(&str, i64)| TaskEnd {
            id: (*id).to_owned(),
            began_at: Timestamp::from_second(*second).ok(),
        };
        tasks.iter().map(end).collect()
    }

    /// What a row of looks tells of a rollout with or without a known end: how many have stopped
    /// since, and whether there may be more.
    fn told(complete_at: Option<i64>, looks: &[(Option<Vec<TaskEnd>>, bool)]) -> (i32, bool) {
        let complete_at = complete_at.and_then(|at| Timestamp::from_second(at).ok());
        let mut tally = Tally::default();
        for (stopped, is_short) in looks {
            tally.look(stopped.as_deref(), (complete_at, *is_short));
        }
        (tally.stopped(), tally.may_lack_some())
    }

    /// Eleven tasks that failed on the way up, more than evidence keeps.
    fn many() -> Vec<(&'static str, i64)> {
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"].into_iter().zip(1..).collect()
    }

    #[test]
    fn what_stopped_after_the_end_counts_and_what_was_not_read_does_not() {
        let old = || Some(list(&many()));
        let and = |more: &[(&'static str, i64)]| Some(list(&[&many()[..], more].concat()));
        let cases = [
            ("none stopped", vec![(old(), false), (old(), false)], (0, false)),
            ("no look at all", vec![], (0, false)),
            (
                "two after the end",
                vec![(old(), false), (and(&[("x", 61), ("y", 62)]), true)],
                (2, false),
            ),
            ("at the first look already", vec![(and(&[("x", 61)]), true)], (1, false)),
            ("one was stopping when it ended", vec![(and(&[("x", 60)]), true)], (0, false)),
            ("the first look is not read", vec![(None, false), (old(), false)], (0, false)),
            (
                "a look between is not read",
                vec![(old(), false), (None, true), (old(), false)],
                (0, false),
            ),
            (
                "it stops unseen and is read later",
                vec![(None, true), (and(&[("x", 61)]), false)],
                (1, false),
            ),
            (
                "ECS forgets",
                vec![(Some(list(&[("x", 61)])), true), (Some(list(&[("y", 62)])), true)],
                (2, false),
            ),
            ("the last look is not read", vec![(old(), false), (None, false)], (0, true)),
            ("no look is read", vec![(None, true), (None, true)], (0, true)),
            ("a list is read and empty", vec![(Some(list(&[])), true), (old(), false)], (0, false)),
        ];
        for (name, looks, wanted) in cases {
            assert_eq!(told(Some(60), &looks), wanted, "{name}");
        }
    }

    #[test]
    fn where_ecs_does_not_tell_the_end_the_first_list_that_is_read_shows_it() {
        let old = || Some(list(&many()));
        let and = |more: &[(&'static str, i64)]| Some(list(&[&many()[..], more].concat()));
        let cases = [
            ("none is missing", vec![(old(), false)], (0, false)),
            ("one is missing", vec![(old(), true)], (1, false)),
            ("one is missing that is not listed", vec![(Some(list(&[])), true)], (0, false)),
            (
                "two more stop",
                vec![(old(), false), (and(&[("x", 61), ("y", 62)]), true)],
                (2, false),
            ),
            ("the first look is not read", vec![(None, false), (old(), false)], (0, true)),
            ("a later one is not", vec![(old(), false), (None, true), (old(), false)], (0, false)),
            ("no look is read", vec![(None, true)], (0, true)),
        ];
        for (name, looks, wanted) in cases {
            assert_eq!(told(None, &looks), wanted, "{name}");
        }
    }
}
