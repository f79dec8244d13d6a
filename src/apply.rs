//! Doing what was approved: note the intent, ask, note the answer; one operation at a time in an account, the accounts side
//! by side. Intents are noted some at a time, and so are the answers; what a run that dies leaves open is found out by the next
//! one, which reads the calendar whole. Nothing gets here that did not pass the guard.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use futures_util::future::join_all;
use jiff::{Timestamp, ToSpan as _};

use crate::{
    clock::Clock,
    ident::{BlockId, GENERATIONS_MAX, Recognised, Stem},
    model::{Block, CalendarName, Face, Href, Part, Print, Resource, SeenBlock},
    plan::{
        Action, Approved, Op, Plan, Present, Why,
        op::{Adoption, Wanted},
        wording::{UNTITLED, Wording},
    },
    provider::{Answer, ErrorKind, Place, Provider, ProviderError},
    retry::patiently,
    session::{Seat, Session, Settings, Stop, Watch},
    state::{Intent, Settled, State, StateError, Stated, Written},
};

/// How many operations are noted at once.
const NOTED: usize = 32;
/// So many refusals in a row mean that the next operation of the kind would be refused too.
const REFUSED_MAX: usize = 10;
/// So many generations of a block that are in use elsewhere are not there by chance.
const ELSEWHERE_MAX: usize = 4;
/// So many operations in a row without an answer mean that nobody is there.
const UNANSWERED_MAX: usize = 3;

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// By calendar.
    pub calendars: BTreeMap<CalendarName, Done>,
}

/// What was done in one calendar.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// Blocks created.
    pub created: u64,
    /// Blocks changed.
    pub updated: u64,
    /// Blocks removed.
    pub deleted: u64,
    /// Operations that failed or were not tried any more.
    pub failed: u64,
    /// The first thing that went wrong.
    pub error: Option<ProviderError>,
    /// The operations that were done.
    pub ops: Vec<Op>,
    /// The last operation that was tried, if it made the rest seem hopeless.
    stuck: Option<Stem>,
}

/// How many operations in a row came to nothing, and why.
#[derive(Default)]
struct Streak {
    refused: usize,
    unanswered: usize,
}

/// What is to become of the operations that follow one that failed.
enum After {
    /// They may fare better.
    GoOn,
    /// Those of the same kind would fail too, others need not: removals make room.
    SkipKind,
    /// All would fail.
    Stop,
}

impl Streak {
    fn failed(&mut self, error: &ProviderError) -> After {
        match error.kind {
            ErrorKind::SignIn => return After::Stop,
            ErrorKind::Retry(_) => self.unanswered += 1,
            ErrorKind::Refused => self.refused += 1,
            _ => *self = Self::default(),
        }
        if self.unanswered >= UNANSWERED_MAX {
            After::Stop
        } else if self.refused >= REFUSED_MAX {
            After::SkipKind
        } else {
            After::GoOn
        }
    }
}

/// Carries out an approved plan.
pub async fn apply<P: Provider, W: Watch>(
    session: &mut Session<'_, P, W>,
    mut approved: Approved,
) -> Stated<Outcome> {
    let Session {
        seats,
        state,
        settings,
        clock,
        watch,
        stop,
    } = session;
    let held_back = std::mem::take(&mut approved.held_back);
    let plan = approved.into_plan();
    learn(state, settings, &plan, &held_back)?;
    let mut lanes: BTreeMap<CalendarName, Vec<Op>> = BTreeMap::new();
    for op in plan.ops {
        lanes.entry(op.target.clone()).or_default().push(op);
    }
    let minutes = i64::from(settings.limits.run_minutes);
    let deadline = clock
        .now()
        .saturating_add(minutes.minutes())
        .unwrap_or(Timestamp::MAX);
    watch.begins(lanes.values().map(Vec::len).sum());
    let mut accounts: BTreeMap<String, Vec<Work<'_, P>>> = BTreeMap::new();
    for (name, seat) in seats.iter_mut() {
        if let Some(ops) = lanes.remove(name) {
            let account = seat.account.clone();
            let lane = Lane {
                name,
                seat,
                state,
                settings,
                clock,
                stop,
                deadline,
                noted: BTreeSet::new(),
                owed: Vec::new(),
                keeps: Keeps::of(state.borrow().kept_nothing(name)?),
            };
            accounts.entry(account).or_default().push((lane, ops));
        }
    }
    let watch: &W = watch;
    let work = accounts.into_values().map(|lanes| async move {
        let mut done = Vec::new();
        for (lane, ops) in lanes {
            done.push(lane.run(ops, watch).await?);
        }
        Ok::<_, StateError>(done)
    });
    let mut outcome = Outcome::default();
    for done in join_all(work).await {
        for (name, done) in done? {
            state.borrow().recount(&name)?;
            outcome.calendars.insert(name, done);
        }
    }
    watch.ends();
    Ok(outcome)
}

