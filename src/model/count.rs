//! So many of something, in words.

use std::fmt::Display;

/// `1 block`, `2 blocks`: the number with its noun, which forms its plural with an s.
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// The word that goes with one, or with many: `is` and `are`.
pub fn agreeing<N: Copy + PartialEq + From<u8>>(
    number: N,
    one: &'static str,
    many: &'static str,
) -> &'static str {
    if number == N::from(1) { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        assert_eq!(counted(0_u64, "block"), "0 blocks");
        assert_eq!(counted(1_usize, "block"), "1 block");
        assert_eq!(counted(2_u64, "file"), "2 files");
    }
}
