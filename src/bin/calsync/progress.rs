//! A bar for long work, on a terminal only.

use std::{
    cell::RefCell,
    io::{self, IsTerminal as _},
};

use calsync::{model::CalendarName, session::Watch};
use indicatif::{ProgressBar, ProgressStyle};

/// Work shorter than this needs no bar.
const LONG: usize = 25;

/// Draws on stderr while a run goes on.
#[derive(Debug, Default)]
pub(crate) struct Bar {
    shown: bool,
    bar: RefCell<Option<ProgressBar>>,
}

impl Bar {
    /// A bar that is drawn if somebody can see it and wants to.
    pub(crate) fn new(wanted: bool) -> Self {
        Self {
            shown: wanted && io::stderr().is_terminal(),
            bar: RefCell::new(None),
        }
    }

    fn replace(&self, bar: Option<ProgressBar>) {
        if let Some(old) = self.bar.replace(bar) {
            old.finish_and_clear();
        }
    }
}

impl Watch for Bar {
    fn reading(&self, calendar: &CalendarName) {
        if self.shown {
            // What is drawn is cleared before the next is: it would clear that line instead, and leave its own.
            self.replace(None);
            let spinner = ProgressBar::new_spinner();
            spinner.set_message(format!("reading {calendar}"));
            self.replace(Some(spinner));
        }
    }

    fn begins(&self, operations: usize) {
        let length = u64::try_from(operations).unwrap_or(u64::MAX);
        let style = ProgressStyle::with_template("writing {bar:30} {pos}/{len} {eta}");
        let bar = match style {
            Ok(style) if self.shown && operations >= LONG => {
                Some(ProgressBar::new(length).with_style(style))
            }
            _ => None,
        };
        self.replace(bar);
    }

    fn step(&self) {
        if let Some(bar) = &*self.bar.borrow() {
            bar.inc(1);
        }
    }

    fn ends(&self) {
        self.replace(None);
    }
}
