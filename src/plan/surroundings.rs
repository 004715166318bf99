//! What is around the services that move: alarms that have gone off already, somebody else who
//! scales them, and whether ECS has anything to go back to.
//!
//! All of it is good to know and stops nothing. What cannot be read is said once.

use std::collections::{BTreeMap, BTreeSet};

use super::steps::{Note, Plan, Rollout, Warning};
use crate::model::{AlarmState, ScalingBounds, ServiceId};

/// What came of asking for something that need not be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked<T> {
    /// There was no need to ask.
    NotNeeded,
    /// It was told.
    Told(T),
    /// It could not be read.
    Untold(Silence),
}

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// The reason, in words.
    pub reason: String,
    /// Whether whoever asked may not know it.
    pub is_denied: bool,
}

impl Silence {
    /// What helps: to allow the action, where that is what is missing.
    fn hint(&self, action: &str) -> Option<String> {
        self.is_denied.then(|| format!("allow the action `{action}`"))
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The alarms that watch the rollouts of each service that moves.
    pub watched: BTreeMap<ServiceId, Vec<String>>,
    /// The states of these alarms; those that there are not are absent.
    pub alarms: Asked<BTreeMap<String, AlarmState>>,
    /// The services whose number of tasks is scaled.
    pub scaled: Asked<BTreeMap<ServiceId, ScalingBounds>>,
    /// The services that no rollout was ever completed of, as far as ECS remembers.
    pub without_way_back: BTreeSet<ServiceId>,
}

/// The most services that a note names.
const NAMED: usize = 6;

impl Plan {
    /// The services that are told to move.
    #[must_use]
    pub fn moves(&self) -> BTreeSet<ServiceId> {
        let moves = self.steps.iter().filter(|step| matches!(step.rollout, Rollout::Update { .. }));
        moves.map(|step| step.service.clone()).collect()
    }

    /// Adds what its surroundings mean for it.
    pub fn take_note_of(&mut self, surroundings: &Surroundings) {
        let watched = surroundings.watched.iter();
        self.warnings.extend(watched.flat_map(|(service, names)| {
            names.iter().filter_map(|name| of_alarm(service, name, &surroundings.alarms))
        }));
        let without = surroundings.without_way_back.iter();
        self.warnings.extend(without.map(|service| Warning {
            service: service.clone(),
            text: "has no completed rollout that ECS could go back to by itself".to_owned(),
            hint: "release-tool goes back to what it runs now all the same".to_owned(),
        }));
        self.notes.extend(unread_alarms(surroundings));
        self.notes.extend(scaling(&surroundings.scaled));
    }
}

/// What an alarm means for a service that it watches, if it is not as it should be.
fn of_alarm(
    service: &ServiceId,
    name: &str,
    alarms: &Asked<BTreeMap<String, AlarmState>>,
) -> Option<Warning> {
    let Asked::Told(states) = alarms else { return None };
    let (text, hint) = match states.get(name) {
        Some(AlarmState::Ok | AlarmState::InsufficientData) => return None,
        Some(AlarmState::Alarm) => (
            format!("is watched by alarm `{name}`, which is in ALARM already"),
            "wait until it is OK: while one alarm has gone off before, ECS ignores all of them for \
             this rollout",
        ),
        None => (
            format!("is watched by alarm `{name}`, which CloudWatch does not have"),
            "create the alarm, or take it out of the service's deployment alarms",
        ),
    };
    Some(Warning { service: service.clone(), text, hint: hint.to_owned() })
}

/// That the alarms' states are not known.
fn unread_alarms(surroundings: &Surroundings) -> Option<Note> {
    let Asked::Untold(silence) = &surroundings.alarms else { return None };
    let services: Vec<String> = surroundings.watched.keys().map(|id| format!("`{id}`")).collect();
    Some(Note {
        text: format!(
            "cannot see whether an alarm that watches {} has gone off already: {}",
            listed(&services),
            silence.reason
        ),
        hint: silence.hint("cloudwatch:DescribeAlarms"),
    })
}

/// Who is scaled by whom, or that this is not known.
fn scaling(scaled: &Asked<BTreeMap<ServiceId, ScalingBounds>>) -> Option<Note> {
    match scaled {
        Asked::NotNeeded => None,
        Asked::Told(bounds) if bounds.is_empty() => None,
        Asked::Told(bounds) => {
            let services = bounds.iter();
            let services: Vec<String> = services
                .map(|(id, ScalingBounds { min, max })| format!("`{id}` ({min} to {max})"))
                .collect();
            let text = format!(
                "Application Auto Scaling sets the number of tasks of {}; it is left alone",
                listed(&services)
            );
            Some(Note { text, hint: None })
        }
        Asked::Untold(silence) => Some(Note {
            text: format!("cannot see which services are scaled by themselves: {}", silence.reason),
            hint: silence.hint("application-autoscaling:DescribeScalableTargets"),
        }),
    }
}

/// Things one after the other, up to a number.
fn listed(things: &[String]) -> String {
    let named: Vec<&str> = things.iter().take(NAMED).map(String::as_str).collect();
    let named = named.join(", ");
    match things.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{
        plan,
        test_support::{picture, released, request},
    };

    fn web() -> ServiceId {
        ServiceId::new("web").unwrap()
    }

    /// A plan that moves `web`, with what is around it.
    fn told(surroundings: &Surroundings) -> Plan {
        let wanted = request(&[("web", released("web:2", 2))], vec![picture("web:1")]);
        let mut plan = plan(wanted).unwrap();
        assert_eq!(plan.moves(), BTreeSet::from([web()]));
        plan.take_note_of(surroundings);
        plan
    }

    fn nothing() -> Surroundings {
        Surroundings {
            watched: BTreeMap::new(),
            alarms: Asked::NotNeeded,
            scaled: Asked::NotNeeded,
            without_way_back: BTreeSet::new(),
        }
    }

    #[test]
    fn alarms_that_will_not_help_are_warned_of() {
        let names = ["fine", "blind", "red", "gone"].map(str::to_owned).to_vec();
        let states = BTreeMap::from([
            ("fine".to_owned(), AlarmState::Ok),
            ("blind".to_owned(), AlarmState::InsufficientData),
            ("red".to_owned(), AlarmState::Alarm),
        ]);
        let plan = told(&Surroundings {
            watched: BTreeMap::from([(web(), names)]),
            alarms: Asked::Told(states),
            ..nothing()
        });
        let texts: Vec<&str> = plan.warnings.iter().map(|warning| warning.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "is watched by alarm `red`, which is in ALARM already",
                "is watched by alarm `gone`, which CloudWatch does not have",
            ]
        );
        assert_eq!(plan.notes, []);
    }

