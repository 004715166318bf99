//! Which of the known words a mistyped one was probably meant to be.

/// The known word nearest to `word`, if any is near enough to be worth suggesting.
///
/// Near enough is what cargo found to suit: a third of the letters may be wrong, and letters that
/// changed places count once. Case, `-` and `_` make no difference at all.
pub(super) fn nearest<'k, K: AsRef<str>>(word: &str, known: &'k [K]) -> Option<&'k str> {
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let wanted = plain(word);
    let limit = wanted.chars().count().max(3) / 3;
    known
        .iter()
        .map(AsRef::as_ref)
        .map(|known| (strsim::damerau_levenshtein(&wanted, &plain(known)), known))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let known = ["environments", "service_sets", "services", "id-minter"];
        for (word, wanted) in [
            ("enviroments", Some("environments")),
            ("Service-Sets", Some("service_sets")),
            ("servcies", Some("services")),
            ("id_minter", Some("id-minter")),
            ("id-mintre", Some("id-minter")),
            ("cluster", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, &known), wanted, "{word:?}");
        }
        assert_eq!(nearest::<&str>("x", &[]), None);
    }
}
