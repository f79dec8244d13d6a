//! What people and other programs do in a world.

use calsync::{
    ical,
    ident::Subject,
    model::{Block, Face, Href, Shape, Span},
};
use jiff::ToSpan as _;

use super::{World, made::rules};
use crate::support::{
    owner,
    shore::{Ours, Shore},
    sieve,
    spec::{Spec, Taste, any},
};

impl World {
    pub(crate) fn spec(&mut self, uid: &str) -> Spec {
        let around = self.home().to_datetime(self.clock.now()).date();
        let taste = Taste {
            around: around.saturating_add(7.days()),
            reach: 20,
            recurring: 35,
        };
        any(&mut self.rng, uid, taste)
    }

    pub(super) fn add_event(&mut self) {
        self.made += 1;
        let uid = format!("event-{}@example.org", self.made);
        let spec = self.spec(&uid);
        let at = self.any_calendar();
        self.put_spec(at, spec.clone());
        // The same meeting elsewhere, mostly as it is, sometimes a little different.
        if self.rng.chance(25) {
            let mut twin = spec;
            match self.rng.below(4) {
                0 => twin.at = twin.at.saturating_add(24.hours()),
                1 => twin.changes.clear(),
                2 => twin.rule = None,
                _ => {}
            }
            let at = self.any_calendar();
            self.put_spec(at, twin);
        }
    }

    pub(super) fn add_foreign(&mut self) {
        self.made += 1;
        let mint = Self::foreign_mint();
        let stem = mint.stem(Subject {
            source: &"theirs".into(),
            uid: &format!("{}", self.made).into(),
            occurrence: &"".into(),
            target: &"ours".into(),
        });
        let id = mint.id(&"ours".into(), &stem, 0);
        let block = Block {
            shape: Shape::Once(Span::timed(
                self.clock.now() + 26.hours(),
                self.clock.now() + 27.hours(),
            )),
            face: Face {
                title: "Busy".to_owned(),
                notes: String::new(),
                ..Face::default()
            },
            id: id.clone(),
        };
        let at = self.any_calendar();
        let text = ical::write(&block, self.clock.now());
        self.put(at, id.as_str(), text);
    }

    /// One of the owner's events, by the calendar it is in.
    pub(super) fn some_event(&mut self) -> Option<(usize, Href)> {
        let calendars = self.calendars.iter().enumerate();
        let all = calendars.flat_map(|(i, c)| c.texts.keys().map(move |href| (i, href.clone())));
        let all = all.collect();
        self.rng.one(all)
    }

    /// One of our blocks, by the calendar it is in.
    pub(crate) fn some_block(&mut self) -> Option<(usize, Ours)> {
        let mut all = Vec::new();
        for (i, calendar) in self.calendars.iter().enumerate() {
            let ours = calendar
                .shore
                .ours(&self.settings.mint, &calendar.name, self.home());
            all.extend(ours.into_iter().map(|block| (i, block)));
        }
        self.rng.one(all)
    }

    /// A block that repeats as it is when somebody ends it early, where any program can write that.
    pub(crate) fn ended_early(&mut self, at: usize, block: &Ours) -> Option<Block> {
        let shore = &self.calendars[at].shore;
        let Some(Shape::Series(series)) = block.shape.as_ref().filter(|_| !block.people) else {
            return None;
        };
        let starts = series.rule.starts(series.start.local()).take(30);
        let mut starts: Vec<_> = starts.filter(|at| !series.holes.contains(at)).collect();
        starts.pop();
        let of_shape = |shape: Shape, face: &Face| Block {
            id: block.id.clone(),
            shape,
            face: face.clone(),
        };
        let mut faces = self
            .settings
            .routes
            .iter()
            .map(|route| &*route.wording.face);
        let face = faces
            .find(|face| of_shape(Shape::Series(series.clone()), face).print() == block.print)?;
        if matches!(shore, Shore::Google(_) | Shore::Feed(_)) || self.rng.chance(30) {
            return None;
        }
        let last = *self.rng.one(starts.iter().collect())?;
        let mut ended = series.clone();
        ended.rule = ended.rule.ending(last);
        ended.holes.retain(|at| *at <= last);
        Some(of_shape(Shape::Series(ended), face))
    }

