//! `[hub]`: one main calendar and those of clients, in place of the rules that would say the same.

use std::collections::BTreeMap;

use super::{
    super::table::{Table, nearest},
    Named, names,
    wording::{self, Draft},
};
use crate::{
    model::{CalendarName, Colour},
    session::Role,
};

/// A rule that the hub stands for.
pub(super) struct Spoke {
    pub(super) from: CalendarName,
    pub(super) to: CalendarName,
    pub(super) draft: Draft,
}

/// Reads the hub, if there is one: clients show on main with all that they say, each in its colour; main, and each client on every
/// other one, as nothing but busy.
pub(super) fn hub<'a>(
    root: &mut Table<'a>,
    calendars: Named<'_>,
) -> Option<(Table<'a>, Vec<Spoke>)> {
    let mut hub = root.table("hub")?;
    let both: fn(Role) -> bool = |role| role.is_source() && role.is_target();
    let main = names(&mut hub, "main", calendars, both, "main calendar");
    let clients = names(&mut hub, "clients", calendars, both, "client");
    let busy = wording::busy(&mut hub);
    let colours = colours(&mut hub, &clients);
    let private = hub.flag("show_private").unwrap_or_default();
    let [main] = &main[..] else {
        if main.len() > 1 {
            hub.mistake(hub.at_of("main"), "`main` must name one calendar");
        }
        return Some((hub, Vec::new()));
    };
    if clients.contains(main) {
        let words = format!("`clients` names \"{main}\", which is `main`");
        hub.mistake(hub.at_of("clients"), &words);
        return Some((hub, Vec::new()));
    }
    let mut spokes = Vec::new();
    let mut spoke = |from: &CalendarName, to: &CalendarName, draft| {
        spokes.push(Spoke {
            from: from.clone(),
            to: to.clone(),
            draft,
        });
    };
    for client in &clients {
        spoke(
            client,
            main,
            wording::whole(colours.get(client).copied(), private),
        );
        let others = clients.iter().filter(|other| *other != client);
        for source in std::iter::once(main).chain(others) {
            spoke(source, client, busy.clone());
        }
    }
    Some((hub, spokes))
}

/// The colour of each client: as `colours` says, else the usual one.
fn colours(hub: &mut Table<'_>, clients: &[CalendarName]) -> BTreeMap<CalendarName, Colour> {
    let mut found = BTreeMap::new();
    for (name, colour) in hub.texts_by_name("colours") {
        let client = clients.iter().find(|client| ***client == *name.value);
        let named = Colour::named(&colour.value);
        if client.is_none() {
            let near = nearest(&name.value, clients.iter().map(|client| &**client));
            let words = format!(
                "`colours`: \"{}\" is none of the `clients`{near}",
                name.value
            );
            hub.mistake(name.at, &words);
        }
        if named.is_none() {
            let near = nearest(&colour.value, Colour::all().map(Colour::name));
            let all: Vec<&str> = Colour::all().map(Colour::name).collect();
            let all = all.join(", ");
            hub.mistake(
                colour.at,
                &format!("`colours`: a colour is one of {all}{near}"),
            );
        }
        found.extend(client.cloned().zip(named));
    }
    add_usual(&mut found, clients);
    found
}

/// Gives each client that has no colour the one for its place in the list, so that another client's change of colour changes no other
/// one's. Only where that is taken, it is one that nobody has, as long as there is any.
fn add_usual(found: &mut BTreeMap<CalendarName, Colour>, clients: &[CalendarName]) {
    // The strong ones come last in Google's order.
    let usual: Vec<Colour> = Colour::all().rev().collect();
    let chosen: Vec<Colour> = found.values().copied().collect();
    let unnamed = clients.iter().zip(usual.iter().cycle());
    let unnamed: Vec<_> = unnamed
        .filter(|(client, _)| !found.contains_key(*client))
        .collect();
    let is_free = |colour: &&Colour| {
        !chosen.contains(*colour) && !unnamed.iter().any(|(_, usual)| usual == colour)
    };
    let mut free = usual.iter().filter(is_free).peekable();
    for (client, usual) in &unnamed {
        let other = free.next_if(|_| chosen.contains(usual));
        found.insert((*client).clone(), *other.unwrap_or(usual));
    }
}
