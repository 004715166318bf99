//! Text from outside, made harmless for a terminal.

/// Replaces control characters, so that a commit subject or an event message can neither move the
/// cursor nor change colours. A tab becomes a space; a line break becomes `⏎`.
#[must_use]
pub fn escape(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => ' ',
            '\n' => '⏎',
            c if c.is_control() || is_direction(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// Characters that turn the direction of the text around them: a way to show a lie.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_moves_or_colours() {
        assert_eq!(escape("a\u{1b}[31mb\r\nc\td"), "a\u{fffd}[31mb\u{fffd}⏎c d");
        assert_eq!(escape("x\u{202e}y\u{9b}z"), "x\u{fffd}y\u{fffd}z");
        assert_eq!(escape("naïve ünïcode ⚙"), "naïve ünïcode ⚙");
    }
}
