//! Which provider reaches which calendar. Asks nobody anything; that begins with the run.

use std::{collections::BTreeMap, fs};

use super::{Account, Config, Place, is_address};
use crate::{
    auth::{Access, Dav, Google, PasswordLogin, Vault},
    clock::Clock,
    http::{Client, Line, Pace},
    model::CalendarName,
    provider::{
        AnyProvider,
        caldav::{CaldavAccount, CaldavCalendar, Which as DavWhich},
        google::{GoogleAccount, GoogleCalendar, Which},
        ics::{IcsCalendar, Origin, Site},
        local::LocalCalendar,
    },
    session::Seat,
    state::Reading,
};

/// How calendars are read; another number means that all are read anew.
const READING: u32 = 11;

/// What it takes to reach calendars.
#[derive(Clone, Debug)]
pub struct Means {
    /// Marks this installation's unfinished files.
    pub tag: String,
    /// The sign-ins.
    pub vault: Vault,
    /// The time.
    pub clock: Clock,
}

impl Config {
    /// The calendars, each with the provider that reaches it.
    pub fn seats(&self, means: &Means) -> BTreeMap<CalendarName, Seat<AnyProvider>> {
        self.seats_at(means, &self.caldav_accounts(means))
    }

    /// The same with accounts at servers that are at hand already: what they know of a password they need not be told again.
    pub fn seats_at(
        &self,
        means: &Means,
        servers: &BTreeMap<&str, CaldavAccount>,
    ) -> BTreeMap<CalendarName, Seat<AnyProvider>> {
        let accounts = self.google_accounts(means);
        let client = Client::new(&means.clock);
        let mut seats = BTreeMap::new();
        for (name, calendar) in &self.calendars {
            let mut account = calendar.account.clone().unwrap_or_default();
            let interest = self.interests.get(name).cloned().unwrap_or_default();
            let (provider, place) = match &calendar.place {
                Place::Local(folder) => {
                    let Means { tag, clock, .. } = means;
                    let provider =
                        LocalCalendar::new(folder.clone(), tag, &self.me, &self.timezone, clock)
                            .noticing(interest);
                    // Whatever path leads there: it is one place.
                    let real = fs::canonicalize(folder).unwrap_or_else(|_| folder.clone());
                    (AnyProvider::Local(provider), real.display().to_string())
                }
                Place::Feed(origin) => {
                    // Feeds have nothing to do with each other, so none waits for another.
                    account = format!("feed {name}");
                    let client = match origin {
                        Origin::Web(Site {
                            roots: Some(roots), ..
                        }) => &Client::trusting(&means.clock, roots),
                        _ => &client,
                    };
                    let line = Line::new(client, Pace::default());
                    let place = format!("feed {}", origin.print());
                    let provider = IcsCalendar::new(origin.clone(), line, &self.me, &self.timezone)
                        .noticing(interest);
                    (AnyProvider::Ics(provider), place)
                }
                Place::Google(which) => {
                    let Some(reached) = accounts.get(account.as_str()) else {
                        continue;
                    };
                    let provider = GoogleCalendar::new(reached, which.clone(), &self.timezone)
                        .that_may_be_another(self.may_be_another(name, &account))
                        .noticing(interest);
                    let place = self.google_place(&account, which, &means.vault);
                    (AnyProvider::Google(provider), place)
                }
                Place::Caldav(which) => {
                    let Some(reached) = servers.get(account.as_str()) else {
                        continue;
                    };
                    let me = self.me_in(&account);
                    let provider = CaldavCalendar::new(reached, which.clone(), &me, &self.timezone)
                        .noticing(interest);
                    let place = self.caldav_place(&account, which, &me);
                    (AnyProvider::Caldav(provider), place)
                }
            };
            let seat = Seat {
                provider,
                reading: Reading::of(&self.way(name), &place, &self.people()),
                account,
                role: calendar.role,
            };
            seats.insert(name.clone(), seat);
        }
        seats
    }

    /// In which way a calendar is read.
    pub fn way(&self, name: &CalendarName) -> String {
        let zone = self.timezone.iana_name().unwrap_or_default();
        // Whoever looks for other words has to read everything again.
        let interest = self.interests.get(name);
        let looked_for = match interest.filter(|interest| !interest.is_empty()) {
            None => String::new(),
            Some(interest) => format!(" {}", interest.print()),
        };
        format!("{READING} {zone}{looked_for}")
    }

