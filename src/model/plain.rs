//! Text of others made fit to be shown.

/// A text without anything that a terminal would obey instead of showing it, or that makes text stand where it does not
/// belong: control characters, line ends, and signs that turn the direction of writing.
pub fn plain(text: &str) -> String {
    text.replace(is_unfit, "\u{fffd}")
}

fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

/// A text as a shell takes it for one word.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+=:,@%".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn what_a_terminal_obeys_is_shown_as_a_sign() {
        for evil in [
            "\x1b[2J",
            "a\nb",
            "\r",
            "\x07",
            "\u{9b}31m",
            "\x7f",
            "\u{202e}",
            "\u{2066}",
            "\u{2028}",
            "\u{200b}",
        ] {
            let shown = plain(evil);
            assert!(shown.contains('\u{fffd}'), "{evil:?}");
            assert_eq!(shown.chars().count(), evil.chars().count());
            assert_eq!(plain(&shown), shown);
        }
        for fine in ["", "Team", "Müller & Söhne 日本 🎉", "שלום", "a@b.example"] {
            assert_eq!(plain(fine), fine);
        }
    }
}
