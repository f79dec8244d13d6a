//! A home whose calendars are at a server, some or all of them.

use super::{PASSWORD, cloud::Cloud};
use crate::support::program::{Files, Home, is_block};

/// A home, and the server that it syncs with.
pub(crate) struct House {
    pub(crate) home: Home,
    cloud: Cloud,
}

impl House {
    /// A home with these calendars in folders, and these at a server.
    pub(crate) fn with(folders: &[&str], served: &[&str]) -> Self {
        let cloud = Cloud::start();
        let account = format!(
            "[accounts.cloud]\nprovider = \"caldav\"\nurl = \"{}\"\nusername = \"alice\"\n\
             password_command = [\"echo\", \"{PASSWORD}\"]\n",
            cloud.url()
        );
        let table = |name: &&str| {
            let path = place(name);
            cloud.calendar(&path);
            format!("[calendars.{name}]\naccount = \"cloud\"\nid = \"{path}\"\n")
        };
        let tables: String = served.iter().map(table).collect();
        let home = Home::with(folders);
        home.configure_also("", &format!("{account}{tables}"));
        Self { home, cloud }
    }

    /// Puts an event into a calendar at the server.
    pub(crate) fn put(&self, calendar: &str, name: &str, text: &str) {
        self.cloud.put(&place(calendar), name, text);
    }

    /// Our blocks in a calendar at the server.
    pub(crate) fn blocks(&self, calendar: &str) -> Files {
        let items = self.cloud.items(&place(calendar)).into_iter();
        let blocks = items.filter(|(name, _)| is_block(name));
        blocks
            .map(|(name, item)| (name, item.text.into_bytes()))
            .collect()
    }
}

fn place(calendar: &str) -> String {
    format!("/alice/{calendar}/")
}
