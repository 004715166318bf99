//! Ids that look like those of ECS, and come out the same when the same things happen.

use sha2::{Digest, Sha256};

/// Where a service's ids come from: each is the next of one sequence.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::sandbox::ecs) struct Ids {
    /// Sets this sequence apart from all others.
    seed: String,
    /// How many were taken.
    taken: u64,
}

impl Ids {
    /// A sequence; two with the same seed are the same.
    pub(in crate::sandbox::ecs) fn new(seed: impl Into<String>) -> Self {
        Self { seed: seed.into(), taken: 0 }
    }

    /// The id of a task: 32 hexadecimal digits.
    pub(in crate::sandbox::ecs) fn task(&mut self) -> String {
        hex(&self.next()).chars().take(32).collect()
    }

    /// The number that a deployment and the service revision it made have in common: 19 digits.
    pub(in crate::sandbox::ecs) fn number(&mut self) -> u64 {
        const SMALLEST: u64 = 1_000_000_000_000_000_000;
        let hash = self.next().iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        SMALLEST + hash % (8 * SMALLEST)
    }

    /// The id of a service deployment: 21 letters, digits, `-` and `_`.
    pub(in crate::sandbox::ecs) fn service_deployment(&mut self) -> String {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let letter = |byte: &u8| LETTERS.get(usize::from(byte % 64)).copied().map(char::from);
        self.next().iter().take(21).filter_map(letter).collect()
    }

    /// The id of an event: a UUID's form.
    pub(in crate::sandbox::ecs) fn event(&mut self) -> String {
        uuid(&self.next())
    }

    /// The next 32 bytes of the sequence.
    fn next(&mut self) -> [u8; 32] {
        self.taken += 1;
        Sha256::digest(format!("{}#{}", self.seed, self.taken)).into()
    }
}

/// A text's `sha256:` digest.
pub(in crate::sandbox) fn digest(text: &str) -> String {
    format!("sha256:{}", hex(&Sha256::digest(text)))
}

/// A name-based id of a deployment of CodeDeploy: `d-` and nine letters and digits.
pub(in crate::sandbox) fn deployment(text: &str) -> String {
    const LETTERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let letter = |byte: &u8| LETTERS.get(usize::from(byte % 36)).copied().map(char::from);
    let hash = Sha256::digest(text);
    format!("d-{}", hash.iter().take(9).filter_map(letter).collect::<String>())
}

/// A name-based id in a UUID's form.
pub(in crate::sandbox::ecs) fn uuid_of(text: &str) -> String {
    uuid(&Sha256::digest(text))
}

/// The first half of a hash, with dashes.
fn uuid(bytes: &[u8]) -> String {
    let digits = hex(bytes);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// Bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_forms_of_ecs() {
        let mut ids = Ids::new("a/b");
        assert_eq!(ids.task().len(), 32);
        assert_eq!(ids.number().to_string().len(), 19);
        assert_eq!(ids.service_deployment().len(), 21);
        assert_eq!(ids.event().len(), 36);
        assert_ne!(ids.task(), ids.task());
        assert_eq!(Ids::new("x").task(), Ids::new("x").task());
    }
}
