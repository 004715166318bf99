//! Conditions of statements, and what a request tells for them.

use std::collections::BTreeMap;

use super::pattern;

/// What a request tells: values by key. Keys are compared without regard to case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::sandbox) struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    /// The same with one more key.
    pub(in crate::sandbox) fn with(mut self, key: &str, values: Vec<String>) -> Self {
        self.0.insert(key.to_ascii_lowercase(), values);
        self
    }

    /// The values of a key.
    fn get(&self, key: &str) -> Option<&Vec<String>> {
        self.0.get(&key.to_ascii_lowercase())
    }
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// The same text.
    Equals,
    /// The same text but for case.
    EqualsIgnoringCase,
    /// With wildcards.
    Like,
    /// `true` or `false`.
    Bool,
    /// Whether the key is absent.
    Null,
}

/// Which of several values of a request must fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    /// The one there is.
    One,
    /// Each; also where there is none.
    All,
    /// At least one.
    Any,
}

/// An operator of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operator {
    /// How a value is compared.
    comparison: Comparison,
    /// Whether it must not fit.
    is_negated: bool,
    /// Which of several values.
    quantity: Quantity,
    /// Whether a key that is absent fits.
    if_exists: bool,
}

impl Operator {
    /// Reads an operator; none where it is not one that is evaluated here.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (quantity, rest) = match text.split_once(':') {
            Some(("ForAllValues", rest)) => (Quantity::All, rest),
            Some(("ForAnyValue", rest)) => (Quantity::Any, rest),
            Some(_) => return None,
            None => (Quantity::One, text),
        };
        let (rest, if_exists) = match rest.strip_suffix("IfExists") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let (comparison, is_negated) = match rest {
            "StringEquals" => (Comparison::Equals, false),
            "StringNotEquals" => (Comparison::Equals, true),
            "StringEqualsIgnoreCase" => (Comparison::EqualsIgnoringCase, false),
            "StringNotEqualsIgnoreCase" => (Comparison::EqualsIgnoringCase, true),
            // ARNs may have wildcards in both (IAM User Guide, "ARN condition operators").
            "StringLike" | "ArnLike" | "ArnEquals" => (Comparison::Like, false),
            "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => (Comparison::Like, true),
            "Bool" => (Comparison::Bool, false),
            "Null" if !if_exists && quantity == Quantity::One => (Comparison::Null, false),
            _ => return None,
        };
        Some(Self { comparison, is_negated, quantity, if_exists })
    }

    /// Whether a value fits one of those of the policy, or none, where it must not.
    fn fits(self, wanted: &[String], value: &str) -> bool {
        let is_one = wanted.iter().any(|wanted| match self.comparison {
            Comparison::Equals => wanted == value,
            Comparison::EqualsIgnoringCase | Comparison::Bool => wanted.eq_ignore_ascii_case(value),
            Comparison::Like => pattern::matches(wanted, value),
            Comparison::Null => false,
        });
        is_one != self.is_negated
    }
}

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    /// How it is compared.
    pub(super) operator: Operator,
    /// What of the request.
    pub(super) key: String,
    /// With what.
    pub(super) values: Vec<String>,
}

impl Condition {
    /// Whether it holds of a request.
    pub(super) fn holds(&self, context: &Context) -> bool {
        let Operator { comparison, is_negated, quantity, if_exists } = self.operator;
        let found = context.get(&self.key);
        if comparison == Comparison::Null {
            let is_absent = found.is_none().to_string();
            return self.values.iter().any(|value| value.eq_ignore_ascii_case(&is_absent));
        }
        let fits = |value: &String| self.operator.fits(&self.values, value);
        match (found, quantity) {
            (None, Quantity::All) => true,
            // What is not there is not equal to anything (IAM User Guide, "String condition
            // operators").
            (None, Quantity::One | Quantity::Any) => if_exists || is_negated,
            (Some(values), Quantity::All | Quantity::One) => values.iter().all(fits),
            (Some(values), Quantity::Any) => values.iter().any(fits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(operator: &str, key: &str, wanted: &[&str], context: &[(&str, &[&str])]) -> bool {
        let texts = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let context = context
            .iter()
            .fold(Context::default(), |all, (key, values)| all.with(key, texts(values)));
        let operator = Operator::parse(operator).unwrap();
        Condition { operator, key: key.to_owned(), values: texts(wanted) }.holds(&context)
    }

    #[test]
    fn operators_compare_as_iam_does() {
        let service: &[(&str, &[&str])] = &[("iam:PassedToService", &["ecs-tasks.amazonaws.com"])];
        let keys: &[(&str, &[&str])] = &[("dynamodb:LeadingKeys", &["P#shop", "P#shop#E#prod"])];
        for (operator, key, wanted, context, expected) in [
            ("StringEquals", "iam:PassedToService", "ecs-tasks.amazonaws.com", service, true),
            ("StringEquals", "IAM:passedtoservice", "ecs-tasks.amazonaws.com", service, true),
            ("StringEquals", "iam:PassedToService", "ecs-tasks.*", service, false),
            ("StringLike", "iam:PassedToService", "ecs-tasks.*", service, true),
            ("StringNotEquals", "iam:PassedToService", "ec2.amazonaws.com", service, true),
            ("StringEquals", "aws:RequestedRegion", "eu-west-1", service, false),
            ("StringEqualsIfExists", "aws:RequestedRegion", "eu-west-1", service, true),
            ("StringNotEquals", "aws:RequestedRegion", "eu-west-1", service, true),
            ("Null", "aws:RequestedRegion", "true", service, true),
            ("Null", "iam:PassedToService", "true", service, false),
            ("ForAllValues:StringLike", "dynamodb:LeadingKeys", "P#shop*", keys, true),
            ("ForAllValues:StringLike", "dynamodb:LeadingKeys", "P#shop", keys, false),
            ("ForAnyValue:StringLike", "dynamodb:LeadingKeys", "P#shop", keys, true),
            ("ForAnyValue:StringLike", "dynamodb:LeadingKeys", "*#AUD", keys, false),
            ("ForAllValues:StringLike", "dynamodb:LeadingKeys", "P#shop", service, true),
        ] {
            assert_eq!(
                holds(operator, key, &[wanted], context),
                expected,
                "{operator} {key} {wanted}"
            );
        }
    }

    #[test]
    fn other_operators_are_not_taken() {
        for operator in ["IpAddress", "DateLessThan", "ForSomeValues:StringLike", "NullIfExists"] {
            assert_eq!(Operator::parse(operator), None, "{operator}");
        }
    }
}