    /// What a plan tells of alarms and scaling that could not be read.
    fn unread(is_denied: bool) -> Plan {
        let unread = Silence { reason: "because".to_owned(), is_denied };
        told(&Surroundings {
            watched: BTreeMap::from([(web(), vec!["a".to_owned(), "b".to_owned()])]),
            alarms: Asked::Untold(unread.clone()),
            scaled: Asked::Untold(unread),
            ..nothing()
        })
    }

    #[test]
    fn what_may_not_be_read_is_one_note_with_the_action() {
        let plan = unread(true);
        let hints: Vec<&str> = plan.notes.iter().filter_map(|note| note.hint.as_deref()).collect();
        assert_eq!(
            hints,
            [
                "allow the action `cloudwatch:DescribeAlarms`",
                "allow the action `application-autoscaling:DescribeScalableTargets`",
            ]
        );
        assert!(plan.notes[0].text.contains("watches `web`"), "{:?}", plan.notes);
        assert_eq!(plan.warnings, []);
    }

    #[test]
    fn where_no_answer_comes_no_action_is_to_be_allowed() {
        let plan = unread(false);
        assert!(plan.notes.iter().all(|note| note.text.ends_with(": because")));
        assert!(plan.notes.len() == 2 && plan.notes.iter().all(|note| note.hint.is_none()));
    }

    #[test]
    fn services_that_are_scaled_are_named_up_to_a_point() {
        let bounds = |id: usize| {
            let id = ServiceId::new(format!("s{id}")).unwrap();
            (id, ScalingBounds { min: 1, max: 4 })
        };
        let scaled = Asked::Told((1..=8).map(bounds).collect());
        let plan = told(&Surroundings { scaled, ..nothing() });
        assert_eq!(
            plan.notes[0].text,
            "Application Auto Scaling sets the number of tasks of `s1` (1 to 4), `s2` (1 to 4), \
             `s3` (1 to 4), `s4` (1 to 4), `s5` (1 to 4), `s6` (1 to 4) and 2 more; it is left alone"
        );
        let none = told(&Surroundings { scaled: Asked::Told(BTreeMap::new()), ..nothing() });
        assert_eq!(none.notes, []);
    }

    #[test]
    fn a_service_without_a_way_back_is_warned_of() {
        let plan = told(&Surroundings { without_way_back: BTreeSet::from([web()]), ..nothing() });
        assert!(plan.warnings[0].text.starts_with("has no completed rollout"));
    }
}
