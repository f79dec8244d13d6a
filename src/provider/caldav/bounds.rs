//! What an XML answer may be made of before anybody parses it: a parser compares all attributes of an element with each other,
//! and looks up all names that hold there for each element, so that a small answer could keep a run busy for minutes. Pure, and
//! one look at each character.

/// The most attributes of one element. No server has more than a dozen.
const ATTRIBUTES_MAX: usize = 64;
/// The most names of namespaces that are declared around one element, each counted as often as it is declared.
const SPACES_MAX: usize = 64;
/// How deep elements may lie in each other.
const DEPTH_MAX: usize = 256;

/// Whether a text is worth parsing. What is no XML is for the parser to refuse, as far as it comes.
pub(super) fn is_bounded(text: &str) -> bool {
    let mut rest = text;
    // How many names are declared around each element that is open.
    let mut open: Vec<usize> = Vec::new();
    while let Some((_, markup)) = rest.split_once('<') {
        let ends = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>")];
        let skipped = ends.iter().find_map(|(start, end)| {
            let inside = markup.strip_prefix(start)?;
            Some(inside.split_once(end).map(|(_, after)| after))
        });
        rest = match skipped {
            Some(Some(after)) => after,
            // It does not end: whatever parses it ends here.
            Some(None) => return true,
            None if markup.starts_with('/') => {
                open.pop();
                markup
            }
            None => {
                let tag = Tag::read(markup);
                let spaces = open.last().copied().unwrap_or(0) + tag.spaces;
                if tag.attributes > ATTRIBUTES_MAX || spaces > SPACES_MAX {
                    return false;
                }
                if !tag.is_closed {
                    open.push(spaces);
                }
                if open.len() > DEPTH_MAX {
                    return false;
                }
                tag.after
            }
        };
    }
    true
}

/// The beginning of an element.
struct Tag<'a> {
    attributes: usize,
    /// How many of these declare a namespace.
    spaces: usize,
    /// Whether it is its end as well.
    is_closed: bool,
    after: &'a str,
}

impl<'a> Tag<'a> {
    fn read(markup: &'a str) -> Self {
        let mut tag = Self {
            attributes: 0,
            spaces: 0,
            is_closed: false,
            after: "",
        };
        let (mut quote, mut before) = (None, b' ');
        // Where the last word begins, and where one would that comes next.
        let (mut word, mut next) = (0, 0);
        for (i, byte) in markup.bytes().enumerate() {
            match (quote, byte) {
                (Some(open), _) if open == byte => {
                    quote = None;
                    next = i + 1;
                }
                (Some(_), _) => {}
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'=') => {
                    let name = markup.get(word..i).unwrap_or_default();
                    tag.attributes += 1;
                    tag.spaces += usize::from(name.starts_with("xmlns"));
                }
                (None, b'>') => {
                    tag.is_closed = before == b'/';
                    tag.after = markup.get(i + 1..).unwrap_or_default();
                    return tag;
                }
                (None, b' ' | b'\t' | b'\r' | b'\n') => next = i + 1,
                (None, _) if next == i => word = i,
                _ => {}
            }
            before = byte;
        }
        tag
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn attributes(count: usize) -> String {
        (0..count).fold(String::new(), |mut text, i| {
            write!(text, " a{i}='>'").unwrap();
            text
        })
    }

    #[test]
    fn many_attributes_of_one_element_are_too_many() {
        assert!(is_bounded(&format!("<a{}/>", attributes(64))));
        for text in [
            format!("<a{}/>", attributes(65)),
            format!("<a><!-- <b> --><b{}></b></a>", attributes(65)),
            format!("<a><![CDATA[<b]]><b{}", attributes(65)),
            format!("<a b=\"'\"{}>", attributes(64)),
        ] {
            assert!(!is_bounded(&text), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_attributes_is_none() {
        let many = "b='c' ".repeat(100);
        for text in [
            format!("<a><!-- <b {many}> --></a>"),
            format!("<a><![CDATA[<b {many}>]]></a>"),
            format!("<?a {many}?><a/>"),
            format!("<a>{many}</a>"),
            format!("<a b=\"{}\"/>", "c='d' ".repeat(100)),
            "<a b='c'/>".repeat(1_000),
        ] {
            assert!(is_bounded(&text), "{text}");
        }
    }

    #[test]
    fn neither_depth_nor_names_have_no_end() {
        assert!(is_bounded(&"<a>".repeat(256)));
        assert!(!is_bounded(&"<a>".repeat(257)));
        assert!(is_bounded(&"<a><b/></a>".repeat(1_000)));
        let named = |count: usize| {
            let tags = (0..count).map(|i| format!("<a\n  xmlns:n{i} = 'u' \t xmlns='v'>"));
            tags.collect::<String>()
        };
        assert!(is_bounded(&named(32)));
        assert!(!is_bounded(&named(33)));
        let beside = "<a xmlns='u' xmlns:b='v'></a><a xmlns='u'/>".repeat(1_000);
        assert!(is_bounded(&beside));
    }
}
