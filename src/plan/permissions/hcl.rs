//! Policies as Terraform has them.

use std::fmt::Write as _;

use super::{
    policy::{Condition, Effect, Policy, Statement},
    reach::Principal,
    trust::Trust,
};

/// A text in quotes.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace("${", "$${").replace("%{", "%%{"))
}

/// A list of texts, on as many lines as there are texts.
fn list(texts: &[String], indent: usize) -> String {
    match texts {
        [one] => format!("[{}]", quoted(one)),
        many => {
            let inner = " ".repeat(indent + 2);
            let lines: String = many.iter().fold(String::new(), |mut lines, text| {
                // Writing to a string cannot fail.
                let _infallible = writeln!(lines, "{inner}{},", quoted(text));
                lines
            });
            format!("[\n{lines}{}]", " ".repeat(indent))
        }
    }
}

/// A name as Terraform takes it for a block.
fn identifier(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let text: String = name.chars().map(plain).collect();
    if text.starts_with(|c: char| c.is_ascii_digit()) { format!("_{text}") } else { text }
}

/// The blocks of conditions.
fn conditions(conditions: &[Condition]) -> String {
    conditions.iter().fold(String::new(), |mut blocks, Condition { operator, key, values }| {
        let (key, values) = (quoted(key), list(values, 6));
        // Writing to a string cannot fail.
        let _infallible = write!(
            blocks,
            "\n    condition {{\n      test     = \"{operator}\"\n      variable = {key}\n      \
             values   = {values}\n    }}\n"
        );
        blocks
    })
}

/// The block of a statement.
fn statement(statement: &Statement) -> String {
    let Statement { sid, effect, actions, resources, .. } = statement;
    let effect = match effect {
        Effect::Allow => String::new(),
        Effect::Deny => "    effect    = \"Deny\"\n".to_owned(),
    };
    format!(
        "  statement {{\n    sid       = \"{sid}\"\n{effect}    actions   = {}\n    resources = {}\n{}  \
         }}\n",
        list(actions, 4),
        list(resources, 4),
        conditions(&statement.conditions)
    )
}

/// The blocks of a policy: its document, the policy, and its attachment where the manifest names the
/// role.
fn blocks(policy: &Policy) -> String {
    let id = identifier(&policy.name);
    let statements: Vec<String> = policy.statements.iter().map(statement).collect();
    let mut text = format!(
        "data \"aws_iam_policy_document\" \"{id}\" {{\n{}}}\n\n\
         resource \"aws_iam_policy\" \"{id}\" {{\n  name   = {}\n  \
         policy = data.aws_iam_policy_document.{id}.json\n}}\n",
        statements.join("\n"),
        quoted(&policy.name)
    );
    if let Principal::Role(arn) = &policy.principal {
        let role = arn.rsplit('/').next().unwrap_or(arn);
        // Writing to a string cannot fail.
        let _infallible = write!(
            text,
            "\n# In the account of {arn}.\n\
             resource \"aws_iam_role_policy_attachment\" \"{id}\" {{\n  role       = {}\n  \
             policy_arn = aws_iam_policy.{id}.arn\n}}\n",
            quoted(role)
        );
    }
    text
}

/// Policies as HCL.
#[must_use]
pub fn hcl(policies: &[Policy]) -> String {
    let all: Vec<String> = policies.iter().map(blocks).collect();
    all.join("\n").trim_end().to_owned()
}

/// A role that jobs may take on, and the provider of their tokens, as HCL.
#[must_use]
pub fn trust_hcl(trust: &Trust, role: &str) -> String {
    let (id, provider) = (identifier(role), identifier(trust.host()));
    format!(
        "# One for each host in an account: leave it out where there is one, and name it below.\n\
         resource \"aws_iam_openid_connect_provider\" \"{provider}\" {{\n  \
         url            = {}\n  client_id_list = [{}]\n}}\n\n\
         data \"aws_iam_policy_document\" \"{id}_trust\" {{\n  statement {{\n    \
         actions = [\"sts:AssumeRoleWithWebIdentity\"]\n\n    principals {{\n      \
         type        = \"Federated\"\n      \
         identifiers = [aws_iam_openid_connect_provider.{provider}.arn]\n    }}\n{}  }}\n}}\n\n\
         resource \"aws_iam_role\" \"{id}\" {{\n  name               = {}\n  \
         assume_role_policy = data.aws_iam_policy_document.{id}_trust.json\n}}",
        quoted(&format!("https://{}", trust.host())),
        quoted(&trust.audience()),
        conditions(&trust.conditions()),
        quoted(role)
    )
}