    /// For whom calendars are read.
    pub fn people(&self) -> String {
        self.me.join(" ")
    }

    /// Whether another calendar may be the own one of this account at Google: all but those that are nobody's own may.
    fn may_be_another(&self, name: &CalendarName, account: &str) -> bool {
        let server = |account: &str| match self.accounts.get(account) {
            Some(Account::Google(google)) => Some(google.endpoint.name()),
            _ => None,
        };
        let here = server(account);
        let mut others = self.calendars.iter().filter(|(other, _)| *other != name);
        others.any(|(_, other)| {
            let may_be = match &other.place {
                Place::Google(Which::Id(id)) => !id.ends_with(".calendar.google.com"),
                Place::Google(Which::Name(_)) => true,
                Place::Local(_) | Place::Caldav(_) | Place::Feed(_) => false,
            };
            may_be && other.account.as_deref().and_then(server) == here
        })
    }

    /// The Google accounts, each with one line for all its calendars.
    pub fn google_accounts(&self, means: &Means) -> BTreeMap<&str, GoogleAccount> {
        let client = Client::new(&means.clock);
        let accounts = self.accounts.iter();
        accounts
            .filter_map(|(name, account)| {
                let Account::Google(google) = account else {
                    return None;
                };
                let Google { endpoint, pace, .. } = google;
                let line = Line::new(&client, *pace);
                let access = Access::new(name, google, &line, &means.vault);
                let reached = GoogleAccount::new(name, endpoint, &line, &access);
                Some((name.as_str(), reached))
            })
            .collect()
    }

    /// The accounts at `CalDAV` servers, each with one line for all its calendars.
    pub fn caldav_accounts(&self, means: &Means) -> BTreeMap<&str, CaldavAccount> {
        let accounts = self.accounts.iter();
        accounts
            .filter_map(|(name, account)| {
                let Account::Caldav(dav) = account else {
                    return None;
                };
                let login = PasswordLogin::new(name, dav, &means.vault, &means.clock);
                let reached = caldav_account(name, dav, &login, &means.clock)?;
                Some((name.as_str(), reached))
            })
            .collect()
    }

    /// The owner's addresses; the name that is signed in with may be one.
    fn me_in(&self, account: &str) -> Vec<String> {
        let mut me = self.me.clone();
        if let Some(Account::Caldav(dav)) = self.accounts.get(account) {
            let name = dav.username.to_ascii_lowercase();
            if is_address(&name) && !me.contains(&name) {
                me.push(name);
            }
        }
        me
    }

    /// What a calendar at a `CalDAV` server is told apart by.
    fn caldav_place(&self, account: &str, which: &DavWhich, me: &[String]) -> String {
        let (url, username) = match self.accounts.get(account) {
            Some(Account::Caldav(dav)) => (&*dav.url, &*dav.username),
            _ => ("", ""),
        };
        let me = me.join(" ");
        match which {
            DavWhich::Id(id) => format!("{url} {username} id {id} {me}"),
            DavWhich::Name(name) => format!("{url} {username} name {name} {me}"),
        }
    }

    /// What a calendar at Google is told apart by. Whoever signs in anew may be somebody else, whose `primary` is another
    /// calendar, so whoever signed in is part of it; if nobody knows who it is, the sign-in.
    fn google_place(&self, account: &str, which: &Which, vault: &Vault) -> String {
        let (server, robot) = match self.accounts.get(account) {
            Some(Account::Google(google)) => (google.endpoint.name(), google.credentials.address()),
            _ => ("", None),
        };
        let sign_in = vault.sign_in(account).ok().flatten();
        let whose = sign_in.map(|sign_in| {
            let since = sign_in.since.as_second();
            sign_in.address.unwrap_or_else(|| since.to_string())
        });
        let whose = robot.or(whose).unwrap_or_default();
        match which {
            Which::Id(id) => format!("{server} {account} {whose} id {id}"),
            Which::Name(name) => format!("{server} {account} {whose} name {name}"),
        }
    }
}

/// An account at a `CalDAV` server, reached in this way. Nothing if its address is none.
pub fn caldav_account(
    name: &str,
    dav: &Dav,
    login: &PasswordLogin,
    clock: &Clock,
) -> Option<CaldavAccount> {
    let client = match &dav.roots {
        None => Client::new(clock),
        Some(roots) => Client::trusting(clock, roots),
    };
    CaldavAccount::new(name, dav, &Line::new(&client, dav.pace), login)
}
