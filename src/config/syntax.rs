//! What is wrong with a text that is not TOML, in words for people, each mistake once. Knows nothing of what calsync's keys mean.

use toml::de::Error;

/// What the parser says of a key or table that is there already.
const TWICE: &str = "duplicate key";

/// The mistakes: where each is in the text, and what is wrong.
pub(super) fn mistakes<'a>(text: &'a str, errors: &'a [Error]) -> Vec<(usize, &'a str)> {
    let mut told: Vec<(usize, &str)> = Vec::new();
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        let words = words(error.message());
        let is_told = told.iter().any(|(other, said)| {
            *said == words && (line(text, *other) == line(text, at) || is_inside(text, *other, at))
        });
        if !is_told {
            told.push((at, words));
        }
    }
    told
}

fn words(message: &str) -> &str {
    if message == TWICE {
        "it is there already; each table and each key may be there once"
    } else if message.contains("escape") || message.contains("unicode value") {
        r"a backslash means something else in double quotes; write it twice (\\), or put the text in single quotes"
    } else {
        message
    }
}

/// Whether one place is inside the table at whose heading the other is: what is there twice has its keys there twice too.
fn is_inside(text: &str, heading: usize, at: usize) -> bool {
    let begins = start_of_line(text, heading);
    let between = text.get(begins..at).unwrap_or_default();
    let is_heading = |line: &&str| line.trim_start().starts_with('[');
    between.starts_with('[') && between.lines().filter(is_heading).count() == 1
}

fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count()
}

fn start_of_line(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.rfind('\n').map_or(0, |newline| newline + 1)
}
