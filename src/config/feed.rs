//! A calendar that is a feed: `feed = "..."`, an address or a file.

use std::path::Path;

use super::{
    Place,
    caldav::ca_file,
    check::Checker,
    paths,
    table::{At, Table},
};
use crate::{
    http::{self, HttpErrorKind},
    provider::ics::{Origin, Site},
    session::Role,
};

/// Reads the place of a feed. Relative paths are relative to the folder of the configuration.
pub(super) fn place(
    checker: &Checker,
    table: &mut Table<'_>,
    written: &At<String>,
) -> Option<Place> {
    let has_roots = table.has("ca_file");
    let roots = ca_file(checker, table);
    match origin(&written.value, &checker.folder) {
        Ok(Origin::Web(site)) => {
            checker.holds_password(site.login.is_some());
            // What is there and wrong must not be taken for absent.
            let is_complete = roots.is_some() || !has_roots;
            is_complete.then_some(Place::Feed(Origin::Web(Site { roots, ..site })))
        }
        Ok(file) => {
            if has_roots {
                table.mistake(table.at_of("ca_file"), "`ca_file` goes with an address");
            }
            Some(Place::Feed(file))
        }
        Err(words) => {
            table.mistake(written.at, words);
            None
        }
    }
}

fn origin(written: &str, folder: &Path) -> Result<Origin, &'static str> {
    const ADDRESS: &str = "`feed` must be an https or webcal address, or the path of an .ics file";
    if let Some(words) = Site::mistake(written) {
        return Err(words);
    }
    if let Some(site) = Site::read(written) {
        return match http::allowed(&site.url).map_err(|error| error.kind) {
            Ok(()) => Ok(Origin::Web(site)),
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
