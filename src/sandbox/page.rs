//! Pages of listings that are sorted by key.
//!
//! Invariant: whoever follows the tokens sees every entry that was there all the time exactly once,
//! in the order of the keys. A token names the last entry that was given, so that entries which
//! come or go meanwhile make no other entry be repeated or left out.

use aws_smithy_types::base64;

use super::{
    SandboxError,
    state::{Entity, Transaction},
};

/// Some entries of a listing, and how to ask for those after them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page<T> {
    /// The entries.
    pub(super) items: Vec<T>,
    /// The token of the next page; `None` on the last one.
    pub(super) next: Option<String>,
}

/// Where a page begins: after this key, or at the listing's start.
pub(super) type After = Option<String>;

/// A token that no page of the listing gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadToken;

/// Reads the token that came with a request for a page of the listing below `prefix`. An empty one
/// is none.
pub(super) fn after(token: Option<&str>, prefix: &str) -> Result<After, BadToken> {
    let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
    let key = base64::decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    key.filter(|key| key.starts_with(prefix)).map(Some).ok_or(BadToken)
}

/// At most `limit` of the entities below `prefix` that `keep` makes an entry of.
pub(super) fn read<E: Entity, T>(
    transaction: &Transaction<'_>,
    prefix: &str,
    mut after: After,
    limit: usize,
    mut keep: impl FnMut(E) -> Option<T>,
) -> Result<Page<T>, SandboxError> {
    let mut items = Vec::new();
    let mut last = None;
    // One more than the page tells whether there is another page.
    let chunk_size = limit.saturating_add(1);
    loop {
        let chunk = transaction.scan_from::<E>(prefix, after.as_deref(), chunk_size)?;
        let Some((end, _)) = chunk.last() else { return Ok(Page { items, next: None }) };
        after = Some(end.clone());
        for (key, entity) in chunk {
            let Some(item) = keep(entity) else { continue };
            if items.len() == limit {
                return Ok(Page { items, next: last.map(base64::encode) });
            }
            items.push(item);
            last = Some(key);
        }
    }
}

/// At most `limit` of `entries`, which are sorted by their keys, that come after the key `after`.
pub(super) fn cut<T>(entries: Vec<(String, T)>, after: &After, limit: usize) -> Page<T> {
    let rest = entries.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|last| key > last));
    let mut page = Page { items: Vec::new(), next: None };
    let mut last = None;
    for (key, item) in rest {
        if page.items.len() == limit {
            page.next = last.map(base64::encode);
            break;
        }
        page.items.push(item);
        last = Some(key);
    }
    page
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_of_another_listing_is_refused() {
        let token = base64::encode("000/eu-west-1//a/b");
        assert_eq!(after(Some(&token), "000/eu-west-1//a/"), Ok(Some("000/eu-west-1//a/b".into())));
        assert_eq!(after(Some(&token), "000/eu-west-1//b/"), Err(BadToken));
        assert_eq!(after(Some("???"), ""), Err(BadToken));
        assert_eq!(after(Some(""), "x"), Ok(None));
    }

    proptest! {
        #[test]
        fn pages_together_are_the_listing(
            keys in proptest::collection::btree_set("[a-c]{1,4}", 0..40),
            limit in 1_usize..7,
        ) {
            let entries: Vec<_> = keys.iter().map(|key| (key.clone(), key.clone())).collect();
            let (mut seen, mut token) = (Vec::new(), None);
            loop {
                let page = cut(entries.clone(), &after(token.as_deref(), "").unwrap(), limit);
                prop_assert!(page.items.len() <= limit);
                seen.extend(page.items);
                token = page.next;
                if token.is_none() { break }
            }
            prop_assert_eq!(seen, keys.into_iter().collect::<Vec<_>>());
        }
    }
}
