//! Block ids that prove who made them. Pure; the key comes from outside and never leaves this room.
//!
//! An id is `cs1`, a keyed hash of what the block stands for, a generation, and a short seal over all that and over the name of
//! the calendar that the block was made for, in base32hex:
//! an alphabet that Google event ids, `CalDAV` hrefs, UIDs and file names all take. From an id nobody can read which event
//! it stands for; without the key nobody can make one.

use std::fmt;

use data_encoding::BASE32_DNSSEC as BASE32HEX;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::model::{CalendarName, OccurrenceKey, Uid};

type HmacSha256 = Hmac<Sha256>;

const PREFIX: &str = "cs1";
/// 16 bytes of hash.
const STEM: usize = 26;
/// 10 bits of generation.
const GENERATION: usize = 2;
/// 8 bytes of seal.
const SEAL: usize = 13;
const LENGTH: usize = PREFIX.len() + STEM + GENERATION + SEAL;
/// The generations that an id has room for. A target that refuses all of them has a fault of its own.
pub const GENERATIONS_MAX: u16 = 1023;

/// The id of a block, with a seal that some installation made. Whether it was ours, [`Mint::recognise`] says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(Box<str>);

/// What a block stands for, whatever its generation: the id without generation and seal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stem(Box<str>);

/// Whose an id is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// Made with our key, for this calendar.
    Ours(BlockId),
    /// Shaped like one of ours but made with another key, or for another calendar: another installation's, a copy, or an
    /// imitation.
    Foreign,
    /// Not shaped like the id of a block.
    Not,
}

/// What a block stands for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The calendar it comes from.
    pub source: &'a CalendarName,
    /// The event it comes from.
    pub uid: &'a Uid,
    /// The occurrence of that event.
    pub occurrence: &'a OccurrenceKey,
    /// The calendar it is written to.
    pub target: &'a CalendarName,
}

/// Makes ids and recognises them. Holds the key; never shows it.
#[derive(Clone)]
pub struct Mint {
    stems: HmacSha256,
    seals: HmacSha256,
    fingerprint: [u8; 8],
}

impl fmt::Debug for Mint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mint(..)")
    }
}

impl Mint {
    /// A mint for an installation's key.
    pub fn new(key: &[u8; 32]) -> Self {
        let derive = |purpose: &[u8]| {
            let mut mac = HmacSha256::new_from_slice(key).expect("HMAC takes any key");
            mac.update(purpose);
            mac.finalize().into_bytes()
        };
        let keyed =
            |purpose| HmacSha256::new_from_slice(&derive(purpose)).expect("HMAC takes any key");
        Self {
            stems: keyed(b"calsync block stem 1"),
            seals: keyed(b"calsync block seal 1"),
            fingerprint: first(&derive(b"calsync key fingerprint 1")),
        }
    }

    /// Tells keys apart without showing them. Kept in the state file, so that a wrong key is noticed.
    pub fn fingerprint(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.fingerprint)
    }

    /// What a block of this subject is known by.
    pub fn stem(&self, subject: Subject<'_>) -> Stem {
        let mut mac = self.stems.clone();
        let fields: [&str; 4] = [
            subject.target,
            subject.source,
            subject.uid,
            subject.occurrence,
        ];
        for field in fields {
            mac.update(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(field.as_bytes());
        }
        let hash: [u8; 16] = first(&mac.finalize().into_bytes());
        Stem(format!("{PREFIX}{}", BASE32HEX.encode(&hash)).into())
    }

    /// The id of a generation of a block in a calendar.
    pub fn id(&self, target: &CalendarName, stem: &Stem, generation: u16) -> BlockId {
        let [high, low] = (generation.min(GENERATIONS_MAX) << 6).to_be_bytes();
        let number = BASE32HEX.encode(&[high, low]);
        let open = format!("{}{}", stem.0, number.get(..GENERATION).unwrap_or("00"));
        let seal = self.seal(target, &open);
        BlockId(format!("{open}{seal}").into())
    }

    /// Whose an id is that was found in a calendar. The text is a UID, an href or a file name; a suffix from `@` on, which
    /// servers add, is ignored.
    pub fn recognise(&self, text: &str, found_in: &CalendarName) -> Recognised {
        let Some(id) = shaped(text) else {
            return Recognised::Not;
        };
        let (open, seal) = id.split_at(LENGTH - SEAL);
        if self.seal(found_in, open) == seal {
            Recognised::Ours(BlockId(id.into()))
        } else {
            Recognised::Foreign
        }
    }

    /// For which of these calendars an id was made, if for one of them.
    pub fn made_for<'n>(
        &self,
        text: &str,
        mut names: impl Iterator<Item = &'n CalendarName>,
    ) -> Option<&'n CalendarName> {
        let (open, seal) = shaped(text)?.split_at(LENGTH - SEAL);
        names.find(|name| self.seal(name, open) == seal)
    }

    fn seal(&self, target: &CalendarName, open: &str) -> String {
        let mut mac = self.seals.clone();
        // What comes first has a fixed length, so the two do not run together.
        mac.update(open.as_bytes());
        mac.update(target.as_bytes());
        let seal: [u8; 8] = first(&mac.finalize().into_bytes());
        BASE32HEX.encode(&seal)
    }
}

