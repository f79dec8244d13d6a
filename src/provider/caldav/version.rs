//! Versions of resources, and the `ETag`s that name them. Pure, and never takes two versions for one.

use crate::{
    http::{Response, header},
    model::{Print, Version},
};

/// The version of what may not be what was written: no server has it, so the next run reads it before anything is done to it.
pub(super) const UNSEEN: &str = "unseen";

/// How versions begin that calsync made up, of what the server names none for.
pub(super) const NAMELESS: &str = "nameless ";

/// How versions begin that a server names without the quotes that an `ETag` has. No quoted one has a space in it.
const UNQUOTED: &str = "unquoted ";

/// How a weak `ETag` begins.
const WEAK: &str = "W/\"";

/// The version that a server names.
pub(super) fn told_version(response: &Response) -> Option<Version> {
    let etag = response.headers.get(header::ETAG)?.to_str().ok()?;
    version(etag)
}

/// The version in an `ETag`: what stands in its quotes. One that is weak, or has no quotes, is kept as it is told. What would
/// mean any version at all, or one of several, names none.
pub(super) fn version(etag: &str) -> Option<Version> {
    let told = etag.trim();
    let is_any = told == "*" || bare(told).contains('"');
    let is_list = !told.contains('"') && told.contains(',');
    let inside = told.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    match inside {
        _ if bare(told).is_empty() || is_any || is_list => None,
        Some(inside) => Some(inside.into()),
        None if told.starts_with(WEAK) => Some(told.into()),
        None => Some(format!("{UNQUOTED}{told}").into()),
    }
}

/// The `ETag` of a version: as the server told it, if that is not as it should be, and as it should be.
pub(super) fn etags(version: &str) -> (Option<String>, String) {
    let weak = version.starts_with(WEAK).then_some(version);
    let told = version.strip_prefix(UNQUOTED).or(weak);
    let inside = told.map_or(version, bare);
    (told.map(str::to_owned), format!("\"{inside}\""))
}

/// What an `ETag` comes to without its dress.
fn bare(etag: &str) -> &str {
    let etag = etag.strip_prefix("W/").unwrap_or(etag);
    etag.trim_matches('"')
}

/// A version for what the server names none for. It tells what changed, and no server can be asked to change that one alone.
pub(super) fn digest(text: &[u8]) -> Version {
    format!("{NAMELESS}{}", Print::of([text])).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_any_version_names_none() {
        for etag in ["*", " * ", "\"a\", \"b\"", "W/\"a\", \"b\"", "a, b", "\"\""] {
            assert_eq!(version(etag), None, "{etag}");
        }
        for etag in ["\"a\"", "\"*\"", "\"a,b\"", "W/\"a\"", "a"] {
            assert!(version(etag).is_some(), "{etag}");
        }
    }
}