/// What only the state has to learn: blocks that stand for something after all, links to nothing, and which blocks the guard holds
/// back.
fn learn(
    state: &RefCell<State>,
    settings: &Settings,
    plan: &Plan,
    held_back: &[(CalendarName, Stem)],
) -> Stated<()> {
    let mut state = state.borrow_mut();
    for Adoption {
        target,
        present,
        wanted,
    } in &plan.adoptions
    {
        state.adopt(target, present, wanted, &settings.home)?;
    }
    state.note_in_time(&plan.in_time)?;
    // What one link forgets, another may have to remember.
    state.note_left_so(&plan.left_so)?;
    for (target, stem, _) in &plan.forgets {
        state.forget_link(target, stem)?;
    }
    state.note_held_back(held_back, true)?;
    state.note_held_back(&plan.may_stay, false)?;
    Ok(())
}

/// The operations of one calendar, in order.
struct Lane<'a, P> {
    name: &'a CalendarName,
    seat: &'a mut Seat<P>,
    state: &'a RefCell<State>,
    settings: &'a Settings,
    clock: &'a Clock,
    stop: &'a Stop,
    /// When the run has taken long enough.
    deadline: Timestamp,
    /// The intents that are noted and not asked yet.
    noted: BTreeSet<BlockId>,
    /// The answers that are not noted yet.
    owed: Vec<Owed>,
    keeps: Keeps,
}

/// Whether a calendar keeps what it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    /// So far as anybody knows.
    All,
    /// Nothing was there of what an earlier run created: the first creation is looked at.
    Doubted,
    /// That was not there either.
    Nothing,
}

impl Keeps {
    fn of(kept_nothing: bool) -> Self {
        match kept_nothing {
            true => Self::Doubted,
            false => Self::All,
        }
    }
}

/// An answer that has to be noted.
enum Owed {
    Stands {
        id: BlockId,
        place: Place,
        wanted: Wanted,
        print: Print,
    },
    Hushed(Block, Place),
    Gone(BlockId, Href, Why),
    Nothing(BlockId),
}

impl Owed {
    fn id(&self) -> &BlockId {
        match self {
            Self::Stands { id, .. } | Self::Gone(id, ..) | Self::Nothing(id) => id,
            Self::Hushed(block, _) => &block.id,
        }
    }

    fn settled(&self) -> Settled<'_> {
        match self {
            Self::Stands {
                id,
                place,
                wanted,
                print,
            } => Settled::Stands(Written {
                id,
                place,
                wanted,
                print: *print,
            }),
            Self::Hushed(block, place) => Settled::Hushed(block, place),
            Self::Gone(id, href, why) => Settled::Gone(id, href, *why),
            Self::Nothing(id) => Settled::Nothing(id),
        }
    }
}

/// A lane, and what is to be done in it.
type Work<'a, P> = (Lane<'a, P>, Vec<Op>);

/// What an operation that went well did.
enum Did {
    Created,
    Updated,
    Deleted,
}

/// What came of looking at what is in the way of a block.
enum Adopted {
    /// It is the block, and was dealt with.
    Done(Answer<()>),
    /// It is something else: the next generation of the block may find a free place.
    Taken,
}

