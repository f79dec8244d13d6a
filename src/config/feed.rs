//! A calendar that is a feed: `feed = "..."`, an address or a file.

use std::path::Path;

use super::{
    Place, paths,
    table::{At, Table},
};
use crate::{
    http::{self, HttpErrorKind},
    provider::ics::{Origin, web_address},
    session::Role,
};

/// Reads the place of a feed. Relative paths are relative to `folder`.
pub(super) fn place(table: &Table<'_>, written: &At<String>, folder: &Path) -> Option<Place> {
    match origin(&written.value, folder) {
        Ok(origin) => Some(Place::Feed(origin)),
        Err(words) => {
            table.mistake(written.at, words);
            None
        }
    }
}

fn origin(written: &str, folder: &Path) -> Result<Origin, &'static str> {
    const ADDRESS: &str = "`feed` must be an https or webcal address, or the path of an .ics file";
    if let Some(url) = web_address(written) {
        return match http::allowed(&url).map_err(|error| error.kind) {
            Ok(()) => Ok(Origin::Web(url)),
            Err(HttpErrorKind::Forbidden) => Err(
                "`feed` must be an https address: whoever listens could read the calendar otherwise",
            ),
            Err(_) => Err(ADDRESS),
        };
    }
    if written.trim().is_empty() || written.contains("://") {
        return Err(ADDRESS);
    }
    let path = paths::resolve(written, folder)
        .ok_or("`feed` begins with ~, and the variable HOME is not set")?;
    match path.is_dir() {
        true => Err("`feed` is a folder; for a folder of .ics files use `path`"),
        false => Ok(Origin::File(path)),
    }
}

/// The role of a feed, which nobody can write to.
pub(super) fn role(table: &Table<'_>, written: Role) -> Role {
    if table.has("role") && written != Role::Source {
        let at = table.at_of("role");
        table.mistake(
            at,
            "a feed can only be read; leave `role` away, or make it \"source\"",
        );
    }
    Role::Source
}
