//! What looks like a secret is not printed: it becomes a variable, which whoever applies it gives.

use crate::plan::hcl::{Expression, Item, resource_name};

/// What is not printed of a task definition.
pub(super) struct Hidden {
    /// The name of its resource.
    resource: String,
    /// The variables, each with what it stands for.
    variables: Vec<(String, String)>,
}

impl Hidden {
    /// Nothing is hidden yet.
    pub(super) fn new(resource: String) -> Self {
        Self { resource, variables: Vec::new() }
    }

    /// A variable in the place of a value.
    pub(super) fn hide(&mut self, container: &str, of: &str, name: &str) -> Expression {
        let words = [self.resource.as_str(), container, name];
        let skipped = usize::from(self.resource == container);
        let words: Vec<&str> = words.into_iter().skip(skipped).collect();
        let mut variable = resource_name(&words);
        while self.variables.iter().any(|(other, _)| *other == variable) {
            variable.push('_');
        }
        self.variables.push((variable.clone(), format!("The {of} {name} of {container}.")));
        Expression::Bare(format!("var.{variable}"))
    }

    /// The blocks of the variables.
    pub(super) fn variables(self) -> Vec<Item> {
        if self.variables.is_empty() {
            return Vec::new();
        }
        let mut items = vec![
            Item::Comment(
                "What looks like a secret is not printed. Give what ECS has for it, as".to_owned(),
            ),
            Item::Comment("`TF_VAR_…` for example, or better have it in `secrets`.".to_owned()),
        ];
        for (variable, description) in self.variables {
            let body = vec![
                Item::text("description", &description),
                Item::bare("type", "string"),
                Item::bare("sensitive", "true"),
            ];
            items.push(Item::block(format!("variable \"{variable}\""), body));
            items.push(Item::Blank);
        }
        items
    }
}

/// Words in the names of secrets, without what parts them.
const SECRETS: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "privatekey",
    "accesskey",
    "credential",
    "licensekey",
];

/// Whether a value looks like a secret, by its name or because a password is in its URL. What names a
/// place where secrets are is none.
pub(super) fn is_secret(name: &str, value: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let name: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    let names_a_place = ["arn", "name", "url", "uri", "path", "file", "id"];
    let is_a_place = names_a_place.iter().any(|end| name.ends_with(end));
    let says_it = SECRETS.iter().any(|word| name.contains(word)) && !is_a_place;
    let is_plain = value.is_empty() || value.starts_with("arn:") || value.parse::<f64>().is_ok();
    (says_it && !is_plain && !is_a_switch(value)) || has_password(value)
}

/// Whether a value only turns something on or off.
fn is_a_switch(value: &str) -> bool {
    ["true", "false", "on", "off", "yes", "no"].contains(&value.to_ascii_lowercase().as_str())
}

/// Whether a password is in a URL, or in options such as those of a mount.
fn has_password(value: &str) -> bool {
    if value.to_ascii_lowercase().contains("password=") {
        return true;
    }
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.and_then(|user| user.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_by_their_names_and_by_passwords_in_urls() {
        for (name, value) in [
            ("DB_PASSWORD", "hunter2"),
            ("apiKey", "k-123"),
            ("splunk-token", "0f-1a"),
            ("STRIPE_SECRET", "sk"),
            ("DATABASE_URL", "postgres://shop:hunter2@db.internal:5432/shop"),
            ("DATABASE", "host=db user=shop password=hunter2"),
        ] {
            assert!(is_secret(name, value), "{name}={value}");
        }
        for (name, value) in [
            ("DB_PASSWORD", ""),
            ("SECRET_ARN", "arn:aws:secretsmanager:eu-west-1:000000000000:secret:x"),
            ("TOKEN_URL", "https://id.example/token"),
            ("TOKEN_TTL", "3600"),
            ("USE_TOKEN", "true"),
            ("DATABASE_URL", "postgres://shop@db.internal:5432/shop"),
            ("HOMEPAGE", "https://shop.example/a:b@c"),
            ("SERVICE", "search"),
        ] {
            assert!(!is_secret(name, value), "{name}={value}");
        }
    }
}
