//! The filters of `GetParametersByPath` and `DescribeParameters`.
//!
//! A parameter is listed when all filters hold; a filter holds when one of its values does.

use aws_sdk_ssm::types::{ParameterStringFilter, ParametersFilter};

use super::{fault, name::Selector, parameter::Parameter, path};
use crate::sandbox::call::Fault;

/// Which listing the filters are for; they differ in what can be filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listing {
    /// `GetParametersByPath`.
    ByPath,
    /// `DescribeParameters`.
    Describe,
}

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    /// The full name.
    Name,
    /// The kind of value.
    Type,
    /// The KMS key.
    Kms,
    /// Where the name is.
    Path,
    /// A label of any version.
    Label,
    /// The tier.
    Tier,
    /// The data type.
    DataType,
    /// The value of a tag.
    Tag(String),
}

/// How it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// The whole text.
    Equals,
    /// Its start.
    BeginsWith,
    /// Any part of it.
    Contains,
    /// Names on any level below the path.
    Recursive,
    /// Names on the level right below the path.
    OneLevel,
}

/// One filter.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Filter {
    /// What is compared.
    key: Key,
    /// How.
    rule: Rule,
    /// With what; a path is kept as the start of the names below it.
    values: Vec<String>,
}

/// The filters of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filters(Vec<Filter>);

impl Filters {
    /// Reads a request's `ParameterFilters`.
    pub(super) fn read(filters: &[ParameterStringFilter], listing: Listing) -> Result<Self, Fault> {
        let mut read: Vec<Filter> = Vec::new();
        for filter in filters {
            let filter = Filter::read(filter, listing)?;
            if read.iter().any(|other| other.key == filter.key) {
                return Err(fault::invalid_filter_key(
                    "The following filter is duplicated in the request. A request can contain only \
                     one occurrence of a specific filter.",
                ));
            }
            read.push(filter);
        }
        Ok(Self(read))
    }

    /// Reads the deprecated `Filters` of `DescribeParameters`.
    pub(super) fn read_old(filters: &[ParametersFilter]) -> Result<Self, Fault> {
        let filters: Vec<_> = filters
            .iter()
            .map(|filter| {
                let key = filter.key().as_str();
                let rule = if key == "Name" { "BeginsWith" } else { "Equals" };
                ParameterStringFilter::builder()
                    .key(key)
                    .option(rule)
                    .set_values(Some(filter.values().to_vec()))
                    .build()
                    .map_err(|error| fault::validation(error.to_string()))
            })
            .collect::<Result<_, _>>()?;
        Self::read(&filters, Listing::Describe)
    }

    /// Whether a parameter is listed.
    pub(super) fn hold(&self, parameter: &Parameter) -> bool {
        self.0.iter().all(|filter| filter.holds(parameter))
    }

    /// A start that the names of all listed parameters have, so that no others need be read.
    pub(super) fn name_start(&self) -> &str {
        let starts = self.0.iter().filter_map(|filter| match (filter.rule, &filter.values[..]) {
            (Rule::Equals | Rule::BeginsWith, [only]) if filter.key == Key::Name => Some(only),
            (Rule::Recursive | Rule::OneLevel, [only]) => Some(only),
            _ => None,
        });
        starts.max_by_key(|start| start.len()).map_or("", String::as_str)
    }

    /// The label that a filter asks for, as far as the parameter has it: then the version with the
    /// label is listed, not the latest one.
    pub(super) fn label_of(&self, parameter: &Parameter) -> Option<Selector> {
        let wanted = self.0.iter().find(|filter| filter.key == Key::Label)?;
        let label = wanted
            .values
            .iter()
            .find(|&value| parameter.versions().any(|version| version.labels.contains(value)))?;
        Some(Selector::Label(label.clone()))
    }
}

impl Filter {
    /// Reads one filter.
    fn read(filter: &ParameterStringFilter, listing: Listing) -> Result<Self, Fault> {
        let key = read_key(filter.key(), listing)?;
        let rule = read_rule(&key, filter.option())?;
        let values = filter.values().to_vec();
        check_values(&key, rule, &values)?;
        let values = match key {
            Key::Path => {
                values.iter().map(|value| path::read_path(value)).collect::<Result<_, _>>()?
            }
            _ => values,
        };
        Ok(Self { key, rule, values })
    }

