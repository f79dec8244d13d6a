//! Runs in a world, what goes wrong during them, and what they asked.

use std::{collections::BTreeMap, rc::Rc};

use calsync::{
    model::CalendarName,
    provider::{
        AnyProvider,
        caldav::CaldavAccount,
        google::{GoogleAccount, GoogleCalendar, Which},
    },
    report::Report,
    run::{Goal, run},
    session::{Nobody, Request, Seat, Session, Stop},
    state::{Reading, Stated},
};

use jiff::SignedDuration;

use super::{Calendar, Ran, World};
use crate::support::{
    chaos::Chaos,
    dav::cloud::{self, May as MayDo},
    google::{Fault, Gate, Role as May, When, exchange::Request as Asked},
    owner,
    shore::{Shore, let_arrive, let_clouds_arrive, poll_for, poll_past, poll_to},
    weather,
};

impl World {
    /// The installation's view of the world for one run.
    pub(crate) fn session<'a>(&'a self, stop: &'a Stop) -> Session<'a, Chaos<AnyProvider>, Nobody> {
        let mut accounts: BTreeMap<&str, GoogleAccount> = BTreeMap::new();
        let mut at_cloud: Option<CaldavAccount> = None;
        let seats = self.calendars.iter().map(|calendar| {
            let provider = match &calendar.shore {
                Shore::Google(desk) => {
                    let known = accounts.entry(desk.name);
                    let account = known.or_insert_with(|| desk.account(&self.clock));
                    let which = Which::Id(desk.id.clone());
                    AnyProvider::Google(GoogleCalendar::new(account, which, self.home()))
                }
                Shore::Cloud(place) => {
                    let account = at_cloud.get_or_insert_with(|| place.account(&self.clock));
                    AnyProvider::Caldav(place.calendar(account, self.home()))
                }
                shore => shore.provider("us", self.home(), &self.clock),
            };
            let seat = Seat {
                provider: Chaos {
                    inner: provider,
                    faults: Rc::clone(&self.faults),
                    calm: calendar.is_far(),
                },
                account: match &calendar.shore {
                    Shore::Google(desk) => desk.name.to_owned(),
                    Shore::Cloud(_) => "cloud".to_owned(),
                    _ if self.one_account => String::new(),
                    _ => calendar.name.to_string(),
                },
                reading: Reading(format!("as ever {}", calendar.name)),
                role: calendar.role,
            };
            (calendar.name.clone(), seat)
        });
        Session {
            seats: seats.collect(),
            state: &self.state,
            settings: &self.settings,
            clock: &self.clock,
            watch: &Nobody,
            stop,
        }
    }

    /// A run that dies after so many steps, if it is not done before.
    pub(crate) fn run(&self, goal: Goal, request: Request, polls: u64) -> Ran {
        let stop = Stop::default();
        let ran = {
            let mut session = self.session(&stop);
            poll_for(run(&mut session, goal, request), polls)
        };
        self.clear_skies();
        ran
    }

    /// A run that dies while a request of its is at the server, this many requests after the first.
    pub(crate) fn run_to_request(
        &mut self,
        goal: Goal,
        request: Request,
        nth: usize,
        done: bool,
    ) -> Ran {
        let gate = Gate::new();
        let fault = if done { Fault::HoldAnswer } else { Fault::Hold };
        self.hold(When::any().nth(nth), fault(gate.clone()));
        let stop = Stop::default();
        let mut session = self.session(&stop);
        let ran = poll_to(run(&mut session, goal, request), &gate);
        gate.open();
        if ran.is_none() && !done {
            // Nobody waits for the answer any more, but what was asked is done.
            gate.wait_until_done();
        }
        drop(session);
        self.clear_skies();
        ran
    }

    /// Something goes wrong with a request to one of the servers. Says whether it is that of the clouds.
    pub(super) fn hold(&mut self, when: When, fault: Fault) -> bool {
        match (&self.google, &self.cloud) {
            (Some(google), None) => google.fault(when, fault),
            (Some(google), Some(_)) if self.rng.chance(30) => google.fault(when, fault),
            (_, Some(cloud)) => {
                cloud.fault(when, fault);
                return true;
            }
            (None, None) => panic!("a server to ask"),
        }
        false
    }

