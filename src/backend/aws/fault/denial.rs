//! Who may not do what, read from AWS's sentence.

/// Who may not do what, as far as AWS's message tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Denial {
    /// The caller's ARN.
    pub principal: Option<String>,
    /// The IAM action, such as `ecs:UpdateService`.
    pub action: Option<String>,
    /// The resource's ARN.
    pub resource: Option<String>,
}

impl Denial {
    /// Reads AWS's usual sentence, `User: <arn> is not authorized to perform: <action> on
    /// resource: <arn> because …`; what it does not hold is left out.
    pub(super) fn read(message: &str) -> Self {
        let word_after = |mark: &str| {
            let rest = message.split_once(mark)?.1;
            rest.split_whitespace().next().map(|word| word.trim_end_matches(['.', ',']).to_owned())
        };
        Self {
            principal: word_after("User: "),
            action: word_after("is not authorized to perform: "),
            resource: word_after("on resource: "),
        }
    }

    /// What to allow to whom.
    pub(super) fn hint(&self, operation: &str) -> String {
        let action = self.action.as_deref().unwrap_or(operation);
        let principal = self.principal.as_deref().unwrap_or("the role in use");
        match &self.resource {
            Some(resource) => format!("allow `{action}` on `{resource}` to `{principal}`"),
            None => format!("allow `{action}` to `{principal}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_names_who_and_what() {
        let denial = Denial::read(
            "User: arn:aws:sts::1:assumed-role/dev/bob is not authorized to perform: \
             ecs:UpdateService on resource: arn:aws:ecs:eu-west-1:1:service/c/s because no \
             identity-based policy allows the ecs:UpdateService action",
        );
        assert_eq!(
            denial.hint("UpdateService"),
            "allow `ecs:UpdateService` on `arn:aws:ecs:eu-west-1:1:service/c/s` to \
             `arn:aws:sts::1:assumed-role/dev/bob`"
        );
        assert_eq!(Denial::read("no"), Denial::default());
        assert_eq!(
            Denial::default().hint("PutParameter"),
            "allow `PutParameter` to `the role in use`"
        );
    }
}