    /// A person, or another program, does something.
    pub(crate) fn act(&mut self) {
        match self.rng.below(12) {
            0..=2 => self.add_event(),
            3 => {
                if let Some((at, href)) = self.some_event() {
                    self.calendars[at].shore.take(&href);
                    self.calendars[at].texts.remove(&href);
                }
            }
            4 | 5 => {
                // The same event, quite different. Where rules give notice, what it was before counts as well.
                if let Some((at, href)) = self.some_event() {
                    let name = self.calendars[at].name_of(&href);
                    if name.starts_with("event") && self.habits.notice.is_none() {
                        let spec = self.spec(&name);
                        self.put_spec(at, spec);
                    }
                }
            }
            6 => {
                let at = self.any_calendar();
                match &self.calendars[at].shore {
                    Shore::Memory(calendar) => calendar.lose_cursors(),
                    Shore::Google(desk) => desk.google.expire_sync_tokens(&desk.id),
                    Shore::Cloud(place) => place.cloud.lose_tokens(&place.path),
                    Shore::Feed(feed) => feed.publish(),
                    Shore::Folder(_) | Shore::Dav(_) => {}
                }
            }
            7 if self.rng.chance(30) => self.add_foreign(),
            7 if self.google.is_some() => self.make_odd(),
            _ => self.meddle(),
        }
    }

    /// The owner writes another configuration: with other rules, or with one that asks for something else.
    pub(crate) fn change_rules(&mut self) {
        if self.rng.chance(30) {
            self.settings.routes = rules(&self.calendars, &mut self.rng);
        } else if let Some(route) = self.rng.one(self.settings.routes.iter_mut().collect()) {
            route.filter = sieve::any(&mut self.rng);
        }
        let habits = self.habits.changed();
        let rng = Some(self.rng.clone());
        habits.form(&mut self.settings.routes, &self.calendars, rng);
    }

    /// Somebody lays hands on a block.
    pub(super) fn meddle(&mut self) {
        let Some((at, block)) = self.some_block() else {
            return;
        };
        if self.habits.respects {
            return;
        }
        let home = self.home().clone();
        if let Shore::Google(desk) = &self.calendars[at].shore
            && self.rng.chance(70)
        {
            owner::meddle(desk, &block, &mut self.rng, &home);
            return;
        }
        let shore = &self.calendars[at].shore;
        let Some(shape) = block.shape else {
            return;
        };
        let Shape::Once(span) = shape else {
            shore.take(&block.href);
            return;
        };
        let mut edited = Block {
            id: block.id.clone(),
            shape: Shape::Once(span),
            face: self
                .settings
                .routes
                .first()
                .map_or_else(no_face, |route| Face::clone(&route.wording.face)),
        };
        let as_it_is = ical::write(&edited, self.clock.now());
        match self.rng.below(7) {
            0 | 1 => shore.take(&block.href),
            2 => {
                "Dentist".clone_into(&mut edited.face.title);
                shore.put(&block.href, &ical::write(&edited, self.clock.now()), &home);
            }
            3 => {
                let moved = span.instants(&home).0 + 90.minutes();
                edited.shape = Shape::Once(Span::timed(moved, moved + 1.hour()));
                shore.put(&block.href, &ical::write(&edited, self.clock.now()), &home);
            }
            4 => {
                let people = "CLASS:PRIVATE\r\nATTENDEE:mailto:guest@example.org\r\n";
                let text = as_it_is.replace("CLASS:PRIVATE\r\n", people);
                shore.put(&block.href, &text, &home);
            }
            5 => {
                // A copy to another day in the same or another calendar: the server gives it an id of its own.
                self.made += 1;
                let name = format!("copy-{}", self.made);
                let text = as_it_is.replace(block.id.as_str(), &name);
                let to = self.any_calendar();
                self.put(to, &name, text);
            }
            _ => {
                // The file, or the object, moved as it is to where it does not belong.
                let to = self.any_calendar();
                if !self.calendars[to].is(&self.calendars[at]) {
                    let target = &self.calendars[to];
                    let href = target.shore.href(block.id.as_str());
                    target.shore.put(&href, &as_it_is, &home);
                }
            }
        }
    }

    /// One of the owner's events at Google is nothing that anybody can read, for a while.
    pub(super) fn make_odd(&mut self) {
        let Some((at, href)) = self.some_event() else {
            return;
        };
        let name = self.calendars[at].name_of(&href);
        if let Shore::Google(desk) = &self.calendars[at].shore
            && name.starts_with("event")
        {
            let odd = *self.rng.pick(&["no time", "no zone"]);
            owner::spoil(desk, &href, &name, odd);
            self.odd.insert((at, href));
        }
    }
}

fn no_face() -> Face {
    Face {
        title: "Busy".to_owned(),
        notes: String::new(),
        ..Face::default()
    }
}
