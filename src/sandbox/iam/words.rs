//! What the operations of IAM have in common: parameters, errors, tags, pages.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{Request, Told};
use crate::sandbox::{
    call::Fault,
    form::Form,
    page::{self, BadToken, Page},
    region, xml,
};

/// An error with a status of its own.
fn refuse(status: u16, code: &str, message: impl Into<String>) -> Fault {
    let members = [("message".to_owned(), serde_json::Value::from(message.into()))];
    Fault::Answer { status, code: code.to_owned(), members: members.into_iter().collect() }
}

/// That something is not there.
pub(super) fn no_such(message: impl Into<String>) -> Fault {
    refuse(404, "NoSuchEntity", message)
}

/// That something is there already.
pub(super) fn exists(message: impl Into<String>) -> Fault {
    refuse(409, "EntityAlreadyExists", message)
}

/// That something else still needs it.
pub(super) fn conflict(message: impl Into<String>) -> Fault {
    refuse(409, "DeleteConflict", message)
}

/// That there is no room for more.
pub(super) fn too_many(message: impl Into<String>) -> Fault {
    refuse(409, "LimitExceeded", message)
}

/// That a parameter is not what it must be.
pub(super) fn invalid(message: impl Into<String>) -> Fault {
    refuse(400, "ValidationError", message)
}

/// Tags, by key.
pub(super) type Tags = BTreeMap<String, String>;

/// The most tags of one thing (IAM User Guide, "IAM and AWS STS quotas").
const TAGS_MAX: usize = 50;
/// How many entries a listing gives where nobody says.
const PAGE: usize = 100;

impl Request<'_> {
    /// A parameter that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Fault> {
        self.form.value(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            let mut member = name.to_owned();
            if let Some(first) = member.get_mut(..1) {
                first.make_ascii_lowercase();
            }
            invalid(format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy \
                 constraint: Member must not be null"
            ))
        })
    }

    /// A name: letters, digits and `+=,.@_-`.
    pub(super) fn name(&self, parameter: &str, most: usize) -> Result<&str, Fault> {
        let name = self.required(parameter)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
        if name.chars().all(allowed) && name.len() <= most {
            return Ok(name);
        }
        Err(invalid(format!(
            "The specified value for {} is invalid. It must contain only alphanumeric characters \
             and/or the following: +=,.@_-",
            lower_first(parameter)
        )))
    }

    /// A path: `/` where there is none.
    pub(super) fn path(&self) -> Result<&str, Fault> {
        let path = self.form.value("Path").unwrap_or("/");
        if path.starts_with('/') && path.ends_with('/') && path.len() <= 512 {
            return Ok(path);
        }
        Err(invalid(
            "The specified value for path is invalid. It must begin and end with / and contain \
             only alphanumeric characters and/or / characters.",
        ))
    }

    /// An ARN of the account.
    pub(super) fn arn(&self, resource: &str) -> String {
        let scope = &self.call.scope;
        format!("arn:{}:iam::{}:{resource}", region::partition(&scope.region), scope.account)
    }

    /// The tags that come with it.
    pub(super) fn tags(&self) -> Tags {
        let text = |form: &Form, name| form.value(name).unwrap_or_default().to_owned();
        let tags = self.form.structures("Tags").into_iter();
        tags.map(|form| (text(&form, "Key"), text(&form, "Value"))).collect()
    }

    /// Puts the tags that come with it on something.
    pub(super) fn add_tags(&self, tags: &mut Tags) -> Result<(), Fault> {
        tags.extend(self.tags());
        if tags.len() > TAGS_MAX {
            return Err(too_many("The number of tags has reached the maximum limit."));
        }
        Ok(())
    }

    /// Takes the tags away whose keys come with it.
    pub(super) fn remove_tags(&self, tags: &mut Tags) {
        for key in self.form.list("TagKeys") {
            tags.remove(&key);
        }
    }

    /// A page of a listing, which is sorted by the keys of its entries.
    pub(super) fn page(&self, member: &str, entries: Vec<(String, String)>) -> Told {
        let after = page::after(self.form.value("Marker"), "")
            .map_err(|BadToken| invalid("Invalid Marker."))?;
        let most = self.form.value("MaxItems").map_or(Ok(PAGE), str::parse::<usize>);
        let most = most.ok().filter(|most| (1..=1000).contains(most));
        let most = most.ok_or_else(|| invalid("MaxItems must be from 1 to 1000."))?;
        let Page { items, next } = page::cut(entries, &after, most);
        let mut told = vec![
            xml::element(member, &items),
            xml::text("IsTruncated", &next.is_some().to_string()),
        ];
        told.extend(next.map(|marker| xml::text("Marker", &marker)));
        Ok(told)
    }
}

/// A name as error messages have it.
fn lower_first(name: &str) -> String {
    let mut name = name.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    name
}

/// Tags as they are told with what has them; nothing where there are none.
pub(super) fn told_tags(tags: &Tags) -> Option<String> {
    (!tags.is_empty()).then(|| xml::element("Tags", &listed_tags(tags)))
}

/// Tags as entries of a list.
fn listed_tags(tags: &Tags) -> Vec<String> {
    let tag = |(key, value): (&String, &String)| {
        xml::element("member", &[xml::text("Key", key), xml::text("Value", value)])
    };
    tags.iter().map(tag).collect()
}

/// The listing of tags.
pub(super) fn page_of_tags(request: &Request<'_>, tags: &Tags) -> Told {
    let entries = tags.keys().cloned().zip(listed_tags(tags)).collect();
    request.page("Tags", entries)
}

/// A document as IAM gives it out: percent-encoded (RFC 3986).
pub(super) fn encoded(document: &str) -> String {
    document.bytes().fold(String::with_capacity(document.len() * 2), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _infallible = write!(text, "%{byte:02X}");
        }
        text
    })
}