    /// A run during which a person lays hands on a block, while this request is at the server: mostly on the very block
    /// that is about to be changed.
    pub(crate) fn run_beside_a_person(
        &mut self,
        goal: Goal,
        request: Request,
        nth: usize,
    ) -> Stated<Report> {
        let google = self.google.clone().expect("a server to ask");
        let mut rng = self.rng.fork();
        let gate = Gate::new();
        let race = rng.chance(70);
        let (when, nth) = match race {
            true => (When::any().and(is_change), nth.div_ceil(4)),
            false => (When::any(), nth),
        };
        let at_cloud = self.hold(when.nth(nth), Fault::Hold(gate.clone()));
        google.forget();
        let ran = {
            let stop = Stop::default();
            let mut session = self.session(&stop);
            let act = || {
                let mut desks = self.calendars.iter().filter_map(|c| match &c.shore {
                    Shore::Google(desk) => Some(desk),
                    _ => None,
                });
                if let Some(cloud) = self.cloud.as_ref().filter(|_| at_cloud) {
                    if race {
                        cloud.meddle_with_asked(&mut rng);
                    }
                } else if race {
                    owner::meddle_with_asked(&google, &mut rng);
                } else if let Some(desk) = desks.find(|_| rng.chance(60)) {
                    owner::meddle_with_any(desk, &mut rng);
                }
                *self.seen.borrow_mut() = self.own_at_servers();
            };
            poll_past(run(&mut session, goal, request), &gate, act)
        };
        self.clear_skies();
        ran
    }

    /// From now on until the end of the next run, so many of a hundred requests to a server go wrong.
    pub(crate) fn storm(&mut self, percent: u64) {
        self.faults.borrow_mut().percent = percent;
        if let Some(google) = self.google.as_ref().filter(|_| percent > 0) {
            google.weather(weather::bad(&mut self.rng, percent));
        }
        if let Some(cloud) = self.cloud.as_ref().filter(|_| percent > 0) {
            cloud.weather(weather::bad_cloud(&mut self.rng, percent));
        }
    }

    /// Requests go well again, and none is under way any more.
    pub(super) fn clear_skies(&self) {
        if let Some(cloud) = &self.cloud {
            cloud.clear_faults();
            cloud.set_pages(&[]);
            let_clouds_arrive(cloud);
        }
        for calendar in &self.calendars {
            if let Shore::Cloud(place) = &calendar.shore {
                place.cloud.set_may(&place.path, MayDo::Write);
            }
        }
        let Some(google) = &self.google else { return };
        google.clear_faults();
        google.behave(|google| google.pages.clear());
        let_arrive(google);
        for calendar in &self.calendars {
            if let Shore::Google(desk) = &calendar.shore
                && google.role(&desk.id, desk.me()) != Some(calendar.may)
            {
                google.set_role(&desk.id, desk.me(), Some(calendar.may));
            }
        }
    }

    /// Until the end of the next run, Google is as it may be at any time: pages are short, tokens are over, calendars are
    /// not shared as they should be.
    pub(crate) fn fickle(&mut self) {
        let Some(google) = &self.google else { return };
        let rng = &mut self.rng;
        if let Some(cloud) = &self.cloud {
            let pages: &[usize] = rng.pick::<&[usize]>(&[&[], &[], &[1], &[1, 2], &[3, 1, 1]]);
            cloud.set_pages(pages);
        }
        let pages: &[usize] = rng.pick::<&[usize]>(&[&[], &[], &[0, 1], &[1, 0, 2], &[2, 2, 0, 0]]);
        google.behave(|google| google.pages = pages.to_vec());
        if rng.chance(20) {
            google.expire_access_tokens();
        }
        if rng.chance(15) {
            // Either clock may be the wrong one.
            let minutes = rng.within(0, 240) - 120;
            google.advance(SignedDuration::from_mins(minutes));
        }
        if rng.chance(15) {
            self.rotates = true;
            google.behave(|google| google.rotate_refresh_tokens = true);
        }
        for calendar in &self.calendars {
            if let Shore::Cloud(place) = &calendar.shore
                && rng.chance(8)
            {
                let less = *rng.pick(&[MayDo::Read, MayDo::Read, MayDo::Nothing]);
                place.cloud.set_may(&place.path, less);
            }
            let Shore::Google(desk) = &calendar.shore else {
                continue;
            };
            if rng.chance(8) {
                let less = *rng.pick(&[None, Some(May::Reader), Some(May::Reader)]);
                google.set_role(&desk.id, desk.me(), less);
            }
        }
    }

    /// All is as it should be for good.
    pub(crate) fn becalm(&mut self) {
        self.storm(0);
        if std::mem::take(&mut self.rotates) {
            self.sign_in_again();
        }
        for (at, href) in std::mem::take(&mut self.odd) {
            let calendar = &self.calendars[at];
            if let Some(text) = calendar.texts.get(&href) {
                calendar.shore.put(&href, text, self.home());
            }
        }
    }

