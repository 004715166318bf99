//! Lists in pages, in whatever order ECS gives them: oldest or newest first, or by name.
//!
//! Invariant: a token names the last entry of its page, so that entries which come and go between
//! two requests neither repeat nor hide others.

use aws_smithy_types::base64;

use super::faults::invalid;
use crate::sandbox::call::Fault;

/// The page of `items` after `token`, and the token of the next one, if there is more. `key` tells
/// entries apart. A page has `limit` entries, 1 to 100, or `default`.
pub(super) fn page<T>(
    items: Vec<T>,
    key: impl Fn(&T) -> &str,
    token: Option<&str>,
    limit: Option<i32>,
    default: usize,
) -> Result<(Vec<T>, Option<String>), Fault> {
    let limit = match limit.map(usize::try_from) {
        None => default,
        Some(Ok(limit @ 1..=100)) => limit,
        Some(_) => return Err(invalid("maxResults must be between 1 and 100.")),
    };
    let start = token.map_or(Ok(0), |token| after(&items, &key, token))?;
    let has_more = items.len() > start + limit;
    let page: Vec<T> = items.into_iter().skip(start).take(limit).collect();
    let last = page.last().filter(|_| has_more);
    let next = last.map(|item| encode(start + page.len(), key(item)));
    Ok((page, next))
}

/// Where the page after a token begins: after the entry it names, or where that one was.
fn after<T>(items: &[T], key: &impl Fn(&T) -> &str, token: &str) -> Result<usize, Fault> {
    let (place, last) = decode(token).ok_or_else(|| invalid("Invalid token."))?;
    let found = items.iter().position(|item| key(item) == last);
    Ok(found.map_or(place.saturating_sub(1), |index| index + 1))
}

/// A token: opaque to its users.
fn encode(place: usize, key: &str) -> String {
    base64::encode(format!("{place}/{key}"))
}

/// What a token says.
fn decode(token: &str) -> Option<(usize, String)> {
    let text = String::from_utf8(base64::decode(token).ok()?).ok()?;
    let (place, key) = text.split_once('/')?;
    Some((place.parse().ok()?, key.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("n/{number:03}")).collect()
    }

    #[test]
    fn pages_join_to_the_whole() {
        for (count, limit) in [(0, 1), (1, 1), (25, 10), (20, 10), (3, 100)] {
            let mut all = Vec::new();
            let mut token = None;
            loop {
                let (page, next) =
                    page(names(count), |name| name, token.as_deref(), Some(limit), 1).unwrap();
                all.extend(page);
                token = next;
                if token.is_none() {
                    break;
                }
            }
            assert_eq!(all, names(count));
        }
    }

    #[test]
    fn entries_that_go_hide_no_others() {
        let (_, token) = page(names(10), |name| name, None, Some(4), 1).unwrap();
        let mut fewer = names(10);
        fewer.remove(0);
        let (next, _) = page(fewer.clone(), |name| name, token.as_deref(), Some(4), 1).unwrap();
        assert_eq!(next[0], "n/004");
        fewer.remove(2);
        let (next, _) = page(fewer, |name| name, token.as_deref(), Some(4), 1).unwrap();
        assert_eq!(next[0], "n/005", "the entry that the token names is gone as well");
    }

    #[test]
    fn nonsense_is_refused() {
        for token in ["x", "zz", "00", ""] {
            assert!(page(names(1), |name| name, Some(token), None, 10).is_err(), "{token}");
        }
        for limit in [0, -1, 101] {
            assert!(page(names(1), |name| name, None, Some(limit), 10).is_err());
        }
    }
}
