//! What one run works with: its calendars, its state, its clock, and whoever watches it.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use jiff::tz::TimeZone;

use crate::{
    clock::Clock,
    ident::Mint,
    model::{CalendarName, Print, Window},
    plan::{Limits, Past, Route},
    provider::Provider,
    state::{Called, Reading, State},
};

/// A calendar that takes part, and the provider that reaches it.
#[derive(Debug)]
pub struct Seat<P> {
    /// The provider.
    pub provider: P,
    /// From where and how it is read: read another way, it is read anew.
    pub reading: Reading,
    /// The account it belongs to: calendars of one account are asked one after another, accounts side by side.
    pub account: String,
    /// What it may be.
    pub role: Role,
}

/// What a calendar may be in a sync.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Its busy time is shown elsewhere, and blocks are written to it.
    #[default]
    Both,
    /// Its busy time is shown elsewhere; nothing is ever written to it.
    Source,
    /// Blocks are written to it; its own events are not shown elsewhere.
    Target,
}

impl Role {
    /// Whether its busy time may be shown elsewhere.
    pub fn is_source(self) -> bool {
        !matches!(self, Self::Target)
    }

    /// Whether blocks may be written to it.
    pub fn is_target(self) -> bool {
        !matches!(self, Self::Source)
    }

    /// The word for it in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Source => "source",
            Self::Target => "target",
        }
    }
}

/// What a run does, as configured.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which source shows in which target.
    pub routes: Vec<Route>,
    /// How many days back blocks are kept in step.
    pub past_days: u32,
    /// How many days ahead.
    pub future_days: u32,
    /// What becomes of blocks that are over before that.
    pub past: Past,
    /// The zone of days and floating times.
    pub home: TimeZone,
    /// How much one run may do.
    pub limits: Limits,
    /// Makes block ids.
    pub mint: Mint,
}

/// What a person asked of this run.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Stop after the guard; write nothing.
    pub dry_run: bool,
    /// Read everything anew.
    pub full: bool,
    /// Write only to these calendars; to all if empty.
    pub only: BTreeSet<CalendarName>,
    /// Let the guard pass anything, this once.
    pub allow_mass_delete: bool,
}

/// Asks a run to end after the operation at hand.
#[derive(Clone, Debug, Default)]
pub struct Stop(Rc<Cell<bool>>);

impl Stop {
    /// Asks.
    pub fn ask(&self) {
        self.0.set(true);
    }

    /// Whether somebody asked.
    pub fn is_asked(&self) -> bool {
        self.0.get()
    }
}

/// Watches a run go on, for instance to draw a bar.
pub trait Watch {
    /// A calendar is being read.
    fn reading(&self, _calendar: &CalendarName) {}
    /// So many operations are to be done.
    fn begins(&self, _operations: usize) {}
    /// One of them is done.
    fn step(&self) {}
    /// Reading or writing is over.
    fn ends(&self) {}
}

/// Watches nothing.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Watch for Nobody {}

/// One run's world.
#[derive(Debug)]
pub struct Session<'a, P, W> {
    /// The calendars.
    pub seats: BTreeMap<CalendarName, Seat<P>>,
    /// The state, used in short transactions between requests.
    pub state: &'a RefCell<State>,
    /// What to do.
    pub settings: &'a Settings,
    /// The time.
    pub clock: &'a Clock,
    /// Whoever watches.
    pub watch: &'a W,
    /// Whoever may ask to stop.
    pub stop: &'a Stop,
}

impl<P: Provider> Seat<P> {
    /// What tells the calendar of this name from others, as far as that shows without asking anybody.
    pub fn called<'a>(&'a self, name: &'a CalendarName) -> Called<'a> {
        Called {
            name,
            reading: &self.reading,
            place: self.provider.identity(),
        }
    }
}

impl Settings {
    /// The window of a run that begins now.
    pub fn window(&self, clock: &Clock) -> Window {
        Window::around(clock.now(), &self.home, self.past_days, self.future_days)
    }

    /// The fingerprint of everything but the calendars that a plan depends on.
    pub fn print(&self, window: &Window) -> Print {
        let mut fields = vec![
            self.mint.fingerprint(),
            window.first.to_string(),
            window.end.to_string(),
            self.home.iana_name().unwrap_or_default().to_owned(),
            format!("{:?}", self.past),
        ];
        for Route {
            source,
            target,
            filter,
            wording,
            respect,
        } in &self.routes
        {
            fields.extend([source.to_string(), target.to_string()]);
            fields.extend([format!("{filter:?}"), format!("{wording:?} {respect:?}")]);
        }
        Print::of(fields.iter().map(String::as_bytes))
    }
}
