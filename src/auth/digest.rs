//! Digest (RFC 7616, and RFC 2617 before it): proof of a password that does not show it. Pure, but for the chance that it is
//! given.

use md5::Md5;
use sha2::{Digest as _, Sha256};

/// What a server wants to be proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    hash: Hash,
    /// Whether the hash is bound to the first nonce (`MD5-sess`).
    session: bool,
    /// Whether requests are numbered (`qop=auth`).
    numbered: bool,
    /// Whether only the nonce was too old, and not the password wrong.
    pub(super) stale: bool,
}

/// Hashes that a server may ask for; the later ones are preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hash {
    Md5,
    Sha256,
}

/// What a proof is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) username: &'a str,
    pub(super) password: &'a str,
    pub(super) method: &'a str,
    /// The path, and what follows it, as it stands in the request.
    pub(super) uri: &'a str,
    /// How many requests this nonce was used for, this one among them.
    pub(super) count: u32,
    /// Something that the server could not foresee.
    pub(super) chance: &'a str,
}

impl Hash {
    fn hex(self, text: &str) -> String {
        match self {
            Self::Md5 => data_encoding::HEXLOWER.encode(&Md5::digest(text)),
            Self::Sha256 => data_encoding::HEXLOWER.encode(&Sha256::digest(text)),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }
}

/// The schemes that a server offers, in lower case, each with what it says about it.
pub(super) fn schemes<'a>(headers: impl Iterator<Item = &'a str>) -> Vec<(String, Vec<Pair>)> {
    let mut found: Vec<(String, Vec<Pair>)> = Vec::new();
    for item in headers.flat_map(items) {
        let (scheme, rest) = begins(&item);
        if let Some(scheme) = scheme {
            found.push((scheme, Vec::new()));
        }
        if let (Some((_, pairs)), Some((name, value))) = (found.last_mut(), rest.split_once('=')) {
            let name = name.trim().to_ascii_lowercase();
            pairs.push((name, unquoted(value.trim())));
        }
    }
    found
}

/// A name and a value.
pub(super) type Pair = (String, String);

/// The scheme that an item begins with, if it does, and what comes after it.
fn begins(item: &str) -> (Option<String>, &str) {
    let item = item.trim();
    let (word, rest) = item.split_once(' ').unwrap_or((item, ""));
    // `realm = "x"` is no scheme, however it is spaced.
    if word.contains('=') || rest.trim_start().starts_with('=') || word.is_empty() {
        return (None, item);
    }
    (Some(word.to_ascii_lowercase()), rest)
}

/// The parts between the commas that stand in no quotes.
fn items(header: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in header.chars() {
        match c {
            ',' if !quoted => {
                items.push(String::new());
                continue;
            }
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = quoted && c == '\\' && !escaped;
        if let Some(item) = items.last_mut() {
            item.push(c);
        }
    }
    items
}

fn unquoted(text: &str) -> String {
    let Some(inner) = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return text.to_owned();
    };
    let mut out = String::with_capacity(inner.len());
    let mut escaped = false;
    for c in inner.chars() {
        if c == '\\' && !escaped {
            escaped = true;
            continue;
        }
        escaped = false;
        out.push(c);
    }
    out
}

impl Challenge {
    /// The best of the challenges that can be met.
    pub(super) fn best(schemes: &[(String, Vec<Pair>)]) -> Option<Self> {
        let digests = schemes.iter().filter(|(scheme, _)| scheme == "digest");
        digests
            .filter_map(|(_, pairs)| Self::of(pairs))
            .max_by_key(|challenge| challenge.hash)
    }

