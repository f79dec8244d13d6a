//! Blocks that overlap or touch, as one. Pure.

use crate::{
    model::{Span, Uid},
    plan::flatten::Single,
};

/// A block of one or more occurrences.
#[derive(Debug)]
pub(super) struct Merged {
    /// When it is.
    pub(super) span: Span,
    /// The occurrence that begins first, of those the one with the smallest key: the block is its block.
    pub(super) first: (Uid, Single),
    /// The others.
    pub(super) also: Vec<(Uid, Single)>,
}

/// Those blocks that overlap or touch as one each, so that the same time is covered. Timed blocks and whole days stay apart.
pub(super) fn merged(mut blocks: Vec<(Uid, Single)>) -> Vec<Merged> {
    blocks.sort_by(|(a_uid, a), (b_uid, b)| {
        let begins = |single: &Single| match single.span {
            Span::Timed { start, .. } => (Some(start), None),
            Span::Days { first, .. } => (None, Some(first)),
        };
        let mine = (begins(a), a_uid, &a.occurrence);
        mine.cmp(&(begins(b), b_uid, &b.occurrence))
    });
    let mut all: Vec<Merged> = Vec::new();
    for part in blocks {
        let span = part.1.span;
        if let Some(last) = all.last_mut()
            && join(&mut last.span, span)
        {
            last.also.push(part);
        } else {
            all.push(Merged {
                span,
                first: part,
                also: Vec::new(),
            });
        }
    }
    all
}

/// Lets a span reach as far as one that begins no earlier, if they overlap or touch.
fn join(mine: &mut Span, other: Span) -> bool {
    match (mine, other) {
        (Span::Timed { end: mine, .. }, Span::Timed { start, end }) if start <= *mine => {
            *mine = end.max(*mine);
        }
        (Span::Days { end: mine, .. }, Span::Days { first, end }) if first <= *mine => {
            *mine = end.max(*mine);
        }
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, civil::date};

    use super::*;

    fn block(uid: &str, occurrence: &str, span: Span) -> (Uid, Single) {
        let occurrence = occurrence.into();
        (uid.into(), Single { occurrence, span })
    }

    fn timed(from: i64, to: i64) -> Span {
        let at = |second| Timestamp::from_second(second).unwrap();
        Span::timed(at(from), at(to))
    }

    #[test]
    fn a_block_is_that_of_the_first_and_of_those_of_the_smallest_key() {
        let day = Span::days(date(2027, 3, 1), 1);
        let mut blocks = vec![
            block("c", "", timed(0, 50)),
            block("b", "2", timed(0, 10)),
            block("b", "1", timed(0, 10)),
            block("a", "", timed(50, 60)),
            block("a", "1", timed(61, 62)),
            block("a", "2", day),
        ];
        for _ in 0..blocks.len() {
            blocks.rotate_left(1);
            let found = merged(blocks.clone());
            let told = found.iter().map(|merged| {
                let (uid, first) = &merged.first;
                let name = format!("{uid}{}", first.occurrence);
                (name, merged.span, merged.also.len())
            });
            let told: Vec<_> = told.collect();
            assert!(told.contains(&("b1".to_owned(), timed(0, 60), 3)));
            assert!(told.contains(&("a1".to_owned(), timed(61, 62), 0)));
            assert!(told.contains(&("a2".to_owned(), day, 0)));
            assert_eq!(told.len(), 3);
        }
    }
}
