//! What a server puts on a block of its own accord, taken off again so that the block can be told: another UID, and its owner as the
//! only one who is invited. Pure. Only ever looks: what is taken off here stays at the server.

use std::collections::BTreeSet;

use crate::model::face::MADE_BY;

/// A text with each of its lines in one piece.
pub(super) fn unfolded(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text).replace("\r\n", "\n");
    text.replace("\n ", "").replace("\n\t", "")
}

/// Whether somebody's notes begin as those of a block do.
pub(super) fn is_marked(text: &str) -> bool {
    let mut lines = text.lines();
    lines.any(|line| name_of(line) == "DESCRIPTION" && line.contains(&format!(":{MADE_BY}")))
}

/// The same text with this UID.
pub(super) fn with_uid(text: &str, id: &str) -> String {
    let lines = text.lines().map(|line| match name_of(line) == "UID" {
        true => format!("UID:{id}\r\n"),
        false => format!("{line}\r\n"),
    });
    lines.collect()
}

/// The same text without the lines that invite one of these addresses, or name it as the organiser, if there are no others.
pub(super) fn without(text: &str, me: &[String]) -> String {
    let is_mine = |line: &str| {
        let line = line.to_ascii_lowercase();
        let mut addresses = line.split("mailto:").skip(1);
        let (address, other) = (addresses.next(), addresses.next());
        let address = address.filter(|_| other.is_none()).unwrap_or_default();
        me.iter().any(|mine| mine == address.trim())
    };
    let is_person = |line: &&str| matches!(&*name_of(line), "ATTENDEE" | "ORGANIZER");
    let people: Vec<&str> = text.lines().filter(is_person).collect();
    let addresses: BTreeSet<String> = people.iter().map(|line| address_of(line)).collect();
    // A second address of the owner's is a guest too: somebody meant that.
    let is_alone =
        addresses.len() == 1 && people.iter().all(|line| is_plain(line) && is_mine(line));
    let lines = text.lines().filter(|line| !(is_alone && is_person(line)));
    lines.flat_map(|line| [line, "\r\n"]).collect()
}

/// Whether a line names nobody else in other words, who may be mailed too.
fn is_plain(line: &str) -> bool {
    const OTHERS: [&str; 4] = ["EMAIL=", "DELEGATED-", "SENT-BY=", "MEMBER="];
    let line = line.to_ascii_uppercase();
    !OTHERS.iter().any(|word| line.contains(word))
}

/// The last address in a line.
fn address_of(line: &str) -> String {
    let address = line.rsplit(':').next().unwrap_or_default();
    address.trim().to_ascii_lowercase()
}

/// What a line is about.
fn name_of(line: &str) -> String {
    let end = line.find([':', ';']).unwrap_or(line.len());
    line.get(..end).unwrap_or_default().to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_name_the_owner_and_nobody_else_are_left_out() {
        let me = ["me@x.org".to_owned(), "me2@x.org".to_owned()];
        for (line, stays) in [
            ("ATTENDEE;PARTSTAT=ACCEPTED:mailto:me@x.org", false),
            ("attendee:MAILTO:Me@X.org", false),
            ("ORGANIZER;CN=\"a:b\":mailto:me@x.org", false),
            ("ATTENDEE:mailto:you@x.org", true),
            ("ATTENDEE:mailto:me@x.org.example", true),
            (
                "ATTENDEE;DELEGATED-FROM=\"mailto:you@x.org\":mailto:me@x.org",
                true,
            ),
            ("ATTENDEE;SENT-BY=\"mailto:me@x.org\":urn:uuid:1", true),
            ("ATTENDEE;EMAIL=you@x.org:mailto:me@x.org", true),
            ("ORGANIZER:mailto:me@x.org\nATTENDEE:mailto:me2@x.org", true),
            ("ORGANIZER:mailto:me@x.org\nATTENDEE:mailto:me@x.org", false),
            ("ATTENDEE:/principals/me/", true),
            ("X-ATTENDEE:mailto:me@x.org", true),
            ("SUMMARY:mailto:me@x.org", true),
        ] {
            assert_eq!(!without(line, &me).is_empty(), stays, "{line}");
        }
    }
}