    /// What a server says about the proof that it wants.
    pub(super) fn of(pairs: &[Pair]) -> Option<Self> {
        let get = |name: &str| {
            pairs
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v.clone())
        };
        let algorithm = get("algorithm").unwrap_or_else(|| "MD5".to_owned());
        let algorithm = algorithm.to_ascii_uppercase();
        let plain = algorithm.trim_end_matches("-SESS");
        let hash = [Hash::Md5, Hash::Sha256]
            .into_iter()
            .find(|hash| hash.word() == plain)?;
        let qop = get("qop");
        let numbered = match &qop {
            None => false,
            Some(words) if words.split(',').any(|word| word.trim() == "auth") => true,
            Some(_) => return None,
        };
        Some(Self {
            realm: get("realm")?,
            nonce: get("nonce")?,
            opaque: get("opaque"),
            hash,
            session: plain != algorithm,
            numbered,
            stale: get("stale").is_some_and(|word| word.eq_ignore_ascii_case("true")),
        })
    }

    /// The same, as a server would say it: for those who keep it.
    pub(super) fn pairs(&self) -> Vec<Pair> {
        let session = if self.session { "-sess" } else { "" };
        let mut pairs = vec![
            ("realm", self.realm.clone()),
            ("nonce", self.nonce.clone()),
            ("algorithm", format!("{}{session}", self.hash.word())),
        ];
        pairs.extend(self.opaque.clone().map(|opaque| ("opaque", opaque)));
        if self.numbered {
            pairs.push(("qop", "auth".to_owned()));
        }
        let owned = |(name, value): (&str, String)| (name.to_owned(), value);
        pairs.into_iter().map(owned).collect()
    }

    /// The proof, as the value of the header `Authorization`.
    pub(super) fn answer(&self, asked: &Asked<'_>) -> String {
        let Self {
            realm, nonce, hash, ..
        } = self;
        let count = format!("{:08x}", asked.count);
        let mut secret = hash.hex(&format!("{}:{realm}:{}", asked.username, asked.password));
        if self.session {
            secret = hash.hex(&format!("{secret}:{nonce}:{}", asked.chance));
        }
        let what = hash.hex(&format!("{}:{}", asked.method, asked.uri));
        let proof = match self.numbered {
            true => format!("{secret}:{nonce}:{count}:{}:auth:{what}", asked.chance),
            false => format!("{secret}:{nonce}:{what}"),
        };
        let mut parts = vec![
            format!("username={}", quoted(asked.username)),
            format!("realm={}", quoted(realm)),
            format!("nonce={}", quoted(nonce)),
            format!("uri={}", quoted(asked.uri)),
            format!("response=\"{}\"", hash.hex(&proof)),
            format!(
                "algorithm={}{}",
                hash.word(),
                if self.session { "-sess" } else { "" }
            ),
        ];
        parts.extend(self.opaque.iter().map(|o| format!("opaque={}", quoted(o))));
        if self.numbered {
            parts.push(format!("qop=auth, nc={count}"));
        }
        if self.numbered || self.session {
            parts.push(format!("cnonce={}", quoted(asked.chance)));
        }
        format!("Digest {}", parts.join(", "))
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7616 3.9.1.
    fn example(algorithm: &str) -> String {
        let header = format!(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        );
        let challenge = Challenge::best(&schemes([header.as_str()].into_iter())).unwrap();
        challenge.answer(&Asked {
            username: "Mufasa",
            password: "Circle of Life",
            method: "GET",
            uri: "/dir/index.html",
            count: 1,
            chance: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        })
    }

    #[test]
    fn the_examples_of_the_standard_come_out() {
        let sha = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1";
        assert!(example("SHA-256").contains(sha));
        assert!(example("MD5").contains("8ca523f5e9506fed4657c9700eebdbec"));
        assert!(example("MD5").contains("qop=auth, nc=00000001"));
    }

    #[test]
    fn a_server_that_numbers_nothing_is_answered_as_of_old() {
        // RFC 2069 with the errata's corrected response.
        let header =
            "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
        let challenge = Challenge::best(&schemes([header].into_iter())).unwrap();
        let answer = challenge.answer(&Asked {
            username: "Mufasa",
            password: "CircleOfLife",
            method: "GET",
            uri: "/dir/index.html",
            count: 1,
            chance: "x",
        });
        assert!(
            answer.contains("1949323746fe6a43ef61f9606e7febea"),
            "{answer}"
        );
        assert!(!answer.contains("qop") && !answer.contains("cnonce"));
    }

    #[test]
    fn several_schemes_in_one_line_are_told_apart() {
        let header = "Basic realm=\"a, b\", Digest realm=\"x\\\"y\", nonce=n1, algorithm=MD5, Digest realm=r, nonce=\"n2\", \
                      algorithm=SHA-256, stale=TRUE, Negotiate";
        let found = schemes([header].into_iter());
        let names: Vec<&str> = found.iter().map(|(scheme, _)| scheme.as_str()).collect();
        assert_eq!(names, ["basic", "digest", "digest", "negotiate"]);
        assert_eq!(found[0].1, [("realm".to_owned(), "a, b".to_owned())]);
        assert_eq!(found[1].1[0].1, "x\"y");
        let best = Challenge::best(&found).unwrap();
        assert_eq!(
            (best.hash, &*best.nonce, best.stale),
            (Hash::Sha256, "n2", true)
        );
    }

    #[test]
    fn a_challenge_that_was_kept_asks_for_the_same_proof() {
        for header in [
            "Digest realm=\"a, b\", nonce=n1, algorithm=SHA-256-sess, qop=\"auth\", opaque=o",
            "Digest realm=r, nonce=n",
        ] {
            let asked = Challenge::best(&schemes([header].into_iter())).unwrap();
            assert_eq!(Challenge::of(&asked.pairs()), Some(asked));
        }
    }

    #[test]
    fn what_cannot_be_met_is_no_challenge() {
        for header in [
            "Digest realm=r, nonce=n, algorithm=SHA-512-256",
            "Digest realm=r, nonce=n, qop=\"auth-int\"",
            "Digest realm=r",
            "Basic realm=r",
            "",
        ] {
            assert_eq!(Challenge::best(&schemes([header].into_iter())), None);
        }
    }
}
