//! Policies as Terraform has them.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{
    policy::{Condition, Effect, Policy, Statement, account_of, last_part},
    reach::Principal,
    trust::Trust,
};
use crate::plan::hcl::quote;

/// A list of texts, on as many lines as there are texts.
fn list(texts: &[String], indent: usize) -> String {
    match texts {
        [one] => format!("[{}]", quote(one)),
        many => {
            let inner = " ".repeat(indent + 2);
            let lines: String = many.iter().fold(String::new(), |mut lines, text| {
                // Writing to a string cannot fail.
                let _infallible = writeln!(lines, "{inner}{},", quote(text));
                lines
            });
            format!("[\n{lines}{}]", " ".repeat(indent))
        }
    }
}

/// A name as Terraform takes it for a block.
pub(super) fn identifier(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let text: String = name.chars().map(plain).collect();
    if text.starts_with(|c: char| c.is_ascii_digit()) { format!("_{text}") } else { text }
}

/// The blocks of conditions.
fn conditions(conditions: &[Condition]) -> String {
    conditions.iter().fold(String::new(), |mut blocks, Condition { operator, key, values }| {
        let (key, values) = (quote(key), list(values, 6));
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

/// The provider of an account, where there are several.
fn provider(account: &str) -> String {
    format!("account_{account}")
}

/// The blocks of a policy: its document, the policy, and its attachment where the manifest names the
/// role. Where roles of several accounts get policies, each is made with the provider of its account.
fn blocks(policy: &Policy, has_accounts: bool) -> String {
    let id = identifier(&policy.name);
    let with = match &policy.principal {
        Principal::Role(arn) if has_accounts => {
            format!("  provider = aws.{}\n\n", provider(account_of(arn)))
        }
        _ => String::new(),
    };
    let statements: Vec<String> = policy.statements.iter().map(statement).collect();
    let mut text = format!(
        "data \"aws_iam_policy_document\" \"{id}\" {{\n{}}}\n\n\
         resource \"aws_iam_policy\" \"{id}\" {{\n{with}  name   = {}\n  \
         policy = data.aws_iam_policy_document.{id}.json\n}}\n",
        statements.join("\n"),
        quote(&policy.name)
    );
    if let Principal::Role(arn) = &policy.principal {
        // Writing to a string cannot fail.
        let _infallible = write!(
            text,
            "\n# The role has to be there: {arn}.\n\
             resource \"aws_iam_role_policy_attachment\" \"{id}\" {{\n{with}  role       = {}\n  \
             policy_arn = aws_iam_policy.{id}.arn\n}}\n",
            quote(last_part(arn))
        );
    }
    text
}

/// The accounts of the roles that get policies.
fn accounts(policies: &[Policy]) -> BTreeSet<&str> {
    let of = policies.iter().filter_map(|policy| match &policy.principal {
        Principal::Role(arn) => Some(account_of(arn)),
        Principal::Caller => None,
    });
    of.collect()
}

/// What has to be declared where roles of several accounts get policies.
fn providers(accounts: &BTreeSet<&str>) -> String {
    let each = accounts.iter().map(|account| {
        format!("#   provider \"aws\" {{\n#     alias = \"{}\"\n#   }}\n#\n", provider(account))
    });
    format!(
        "# The roles are in several accounts. Declare a provider for each, with credentials of that\n\
         # account:\n#\n{}\
         # `--role` with the ARN of a role prints what is for that role alone.\n\n",
        each.collect::<String>()
    )
}

/// Policies as HCL.
#[must_use]
pub fn hcl(policies: &[Policy]) -> String {
    let accounts = accounts(policies);
    let has_accounts = accounts.len() > 1;
    let head = if has_accounts { providers(&accounts) } else { String::new() };
    let all: Vec<String> = policies.iter().map(|policy| blocks(policy, has_accounts)).collect();
    head + all.join("\n").trim_end()
}

/// Where the identity provider that a role trusts comes from. An account has one for each issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// It is made.
    Made,
    /// It is made elsewhere in the same folder.
    Referred,
    /// It is there.
    LookedUp,
}

impl Provider {
    /// Its block, if there is one, and how it is referred to.
    fn block(self, trust: &Trust) -> (String, String) {
        let id = identifier(trust.issuer());
        let url = quote(&format!("https://{}", trust.issuer()));
        let kind = "aws_iam_openid_connect_provider";
        match self {
            Self::Made => (
                format!(
                    "# An account has one for each issuer: see `--provider`.\n\
                     resource \"{kind}\" \"{id}\" {{\n  url            = {url}\n  \
                     client_id_list = [{}]\n}}\n\n",
                    quote(&trust.audience())
                ),
                format!("{kind}.{id}"),
            ),
            Self::Referred => (String::new(), format!("{kind}.{id}")),
            Self::LookedUp => (
                format!("data \"{kind}\" \"{id}\" {{\n  url = {url}\n}}\n\n"),
                format!("data.{kind}.{id}"),
            ),
        }
    }
}

/// A role that jobs may take on, and the provider of their tokens, as HCL.
#[must_use]
pub fn trust_hcl(trust: &Trust, role: &str, provider: Provider) -> String {
    let (id, (block, provider)) = (identifier(role), provider.block(trust));
    format!(
        "{block}data \"aws_iam_policy_document\" \"{id}_trust\" {{\n  statement {{\n    \
         actions = [\"sts:AssumeRoleWithWebIdentity\"]\n\n    principals {{\n      \
         type        = \"Federated\"\n      \
         identifiers = [{provider}.arn]\n    }}\n{}  }}\n}}\n\n\
         resource \"aws_iam_role\" \"{id}\" {{\n  name               = {}\n  \
         assume_role_policy = data.aws_iam_policy_document.{id}_trust.json\n}}",
        conditions(&trust.conditions()),
        quote(role)
    )
}
