//! What is special about the rules of some worlds. It is drawn apart from all else, so that a world keeps its course whatever is
//! added here.

use std::{path::Path, sync::Arc};

use calsync::{
    config,
    model::{Appears, Face},
    plan::{Respect, Route},
};
use jiff::SignedDuration;

use super::Calendar;
use crate::support::rng::Rng;

/// What is special about the rules of a world.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Habits {
    /// What a person does to blocks is left so; and nobody does anything, so that all that goes is somebody else's doing.
    pub(crate) respects: bool,
    /// Nothing new is shown that begins sooner than this. Time stands still there, and neither rules nor events become others: what
    /// came in time, or showed before, goes on to be shown, which a world without a past knows nothing of.
    pub(crate) notice: Option<SignedDuration>,
    /// The rules are those of a hub, as long as nobody writes others.
    hub: bool,
}

impl Habits {
    /// Most worlds have none.
    pub(super) fn any(mut rng: Rng) -> Self {
        Self {
            respects: rng.chance(20),
            notice: rng.chance(10).then(|| SignedDuration::from_hours(30)),
            hub: rng.chance(15),
        }
    }

    /// Those of a world whose rules were changed.
    pub(super) fn changed(self) -> Self {
        Self { hub: false, ..self }
    }

    /// Gives these habits to rules, and by luck, if there is any, what rules may have beside.
    pub(super) fn form(self, routes: &mut Vec<Route>, calendars: &[Calendar], luck: Option<Rng>) {
        let mut luck = luck;
        let mut happens = |percent| luck.as_mut().is_some_and(|rng| rng.chance(percent));
        if self.hub
            && let Some(hub) = hub(calendars)
        {
            *routes = hub;
        }
        for route in routes {
            let filter = Arc::make_mut(&mut route.filter);
            filter.notice = self.notice;
            filter.form.travel = happens(15);
            route.respect = Respect {
                deleted: self.respects,
                moved: self.respects,
            };
            if happens(10) {
                let wording = Arc::make_mut(&mut route.wording);
                wording.face = Arc::new(Face {
                    appears: Appears::Free,
                    ..Face::clone(&wording.face)
                });
            }
        }
    }
}

/// The rules that a hub of these calendars stands for, by the configuration that says so; none if there are too few.
fn hub(calendars: &[Calendar]) -> Option<Vec<Route>> {
    let all = calendars
        .iter()
        .filter(|c| c.role.is_source() && c.role.is_target());
    let names: Vec<&str> = all.map(|c| &*c.name).collect();
    let [main, clients @ ..] = &names[..] else {
        return None;
    };
    if clients.is_empty() {
        return None;
    }
    let table = |calendar: &Calendar| {
        let name = &calendar.name;
        format!("[calendars.{name}]\npath = \"/{name}\"\n")
    };
    let tables: String = calendars.iter().map(table).collect();
    let text = format!(
        "timezone = \"Europe/Berlin\"\n{tables}[hub]\nmain = \"{main}\"\nclients = {clients:?}\n"
    );
    let config = config::check(Path::new("/config.toml"), &text).expect("a hub");
    Some(config.routes)
}
