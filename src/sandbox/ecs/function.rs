//! What the functions of lifecycle hooks answer.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sandbox::state::Entity;

/// What a function answers. As text: `succeed`, `fail`, `crash` or `hang`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// `SUCCEEDED`.
    #[default]
    Succeed,
    /// `FAILED`.
    Fail,
    /// Nothing: it breaks off.
    Crash,
    /// `IN_PROGRESS`, each time it is asked.
    Hang,
}

/// Why a text is no answer of a function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not what a function answers: succeed, fail, crash and hang are")]
pub struct AnswerError(String);

impl Answer {
    /// All of them.
    const ALL: [Self; 4] = [Self::Succeed, Self::Fail, Self::Crash, Self::Hang];

    /// As JSON has it, too.
    const fn name(self) -> &'static str {
        match self {
            Self::Succeed => "succeed",
            Self::Fail => "fail",
            Self::Crash => "crash",
            Self::Hang => "hang",
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Answer {
    type Err = AnswerError;

    fn from_str(text: &str) -> Result<Self, AnswerError> {
        let named = Self::ALL.into_iter().find(|answer| answer.name() == text);
        named.ok_or_else(|| AnswerError(text.to_owned()))
    }
}

/// One setting of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Setting {
    /// Which function.
    function: String,
    /// What it answers.
    answer: Answer,
    /// From when on.
    since: Timestamp,
}

/// All answers that were set, in their order. A function of which nothing is said succeeds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Functions {
    /// The settings, oldest first.
    settings: Vec<Setting>,
}

impl Entity for Functions {
    const KIND: &'static str = "ecs.functions";
}

impl Functions {
    /// Sets what a function answers from `since` on.
    pub(super) fn set(&mut self, function: &str, answer: Answer, since: Timestamp) {
        self.settings.push(Setting { function: function.to_owned(), answer, since });
    }

    /// The answers that hold at last, but for those that succeed.
    pub(super) fn list(&self) -> Vec<(String, Answer)> {
        let mut latest: Vec<(String, Answer)> = Vec::new();
        for setting in &self.settings {
            latest.retain(|(function, _)| *function != setting.function);
            latest.push((setting.function.clone(), setting.answer));
        }
        latest.retain(|(_, answer)| *answer != Answer::Succeed);
        latest
    }

    /// What the function with an ARN answers at a moment: by the latest setting for its ARN, for its
    /// name, or for its name with a version or alias.
    pub(super) fn answer(&self, arn: &str, moment: Timestamp) -> Answer {
        let mut told = self.settings.iter().filter(|one| one.since <= moment);
        let latest = told.rfind(|one| is_meant(&one.function, arn));
        latest.map(|one| one.answer).unwrap_or_default()
    }
}

/// Whether a text means the function with an ARN.
pub(super) fn is_meant(text: &str, arn: &str) -> bool {
    let named = arn.split_once(":function:").map_or(arn, |(_, named)| named);
    let name = named.split(':').next().unwrap_or(named);
    [arn, named, name].contains(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_bound_to_arns_and_names() {
        const ARN: &str = "arn:aws:lambda:eu-west-1:000000000000:function:smoke:live";
        let at = |second| Timestamp::from_second(second).unwrap();
        for text in [ARN, "smoke:live", "smoke"] {
            let mut functions = Functions::default();
            functions.set(text, Answer::Fail, at(5));
            assert_eq!(functions.answer(ARN, at(5)), Answer::Fail, "{text}");
            assert_eq!(functions.answer(ARN, at(4)), Answer::Succeed, "it is not retroactive");
            functions.set(text, Answer::Succeed, at(6));
            assert_eq!(functions.answer(ARN, at(7)), Answer::Succeed);
            assert!(functions.list().is_empty());
        }
        let mut functions = Functions::default();
        functions.set("smok", Answer::Hang, at(0));
        assert_eq!(functions.answer(ARN, at(1)), Answer::Succeed);
        assert_eq!(functions.list(), [("smok".to_owned(), Answer::Hang)]);
    }

    #[test]
    fn an_answer_has_one_text_on_the_command_line_and_in_json() {
        for answer in Answer::ALL {
            assert_eq!(answer.to_string().parse(), Ok(answer));
            assert_eq!(serde_json::to_value(answer).unwrap(), answer.name());
        }
        assert!("yes".parse::<Answer>().is_err());
    }
}
