//! Which provider reaches which calendar. Asks nobody anything; that begins with the run.

use std::collections::BTreeMap;

use super::{Account, Config, Place};
use crate::{
    auth::{Access, Google, Vault},
    clock::Clock,
    http::{Client, Line},
    model::CalendarName,
    provider::{
        AnyProvider,
        google::{GoogleAccount, GoogleCalendar, Which},
        local::LocalCalendar,
    },
    session::Seat,
    state::Reading,
};

/// How calendars are read; another number means that all are read anew.
const READING: u32 = 4;

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
        let accounts = self.google_accounts(means);
        let mut seats = BTreeMap::new();
        for (name, calendar) in &self.calendars {
            let account = calendar.account.clone().unwrap_or_default();
            let (provider, place) = match &calendar.place {
                Place::Local(folder) => {
                    let Means { tag, clock, .. } = means;
                    let provider =
                        LocalCalendar::new(folder.clone(), tag, &self.me, &self.timezone, clock);
                    let place = format!("{} {}", folder.display(), self.me.join(" "));
                    (AnyProvider::Local(provider), place)
                }
                Place::Google(which) => {
                    let Some(reached) = accounts.get(account.as_str()) else {
                        continue;
                    };
                    let provider = GoogleCalendar::new(reached, which.clone(), &self.timezone);
                    let place = self.google_place(&account, which, &means.vault);
                    (AnyProvider::Google(provider), place)
                }
            };
            let zone = self.timezone.iana_name().unwrap_or_default();
            let seat = Seat {
                provider,
                reading: Reading(format!("{READING} {zone} {place}")),
                account,
                role: calendar.role,
            };
            seats.insert(name.clone(), seat);
        }
        seats
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
