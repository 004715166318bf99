//! Wildcards of policies.

/// Whether a text fits a pattern in which `*` stands for any characters and `?` for one.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    // `fits[i]` says whether the text so far fits the first `i` characters of the pattern.
    let mut fits: Vec<bool> = std::iter::once(true)
        .chain(pattern.iter().scan(true, |all, c| {
            *all &= *c == '*';
            Some(*all)
        }))
        .collect();
    for character in text {
        let before = fits;
        let at = |index: usize| before.get(index).copied().unwrap_or(false);
        fits = vec![false];
        for (index, expected) in pattern.iter().enumerate() {
            let last = fits.last().copied().unwrap_or(false);
            fits.push(match expected {
                '*' => last || at(index + 1),
                '?' => at(index),
                other => *other == character && at(index),
            });
        }
    }
    fits.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_any_characters_or_for_one() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("*", "a/b:c", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*#AUD", "P#shop#AUD", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("arn:aws:ecs:*:service/shop/*", "arn:aws:ecs:eu-west-1:1:service/shop/web", true),
            ("arn:aws:ecs:*:service/shop/*", "arn:aws:ecs:eu-west-1:1:service/shop2/web", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
