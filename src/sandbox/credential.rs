//! Who signed a request, and for which region and service: the credential scope of Signature
//! Version 4, and what an access key of the sandbox tells.
//!
//! Signatures are **not** verified, and a request without one is taken, too: the sandbox guards
//! nothing, it only has to know whose resources are meant.
//!
//! An access key is `AKIA` (a user's) or `ASIA` (a session's), the account's 12 digits and four
//! more characters, which makes the 20 characters that AWS's have. Any other key is the default
//! account's.

use aws_credential_types::Credentials;

use super::{
    call::{Fault, Scope},
    refusal,
    service::Protocol,
};

/// The account of requests whose access key tells none.
pub const DEFAULT_ACCOUNT: &str = "000000000000";

/// The region of requests that are not signed.
pub const DEFAULT_REGION: &str = "eu-west-1";

/// The secret of every access key, since no signature is verified.
pub(super) const SECRET: &str = "the-sandbox-does-not-verify-signatures";

/// Credentials of a user in an account; of the default account, if the text is not 12 digits.
#[must_use]
pub fn credentials(account: &str) -> Credentials {
    let account = if is_account(account) { account } else { DEFAULT_ACCOUNT };
    Credentials::new(format!("AKIA{account}USER"), SECRET, None, None, "sandbox")
}

/// Whether a text is an account id.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The account that an access key belongs to.
pub(super) fn account_of(access_key: &str) -> &str {
    ["AKIA", "ASIA"]
        .iter()
        .find_map(|kind| access_key.strip_prefix(kind)?.get(..12))
        .filter(|account| is_account(account))
        .unwrap_or(DEFAULT_ACCOUNT)
}

/// The access key of an account's session by number. Numbers that are 36⁴ apart share a key.
pub(super) fn session_key(account: &str, number: u32) -> String {
    let digits: String = (0..4)
        .rev()
        .filter_map(|place| char::from_digit(number / 36_u32.pow(place) % 36, 36))
        .map(|digit| digit.to_ascii_uppercase())
        .collect();
    format!("ASIA{account}{digits}")
}

/// What the `Authorization` header tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signer {
    /// The access key's id.
    pub(super) access_key: String,
    /// The region of the credential scope.
    region: String,
    /// The service of the credential scope.
    pub(super) service: String,
}

impl Signer {
    /// Reads the header, `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`.
    pub(super) fn parse(header: &str, protocol: Protocol) -> Result<Self, Fault> {
        let incomplete = || refusal::incomplete_signature(protocol);
        let parameters = header.strip_prefix("AWS4-HMAC-SHA256 ").ok_or_else(incomplete)?;
        let credential = parameters
            .split(',')
            .find_map(|parameter| parameter.trim().strip_prefix("Credential="))
            .ok_or_else(incomplete)?;
        let parts: Vec<&str> = credential.split('/').collect();
        match parts.as_slice() {
            [key, _date, region, service, "aws4_request"]
                if !key.is_empty() && !region.is_empty() =>
            {
                Ok(Self {
                    access_key: (*key).to_owned(),
                    region: (*region).to_owned(),
                    service: (*service).to_owned(),
                })
            }
            _ => Err(incomplete()),
        }
    }

    /// Whose resources a request of this signer is about.
    pub(super) fn scope(&self) -> Scope {
        Scope { account: account_of(&self.access_key).to_owned(), region: self.region.clone() }
    }
}

/// The header that [`Signer::parse`] reads, for the sandbox's own requests.
pub(super) fn authorization(scope: &Scope, service: &str) -> String {
    let Scope { account, region } = scope;
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIA{account}SEED/20260101/{region}/{service}/aws4_request, \
         SignedHeaders=host, Signature=0"
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sandbox::call::Fault;
    use crate::sandbox::service::Service;

    #[test]
    fn keys_tell_their_account() {
        for (key, account) in [
            ("AKIA111111111111USER", "111111111111"),
            ("ASIA2222222222220001", "222222222222"),
            ("AKIAIOSFODNN7EXAMPLE", DEFAULT_ACCOUNT),
            ("ASIA11111111111", DEFAULT_ACCOUNT),
            ("ABIA111111111111USER", DEFAULT_ACCOUNT),
            ("AKIA11111111111é", DEFAULT_ACCOUNT),
            ("test", DEFAULT_ACCOUNT),
            ("", DEFAULT_ACCOUNT),
        ] {
            assert_eq!(account_of(key), account, "{key}");
        }
        assert_eq!(credentials("123456789012").access_key_id(), "AKIA123456789012USER");
        assert_eq!(credentials("prod").access_key_id(), "AKIA000000000000USER");
    }

    #[test]
    fn the_header_tells_key_region_and_service() {
        let header = "AWS4-HMAC-SHA256 Credential=AKIA111111111111USER/20261121/us-east-2/ecs/\
                      aws4_request, SignedHeaders=host;x-amz-date, Signature=abc";
        let signer = Signer::parse(header, Protocol::Json).unwrap();
        assert_eq!(signer.service, "ecs");
        assert_eq!(signer.scope().key("x"), "111111111111/us-east-2/x");
    }

    #[test]
    fn other_headers_are_incomplete() {
        for header in [
            "",
            "Bearer abc",
            "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=abc",
            "AWS4-HMAC-SHA256 Credential=KEY/20261121/us-east-2/ecs",
            "AWS4-HMAC-SHA256 Credential=KEY/20261121//ecs/aws4_request",
            "AWS4-HMAC-SHA256 Credential=KEY/20261121/eu/west/ecs/aws4_request",
        ] {
            let Err(Fault::Answer { code, .. }) =
                Signer::parse(header, Protocol::Query(Service::Sts))
            else {
                panic!("`{header}` was taken");
            };
            assert_eq!(code, "IncompleteSignature", "{header}");
        }
    }

    proptest! {
        #[test]
        fn session_keys_are_distinct_and_tell_their_account(a in 0_u32..1_679_616, b in 0_u32..1_679_616) {
            let key = session_key("123456789012", a);
            prop_assert_eq!(key.len(), 20);
            prop_assert_eq!(account_of(&key), "123456789012");
            prop_assert_eq!(a == b, key == session_key("123456789012", b));
        }

        #[test]
        fn our_own_header_is_read_back(account in "[0-9]{12}", region in "[a-z]{2}-[a-z]{4}-[1-3]") {
            let scope = Scope { account, region };
            let signer = Signer::parse(&authorization(&scope, "ssm"), Protocol::Json).unwrap();
            prop_assert_eq!(signer.scope(), scope);
        }
    }
}