impl<P: Provider> Lane<'_, P> {
    async fn run<W: Watch>(mut self, mut ops: Vec<Op>, watch: &W) -> Stated<(CalendarName, Done)> {
        let mut done = Done::default();
        let mut streak = Streak::default();
        self.begin_after_stuck(&mut ops)?;
        let mut left = ops.len();
        let mut skipped = None;
        let mut ops = ops.into_iter();
        for turn in 0.. {
            if turn % NOTED == 0 {
                self.note(ops.as_slice())?;
            }
            let Some(op) = ops.next() else {
                break;
            };
            if self.stop.is_asked() {
                break;
            }
            if self.clock.now() >= self.deadline {
                done.error.get_or_insert(out_of_time());
                break;
            }
            if skipped == Some(op.action.rank()) {
                continue;
            }
            left -= 1;
            match self.step(&op).await? {
                Ok(did) => {
                    match did {
                        Did::Created => done.created += 1,
                        Did::Updated => done.updated += 1,
                        Did::Deleted => done.deleted += 1,
                    }
                    done.ops.push(op);
                    streak = Streak::default();
                }
                Err(error) => {
                    // What fails for the same reason again and again is told once.
                    if done.error.as_ref() == Some(&error) {
                        tracing::debug!(calendar = %self.name, block = %op.stem.as_str(), %error, "an operation failed");
                    } else {
                        tracing::info!(calendar = %self.name, block = %op.stem.as_str(), %error, "an operation failed");
                    }
                    done.failed += 1;
                    let after = streak.failed(&error);
                    done.error.get_or_insert(error);
                    match after {
                        After::GoOn => {}
                        After::SkipKind => {
                            skipped = Some(op.action.rank());
                            done.stuck = Some(op.stem);
                            streak = Streak::default();
                        }
                        After::Stop => {
                            done.stuck = Some(op.stem);
                            break;
                        }
                    }
                }
            }
            watch.step();
        }
        done.failed += u64::try_from(left).unwrap_or(u64::MAX);
        self.close()?;
        self.state
            .borrow()
            .note_stuck(self.name, done.stuck.as_ref())?;
        Ok((self.name.clone(), done))
    }

    /// Begins where the last run gave up, and comes to what it tried at the end: what fails for ever must not keep back all else.
    fn begin_after_stuck(&self, ops: &mut [Op]) -> Stated<()> {
        let stuck = self.state.borrow().stuck(self.name)?;
        let at = stuck.and_then(|stuck| ops.iter().position(|op| op.stem == stuck));
        if let Some(at) = at {
            ops.rotate_left((at + 1) % ops.len());
            ops.sort_by_key(|op| op.action.rank());
        }
        Ok(())
    }

    /// Notes the answers so far, and what the next operations are going to ask.
    fn note(&mut self, next: &[Op]) -> Stated<()> {
        let intents = next.iter().take(NOTED).map(|op| {
            let id = match &op.action {
                Action::Create(_) => {
                    let latest = self.state.borrow().generation(&op.stem)?;
                    self.settings.mint.id(self.name, &op.stem, latest)
                }
                Action::Replace(_, present) | Action::Remove(present) | Action::Hush(present) => {
                    present.id.clone()
                }
            };
            let action = op.action.word();
            Ok(Intent { id, action })
        });
        let intents = intents.collect::<Stated<Vec<Intent>>>()?;
        self.turn(&intents)?;
        self.noted
            .extend(intents.into_iter().map(|intent| intent.id));
        Ok(())
    }

    /// Notes the last answers, and takes back what was not asked after all.
    fn close(&mut self) -> Stated<()> {
        let unasked = std::mem::take(&mut self.noted).into_iter();
        self.owed.extend(unasked.map(Owed::Nothing));
        self.turn(&[])
    }

    fn turn(&mut self, intents: &[Intent]) -> Stated<()> {
        let owed = std::mem::take(&mut self.owed);
        if owed.is_empty() && intents.is_empty() {
            return Ok(());
        }
        let settled: Vec<Settled<'_>> = owed.iter().map(Owed::settled).collect();
        let now = self.clock.now();
        let mut state = self.state.borrow_mut();
        state.turn(self.name, &settled, intents, now, &self.settings.home)
    }

    /// One operation. The outer error is the state's and ends the run; the inner one is this operation's alone.
    async fn step(&mut self, op: &Op) -> Stated<Answer<Did>> {
        match &op.action {
            Action::Create(wanted) => {
                let created = self.create(op, wanted).await?;
                Ok(created.map(|()| Did::Created))
            }
            Action::Replace(wanted, present) => {
                let Some(place) = self.place(present)? else {
                    return Ok(self.create(op, wanted).await?.map(|()| Did::Created));
                };
                let replaced = self.replace(&present.id, &place, wanted).await?;
                if replaced
                    .as_ref()
                    .is_err_and(|error| error.kind == ErrorKind::Gone)
                {
                    // It vanished a moment ago; its event still stands.
                    return Ok(self.create(op, wanted).await?.map(|()| Did::Created));
                }
                Ok(replaced.map(|()| Did::Updated))
            }
            Action::Remove(present) => {
                let removed = self.remove(present, op.why).await?;
                Ok(removed.map(|()| Did::Deleted))
            }
            Action::Hush(present) => {
                let hushed = self.hush(present).await?;
                Ok(hushed.map(|()| Did::Updated))
            }
        }
    }

    async fn create(&mut self, op: &Op, wanted: &Wanted) -> Stated<Answer<()>> {
        if self.keeps == Keeps::Nothing {
            return Ok(Err(unkept()));
        }
        let mut elsewhere = 0;
        let latest = self.state.borrow().generation(&op.stem)?;
        for generation in latest..=GENERATIONS_MAX {
            let id = self.settings.mint.id(self.name, &op.stem, generation);
            let block = block(&id, wanted);
            self.intend(&id, "create")?;
            let provider = &mut self.seat.provider;
            let created = patiently(self.clock, async || provider.create(&block).await).await;
            let error = match created {
                Ok(_) if !self.is_kept(&id).await => return Ok(self.failed(&id, unkept())),
                Ok(place) => {
                    self.stands(&block, &place, wanted);
                    return Ok(Ok(()));
                }
                Err(error) => error,
            };
            match error.kind {
                ErrorKind::Spent => self.owed.push(Owed::Nothing(id.clone())),
                ErrorKind::Elsewhere if elsewhere + 1 < ELSEWHERE_MAX => {
                    elsewhere += 1;
                    self.owed.push(Owed::Nothing(id.clone()));
                }
                ErrorKind::Elsewhere => {
                    // All the others would fare alike.
                    let error = ProviderError::new(ErrorKind::Refused, error.message);
                    return Ok(self.failed(&id, error));
                }
                ErrorKind::Exists => match self.adopt(&block, wanted).await? {
                    Adopted::Done(answer) => return Ok(answer),
                    Adopted::Taken => self.owed.push(Owed::Nothing(id.clone())),
                },
                _ => return Ok(self.failed(&id, error)),
            }
        }
        let message = "every id for a block is taken, or was used before";
        Ok(Err(ProviderError::new(ErrorKind::Broken, message)))
    }

    /// Whether a block is there that was just created, where that is in doubt. A failed look says nothing.
    async fn is_kept(&mut self, id: &BlockId) -> bool {
        if self.keeps == Keeps::Doubted {
            let provider = &mut self.seat.provider;
            let found = patiently(self.clock, async || provider.look(id).await).await;
            self.keeps = match found {
                Ok(None) => Keeps::Nothing,
                _ => Keeps::All,
            };
        }
        self.keeps == Keeps::All
    }

    /// Something is where a block was to be created: ours from a run that was cut short, or something that is not ours and
    /// stays, so that the block has to go elsewhere.
    async fn adopt(&mut self, block: &Block, wanted: &Wanted) -> Stated<Adopted> {
        let provider = &mut self.seat.provider;
        let found = patiently(self.clock, async || provider.look(&block.id).await).await;
        let resource = match found {
            Ok(Some(resource)) => resource,
            Ok(None) => {
                let message =
                    "the id of a block is taken, yet nothing is there; the next run looks again";
                let error = ProviderError::new(ErrorKind::Conflict, message);
                return Ok(Adopted::Done(self.failed(&block.id, error)));
            }
            Err(error) => return Ok(Adopted::Done(self.failed(&block.id, error))),
        };
        let place = Place::of(block, resource.href.clone(), resource.version.clone());
        let answer = match self.ours(&resource, &block.id) {
            None if is_renamed(&resource, block) => {
                let error = ProviderError::new(ErrorKind::Refused, RENAMED);
                return Ok(Adopted::Done(self.failed(&block.id, error)));
            }
            None => return Ok(Adopted::Taken),
            // Somebody made a meeting of it, so it stays.
            Some(seen) if seen.people => return Ok(Adopted::Taken),
            // Nor does a look at a series tell of people in its occurrences.
            Some(_) if self.state.borrow().is_met(self.name, &place.href)? => {
                return Ok(Adopted::Taken);
            }
            Some(seen) if seen.print == block.print() => {
                self.stands(block, &place, wanted);
                Ok(())
            }
            Some(_) => self.replace(&block.id, &place, wanted).await?,
        };
        Ok(Adopted::Done(answer))
    }

    /// How a resource looks, if it is this block and nothing else.
    fn ours<'r>(&self, resource: &'r Resource, id: &BlockId) -> Option<&'r SeenBlock> {
        let [
            Part::Event {
                uid,
                seen: Some(seen),
                ..
            },
        ] = &resource.parts[..]
        else {
            return None;
        };
        let found = self.settings.mint.recognise(uid, self.name);
        (found == Recognised::Ours(id.clone())).then_some(seen)
    }

    async fn replace(
        &mut self,
        id: &BlockId,
        place: &Place,
        wanted: &Wanted,
    ) -> Stated<Answer<()>> {
        let block = block(id, wanted);
        self.intend(id, "update")?;
        let provider = &mut self.seat.provider;
        let replaced = patiently(self.clock, async || provider.replace(place, &block).await).await;
        match replaced {
            Ok(place) => {
                self.stands(&block, &place, wanted);
                Ok(Ok(()))
            }
            Err(error) => Ok(self.failed(id, error)),
        }
    }

    async fn remove(&mut self, present: &Present, why: Why) -> Stated<Answer<()>> {
        let Some(place) = self.place(present)? else {
            return Ok(Ok(()));
        };
        self.intend(&present.id, "delete")?;
        let provider = &mut self.seat.provider;
        let removed = patiently(self.clock, async || provider.remove(&place).await).await;
        match removed {
            Ok(()) => {
                self.owed
                    .push(Owed::Gone(present.id.clone(), place.href, why));
                Ok(Ok(()))
            }
            Err(error) => Ok(self.failed(&present.id, error)),
        }
    }

    /// Writes a block as it stands, without its words.
    async fn hush(&mut self, present: &Present) -> Stated<Answer<()>> {
        let id = &present.id;
        let Some(place) = self.place(present)? else {
            return Ok(Ok(()));
        };
        let provider = &mut self.seat.provider;
        let found = patiently(self.clock, async || provider.look(id).await).await;
        let found = match found {
            Ok(found) => found,
            Err(error) => return Ok(self.failed(id, error)),
        };
        let seen = found.as_ref().and_then(|found| self.ours(found, id));
        let shape = seen
            .filter(|seen| !seen.people)
            .and_then(|seen| seen.shape.clone());
        let Some(shape) = shape else {
            let error = ProviderError::new(ErrorKind::Broken, UNHUSHED);
            return Ok(self.failed(id, error));
        };
        let block = Block {
            id: id.clone(),
            shape,
            face: Face::clone(&Wording::busy(UNTITLED).face),
        };
        self.intend(id, "update")?;
        let provider = &mut self.seat.provider;
        let replaced = patiently(self.clock, async || provider.replace(&place, &block).await).await;
        match replaced {
            Ok(place) => {
                self.owed.push(Owed::Hushed(block, place));
                Ok(Ok(()))
            }
            Err(error) => Ok(self.failed(id, error)),
        }
    }

    /// Where a block was seen in this run, and in which version.
    fn place(&mut self, present: &Present) -> Stated<Option<Place>> {
        if self.owed.iter().any(|owed| *owed.id() == present.id) {
            self.turn(&[])?;
        }
        self.state.borrow().place(self.name, present)
    }

    /// Notes what is about to be asked, unless that was done with what came before.
    fn intend(&mut self, id: &BlockId, action: &'static str) -> Stated<()> {
        if self.noted.remove(id) {
            return Ok(());
        }
        let id = id.clone();
        self.turn(&[Intent { id, action }])
    }

    fn stands(&mut self, block: &Block, place: &Place, wanted: &Wanted) {
        self.owed.push(Owed::Stands {
            id: block.id.clone(),
            place: place.clone(),
            wanted: wanted.clone(),
            print: block.print(),
        });
    }

    fn failed<T>(&mut self, id: &BlockId, error: ProviderError) -> Answer<T> {
        match error.kind {
            // An answer that never came leaves the intent open: the next run reads the calendar whole and sees for itself. So
            // it does where something is not as the last listing said: a server that did not tell of that may not tell of it
            // the next time either.
            ErrorKind::Retry(_) | ErrorKind::Conflict => {}
            _ => self.owed.push(Owed::Nothing(id.clone())),
        }
        Err(error)
    }
}