    /// Whether the parameter has what is asked for.
    fn holds(&self, parameter: &Parameter) -> bool {
        let latest = parameter.latest();
        match &self.key {
            Key::Name => self.matches(Some(&parameter.name)),
            Key::Type => self.matches(Some(latest.kind.api().as_str())),
            Key::Kms => self.matches(latest.key_id.as_deref()),
            Key::Tier => self.matches(Some(latest.tier.api().as_str())),
            Key::DataType => self.matches(Some(&latest.data_type)),
            Key::Path => self.values.iter().any(|start| {
                parameter.name.starts_with(start.as_str())
                    && (self.rule == Rule::Recursive
                        || path::is_right_below(&parameter.name, start))
            }),
            Key::Label => parameter
                .versions()
                .any(|version| version.labels.iter().any(|label| self.values.contains(label))),
            Key::Tag(key) => {
                let value = parameter.tags.get(key).map(String::as_str);
                self.matches(value) || (self.values.is_empty() && value.is_some())
            }
        }
    }

    /// Whether a text is one of the values, by the rule.
    fn matches(&self, text: Option<&str>) -> bool {
        let Some(text) = text else { return false };
        self.values.iter().any(|value| match self.rule {
            Rule::BeginsWith => text.starts_with(value.as_str()),
            Rule::Contains => text.contains(value.as_str()),
            Rule::Equals | Rule::Recursive | Rule::OneLevel => text == value,
        })
    }
}

/// Reads what is to be compared, which not every listing can.
fn read_key(text: &str, listing: Listing) -> Result<Key, Fault> {
    let key = match text {
        "Name" => Key::Name,
        "Type" => Key::Type,
        "KeyId" => Key::Kms,
        "Path" => Key::Path,
        "Label" => Key::Label,
        "Tier" => Key::Tier,
        "DataType" => Key::DataType,
        other => read_tag_key(other)?,
    };
    let (is_valid, valid) = match listing {
        Listing::ByPath => {
            (matches!(key, Key::Type | Key::Kms | Key::Label), "[Type, KeyId, Label]")
        }
        Listing::Describe => {
            (key != Key::Label, "[Path, Name, Type, KeyId, Tier, DataType, tag:key]")
        }
    };
    if is_valid {
        return Ok(key);
    }
    Err(fault::invalid_filter_key(format!(
        "The following filter key is not valid: {text}. Valid filter keys include: {valid}."
    )))
}

/// Reads `tag:<key>`.
fn read_tag_key(text: &str) -> Result<Key, Fault> {
    if let Some(key) = text.strip_prefix("tag:")
        && !key.is_empty()
    {
        return Ok(Key::Tag(key.to_owned()));
    }
    let rule = "Member must satisfy regular expression pattern: \
                tag:.+|Name|Type|KeyId|Path|Label|Tier|DataType";
    Err(fault::constraint(text, "parameterFilters.key", rule))
}

/// Reads how it is to be compared, which depends on what is.
fn read_rule(key: &Key, option: Option<&str>) -> Result<Rule, Fault> {
    let (valid, default): (&[(&str, Rule)], Rule) = match key {
        Key::Path => {
            (&[("Recursive", Rule::Recursive), ("OneLevel", Rule::OneLevel)], Rule::OneLevel)
        }
        Key::Label => (&[("Equals", Rule::Equals)], Rule::Equals),
        Key::Name => (
            &[
                ("Equals", Rule::Equals),
                ("BeginsWith", Rule::BeginsWith),
                ("Contains", Rule::Contains),
            ],
            Rule::Equals,
        ),
        _ => (&[("Equals", Rule::Equals), ("BeginsWith", Rule::BeginsWith)], Rule::Equals),
    };
    let Some(option) = option else { return Ok(default) };
    let found = valid.iter().find(|(name, _)| *name == option).map(|(_, rule)| *rule);
    found.ok_or_else(|| {
        let names: Vec<_> = valid.iter().map(|(name, _)| *name).collect();
        fault::invalid_filter_option(option, &format!("[{}]", names.join(", ")))
    })
}

/// Checks that the values can be values of the key.
fn check_values(key: &Key, rule: Rule, values: &[String]) -> Result<(), Fault> {
    if values.is_empty() && !matches!(key, Key::Tag(_)) {
        return Err(fault::invalid_filter_value("The filter has no values."));
    }
    if values.len() > 50 {
        let rule = "Member must have length less than or equal to 50";
        return Err(fault::constraint(values.len(), "parameterFilters.values", rule));
    }
    let valid: &[&str] = match (key, rule) {
        (Key::Type, Rule::Equals) => &["String", "StringList", "SecureString"],
        (Key::Tier, Rule::Equals) => &["Standard", "Advanced", "Intelligent-Tiering"],
        _ => return Ok(()),
    };
    match values.iter().find(|value| !valid.contains(&value.as_str())) {
        None => Ok(()),
        Some(value) => Err(fault::invalid_filter_value(format!(
            "The following filter value is not valid: {value}. Valid values include: [{}].",
            valid.join(", ")
        ))),
    }
}