impl BlockId {
    /// The id as it is written into calendars.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the block stands for, whatever its generation.
    pub fn stem(&self) -> Stem {
        Stem(self.0.get(..PREFIX.len() + STEM).unwrap_or_default().into())
    }

    /// How often the block had to be made anew because a server keeps the ids of deleted events.
    pub fn generation(&self) -> u16 {
        let digits = self.0.get(PREFIX.len() + STEM..LENGTH - SEAL);
        let digit = |c: u8| {
            u16::from(match c {
                b'0'..=b'9' => c - b'0',
                _ => c.saturating_sub(b'a') + 10,
            })
        };
        digits
            .unwrap_or_default()
            .bytes()
            .fold(0, |n, c| n * 32 + digit(c))
    }
}

impl Stem {
    /// A stem as it was stored.
    pub(crate) fn from_storage(text: &str) -> Self {
        Self(text.into())
    }

    /// The stem as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The part of a text that is shaped like a block's id, if any: all of it, or all before an `@`.
pub fn shaped(text: &str) -> Option<&str> {
    let id = text.split('@').next()?;
    let fits = id.len() == LENGTH
        // In capitals it proves nothing any more, and is no event either.
        && id.get(..PREFIX.len()).is_some_and(|head| head.eq_ignore_ascii_case(PREFIX))
        && id.bytes().all(|c| matches!(c.to_ascii_lowercase(), b'0'..=b'9' | b'a'..=b'v'));
    fits.then_some(id)
}

/// The part of a block's id that says what it stands for.
pub fn stem_in(id: &str) -> Option<&str> {
    shaped(id)?.get(..PREFIX.len() + STEM)
}

/// Whether a text is shaped like a block's id, and nothing else.
pub fn is_shaped(text: &str) -> bool {
    shaped(text) == Some(text)
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stem(mint: &Mint, uid: &str, occurrence: &str) -> Stem {
        mint.stem(Subject {
            source: &"home".into(),
            uid: &uid.into(),
            occurrence: &occurrence.into(),
            target: &"work".into(),
        })
    }

    #[test]
    fn an_id_proves_who_made_it() {
        let mint = Mint::new(&[7; 32]);
        for generation in [0, 1, 31, 32, 1023] {
            let stem = stem(&mint, "a@example.org", "");
            let id = mint.id(&"work".into(), &stem, generation);
            assert_eq!(id.as_str().len(), LENGTH);
            assert_eq!(id.generation(), generation);
            assert_eq!(id.stem(), stem);
            assert_eq!(
                mint.recognise(id.as_str(), &"work".into()),
                Recognised::Ours(id.clone())
            );
            let with_host = format!("{id}@google.com");
            assert_eq!(
                mint.recognise(&with_host, &"work".into()),
                Recognised::Ours(id.clone())
            );
            let other = Mint::new(&[8; 32]);
            assert_eq!(
                other.recognise(id.as_str(), &"work".into()),
                Recognised::Foreign
            );
        }
    }

    #[test]
    fn a_changed_character_is_noticed() {
        let mint = Mint::new(&[7; 32]);
        let id = mint.id(&"work".into(), &stem(&mint, "a", ""), 0);
        for at in 3..LENGTH {
            let mut forged = id.as_str().to_owned().into_bytes();
            forged[at] = if forged[at] == b'0' { b'1' } else { b'0' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(
                mint.recognise(&forged, &"work".into()),
                Recognised::Foreign,
                "{forged}"
            );
        }
        assert_eq!(mint.recognise("CS1ABC", &"work".into()), Recognised::Not);
        assert_eq!(
            mint.recognise(id.as_str().trim_start_matches('c'), &"work".into()),
            Recognised::Not
        );
    }

    #[test]
    fn a_block_in_a_calendar_that_it_was_not_made_for_is_foreign() {
        let mint = Mint::new(&[7; 32]);
        let id = mint.id(&"work".into(), &stem(&mint, "a", ""), 0);
        assert_eq!(
            mint.recognise(id.as_str(), &"home".into()),
            Recognised::Foreign
        );
        let names: [CalendarName; 2] = ["home".into(), "work".into()];
        assert_eq!(mint.made_for(id.as_str(), names.iter()), Some(&names[1]));
        assert_eq!(mint.made_for(id.as_str(), names[..1].iter()), None);
    }

    #[test]
    fn fields_do_not_run_together() {
        let mint = Mint::new(&[7; 32]);
        assert_ne!(stem(&mint, "ab", "c"), stem(&mint, "a", "bc"));
    }
}