fn unkept() -> ProviderError {
    let message = "its server takes blocks and keeps nothing of them: what an earlier run wrote was not there afterwards, and what \
                   this one wrote is not either. Look at the calendar in the service's own program; if it cannot be put right \
                   there, set role = \"source\"";
    ProviderError::new(ErrorKind::Refused, message)
}

const UNHUSHED: &str = "a block says more than any rule shows, and somebody changed it in a way that calsync cannot write; take it away by \
                        hand, or run: calsync sync --allow-mass-delete";

const RENAMED: &str = "what calsync writes there has another UID afterwards, so that it is not known again; set role = \"source\"";

/// Whether a resource at a block's place is that block in all but its UID.
fn is_renamed(resource: &Resource, block: &Block) -> bool {
    let looks_like_it = |seen: &SeenBlock| !seen.people && seen.print == block.print();
    matches!(&resource.parts[..], [Part::Event { seen: Some(seen), .. }] if looks_like_it(seen))
}

fn out_of_time() -> ProviderError {
    let message = "writing took longer than `limits.run_minutes` allows; the next run goes on";
    ProviderError::new(ErrorKind::Broken, message)
}

fn block(id: &BlockId, wanted: &Wanted) -> Block {
    Block {
        id: id.clone(),
        shape: wanted.shape.clone(),
        face: Face::clone(&wanted.face),
    }
}