    /// Whoever lost a refresh token on the way signs in again.
    fn sign_in_again(&self) {
        for calendar in &self.calendars {
            if let Shore::Google(desk) = &calendar.shore {
                desk.google
                    .behave(|google| google.rotate_refresh_tokens = false);
                desk.sign_in();
            }
        }
    }

    /// How many listings of calendars at Google a run needed to which nothing was new but the blocks of the run before. Of
    /// calendars that tell no more than free and busy, these make it list everything.
    pub(crate) fn at_google(&self, report: &Report) -> [usize; 2] {
        let read = report.calendars.iter().filter(|c| c.read.is_some());
        let calendar = |name: &CalendarName| self.calendars.iter().find(|c| c.name == *name);
        let there: Vec<&Calendar> = read
            .filter_map(|c| calendar(&c.name))
            .filter(|c| matches!(c.shore, Shore::Google(_)))
            .collect();
        let tells_little = |c: &&&Calendar| c.may == May::FreeBusyReader;
        // Each of them in as many pages as it takes: who is told no more gets every occurrence of every series.
        let pages = |c: &&Calendar| match &c.shore {
            Shore::Google(desk) => 1 + desk.google.occurrences(&desk.id).len() / 2_500,
            _ => 0,
        };
        let again: usize = there.iter().filter(tells_little).map(pages).sum();
        // And that twice, if the run before took a block away.
        [there.len(), there.len() + 2 * again]
    }

    /// The calendars that the next run reads from the beginning. In one that was read before another became known, what was
    /// nobody's may be ours after all.
    pub(crate) fn read_anew(&self) -> Vec<CalendarName> {
        let state = self.state.borrow();
        let is_new = |name: &&CalendarName| state.last_cursor(name).unwrap().is_none();
        let names = self.calendars.iter().map(|calendar| &calendar.name);
        names.filter(is_new).cloned().collect()
    }

    /// How many requests a run to which nothing is new may have sent to the other server, if it read these from the beginning,
    /// and which it sent.
    pub(crate) fn asked_the_cloud(
        &self,
        report: &Report,
        anew: &[CalendarName],
    ) -> (Option<[usize; 2]>, Vec<String>) {
        let Some(cloud) = &self.cloud else {
            return (None, Vec::new());
        };
        let read = report.calendars.iter().filter(|c| c.read.is_some());
        let mut bounds = [0, 0];
        for named in read {
            let calendar = self.calendars.iter().find(|c| c.name == named.name);
            let (least, most) = match calendar.map(|calendar| &calendar.shore) {
                Some(Shore::Feed(_)) => (1, 1),
                // What the run before wrote is looked at, all of it at once.
                Some(Shore::Cloud(_)) if cloud.is_trusted() => (1, 2),
                // Where only a tag tells, what calsync wrote itself changed it.
                Some(Shore::Cloud(_)) => (1, 3),
                _ => (0, 0),
            };
            let is_cut =
                matches!(calendar.map(|c| &c.shore), Some(Shore::Cloud(_))) && cloud.cuts_short();
            // A server without tokens is asked for them at the beginning.
            let is_asked = anew.contains(&named.name) && most == 3;
            // And what it does not tell with the others is asked for alone.
            let alone = match calendar.map(|calendar| &calendar.shore) {
                Some(Shore::Cloud(place)) if cloud.is_forgetful() && anew.contains(&named.name) => {
                    cloud.items(&place.path).len()
                }
                _ => 0,
            };
            let most = most + usize::from(is_cut) + usize::from(is_asked) + alone;
            bounds[0] += least;
            bounds[1] += most;
        }
        (Some(bounds), cloud.asked())
    }

    /// How many requests about calendars were sent to Google since it was last asked, by method.
    pub(crate) fn asked(&self) -> BTreeMap<&'static str, usize> {
        let Some(google) = &self.google else {
            return BTreeMap::new();
        };
        let mut counts = google.counts();
        assert_eq!(google.mails(), [], "nobody is ever mailed");
        google.forget();
        counts.retain(|call, _| call.contains('.'));
        counts
    }

    /// A run that nothing disturbs.
    pub(crate) fn run_out(&self, goal: Goal) -> Report {
        let request = Request {
            allow_mass_delete: true,
            ..Request::default()
        };
        self.run(goal, request, 1_000_000)
            .expect("a run ends")
            .expect("the state is sound")
    }
}

/// Whether a request changes or removes what is there.
fn is_change(request: &Asked) -> bool {
    cloud::is_change(request)
}
