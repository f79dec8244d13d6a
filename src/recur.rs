//! Recurrence rules: the one wrapper around the rule engine of ical-rs. Local times in, local times out; never a zone.

use ical::recur::{
    IcalRecurDateTime, IcalRecurFreq, IcalRecurRule, IcalRecurSkip, IcalRecurWeekday,
    IcalRecurWeekdayNum, expand::IcalRecurExpand,
};
use jiff::{
    Span,
    civil::{DateTime, date},
};

mod cost;
mod text;

use cost::crowd;

/// How many occurrences are walked at the most before a rule is given up as too long.
pub const STEPS_MAX: usize = 300_000;

/// How many starts one period of a rule may make, a year for a yearly one: an hourly rule of all days has fewer.
const CROWD_MAX: usize = 10_000;
/// How many steps one rule may cost, whether or not they make starts: a rule by the minute over nine years.
pub const WALK_MAX: u64 = 5_000_000;
/// The last year that rules are walked in. A rule that never makes a start would be walked to the end of all calendars.
const LAST_YEAR: i16 = 2_200;

/// A recurrence rule (RFC 5545 3.3.10) whose `UNTIL` is in the local time of the series.
///
/// Boxed, because it has many lists, and whatever may hold a rule mostly holds none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule(Box<IcalRecurRule>);

/// Why a rule cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RuleError {
    /// It does not follow the grammar in a part that matters.
    #[error("the recurrence rule cannot be read")]
    Grammar,
    /// One of its periods holds more starts than anybody keeps.
    #[error("the recurrence rule makes more than {CROWD_MAX} starts in one of its periods")]
    Crowded,
    /// It counts in a calendar other than ours (RFC 7529).
    #[error("the recurrence rule uses a calendar scale that calsync does not know")]
    Scale,
}

/// How a rule says `UNTIL`, which decides how it becomes a local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// As a date.
    Day,
    /// As a local time.
    Local,
    /// As an instant in UTC.
    Utc,
}

/// Whether a part of a rule, in upper case, has a name of RFC 5545 3.3.10 or RFC 7529 4, or one of a program's own. What cannot be
/// understood of a rule may be where it ends.
fn is_known(part: &str) -> bool {
    const NAMES: [&str; 16] = [
        "FREQ",
        "UNTIL",
        "COUNT",
        "INTERVAL",
        "BYSECOND",
        "BYMINUTE",
        "BYHOUR",
        "BYDAY",
        "BYMONTHDAY",
        "BYYEARDAY",
        "BYWEEKNO",
        "BYMONTH",
        "BYSETPOS",
        "WKST",
        "RSCALE",
        "SKIP",
    ];
    let Some((name, _)) = part.split_once('=') else {
        return false;
    };
    let name = name.trim();
    NAMES.contains(&name) || name.starts_with("X-")
}

impl Rule {
    /// Reads a rule, and says how its `UNTIL` was written. The caller turns that into local time with [`Rule::set_until`].
    pub fn parse(text: &str) -> Result<(Self, Option<Until>), RuleError> {
        let text = text.trim().trim_end_matches(';').to_ascii_uppercase();
        if !text.split(';').all(is_known) {
            return Err(RuleError::Grammar);
        }
        let rule = IcalRecurRule::parse(&text).map_err(|_| RuleError::Grammar)?;
        // RFC 5545 3.3.10 counts from one. To believe it would be to take a series away.
        if rule.count == Some(0) {
            return Err(RuleError::Grammar);
        }
        if rule.scale.as_deref().is_some_and(|s| s != "GREGORIAN") {
            return Err(RuleError::Scale);
        }
        if crowd(&rule) > CROWD_MAX {
            return Err(RuleError::Crowded);
        }
        let until = text
            .split(';')
            .filter_map(|part| part.trim().strip_prefix("UNTIL="))
            .next_back()
            .map(|value| match value.trim() {
                v if v.len() == 8 => Until::Day,
                v if v.ends_with('Z') => Until::Utc,
                _ => Until::Local,
            });
        Ok((Self(Box::new(rule)), until))
    }

    /// The rule's `UNTIL` as written, without regard to what clock it is on.
    pub fn until(&self) -> Option<DateTime> {
        self.0.until.and_then(civil)
    }

    /// Replaces `UNTIL`.
    pub fn set_until(&mut self, until: DateTime) {
        self.0.until = Some(recur(until));
    }

    /// Says outright what the rule leaves to its first start, and readers fill in differently: the weekday of a rule that
    /// names only weeks of the year.
    pub fn complete(&mut self, start: DateTime) {
        let rule = &mut *self.0;
        let days = [
            &rule.by_month_day.is_empty(),
            &rule.by_year_day.is_empty(),
            &rule.by_month.is_empty(),
        ];
        if !rule.by_week_no.is_empty()
            && rule.by_day.is_empty()
            && days.into_iter().all(|empty| *empty)
        {
            rule.by_day.push(IcalRecurWeekdayNum {
                ordinal: None,
                weekday: weekday_of(start),
            });
        }
    }

    /// The same, ending with the last start that is no later than this one.
    #[must_use]
    pub fn ending(&self, last: DateTime) -> Self {
        let mut rule = self.endless();
        rule.set_until(last);
        rule
    }

    /// The same, never ending.
    #[must_use]
    pub fn endless(&self) -> Self {
        let mut rule = self.clone();
        rule.0.until = None;
        rule.0.count = None;
        rule
    }

    /// Whether the rule never ends by itself.
    pub fn is_endless(&self) -> bool {
        self.0.until.is_none() && self.0.count.is_none()
    }

    /// Whether every implementation reads the rule alike. Where they differ, a block must not carry it: week numbers
    /// without a weekday, times below the day, leap-day skipping.
    pub fn is_plain(&self) -> bool {
        let rule = &*self.0;
        let bare_week = !rule.by_week_no.is_empty() && rule.by_day.is_empty();
        let bare_month_day = rule.freq == IcalRecurFreq::Yearly
            && !rule.by_month_day.is_empty()
            && rule.by_month.is_empty();
        let weekly_ordinal = rule.freq == IcalRecurFreq::Weekly
            && rule.by_day.iter().any(|day| day.ordinal.is_some());
        let bare_position = !rule.by_set_pos.is_empty()
            && rule.by_day.is_empty()
            && rule.by_month_day.is_empty()
            && rule.by_year_day.is_empty()
            && rule.by_week_no.is_empty();
        let both_ends = rule.until.is_some() && rule.count.is_some();
        !(!self.keeps_time_of_day()
            || bare_week
            || bare_month_day
            || weekly_ordinal
            || bare_position
            || both_ends
            || rule.skip != IcalRecurSkip::Omit)
    }

    /// The local starts the rule makes from `start` on, ascending. Endless for an endless rule. A `start` that does not fit
    /// the rule is not among them, yet uses up one of its `COUNT` (RFC 5545 3.3.10: DTSTART is the first occurrence).
    pub fn starts(&self, start: DateTime) -> impl Iterator<Item = DateTime> + use<> {
        self.starts_to(start, last_moment(start))
    }

    /// The starts of [`Rule::starts`] up to `to`. A rule that makes none is walked no farther.
    pub fn starts_to(
        &self,
        start: DateTime,
        to: DateTime,
    ) -> impl Iterator<Item = DateTime> + use<> {
        let mut rule = self.ended(to.min(last_moment(start)));
        if let Some(count) = rule.count
            && !self.begins_at(start)
        {
            rule.count = Some(count.saturating_sub(1));
        }
        IcalRecurExpand::new(rule, recur(start)).map_while(civil)
    }

    /// The starts of [`Rule::starts`] from `from` to `to`, and perhaps some before: what lies long before is stepped over, where
    /// the rule lets that be done without walking.
    pub fn starts_near(
        &self,
        start: DateTime,
        from: DateTime,
        to: DateTime,
    ) -> impl Iterator<Item = DateTime> + use<> {
        match self.forwarded(start, from) {
            Some((start, rule)) => rule.starts_to(start, to),
            None => self.starts_to(start, to),
        }
    }

    /// The same rule, which ends here if it has not ended before.
    fn ended(&self, end: DateTime) -> IcalRecurRule {
        let mut rule = (*self.0).clone();
        let end = recur(end);
        rule.until = Some(rule.until.map_or(end, |until| until.min(end)));
        rule
    }

    /// The rule from a later start on, whole steps away from its first and still before `from`.
    fn forwarded(&self, start: DateTime, from: DateTime) -> Option<(DateTime, Self)> {
        let step = self.step()?;
        let bare = self.is_bare();
        let gone = seconds_between(start, from)? / step - 1;
        let mut rule = self.clone();
        if let Some(count) = rule.0.count {
            let left = u32::try_from(i64::from(count) - gone).unwrap_or(0);
            // What is left of a count is only known if each step makes one start.
            if !bare || left == 0 {
                return None;
            }
            rule.0.count = Some(left);
        }
        let later = start.checked_add(Span::new().try_seconds(step.checked_mul(gone)?).ok()?);
        later.ok().filter(|_| gone > 0).map(|later| (later, rule))
    }

    /// The seconds from one step of the rule to the next, if they are always the same on the clock.
    fn step(&self) -> Option<i64> {
        let unit = match self.0.freq {
            IcalRecurFreq::Secondly => 1,
            IcalRecurFreq::Minutely => 60,
            IcalRecurFreq::Hourly => 3_600,
            IcalRecurFreq::Daily => 86_400,
            IcalRecurFreq::Weekly => 7 * 86_400,
            IcalRecurFreq::Monthly | IcalRecurFreq::Yearly => return None,
        };
        Some(unit * i64::from(self.0.interval).max(1))
    }

    /// Whether the rule says nothing but how often: each of its steps makes one start.
    fn is_bare(&self) -> bool {
        let rule = &*self.0;
        let numbers = [
            rule.by_month.is_empty(),
            rule.by_week_no.is_empty(),
            rule.by_year_day.is_empty(),
            rule.by_month_day.is_empty(),
            rule.by_day.is_empty(),
            rule.by_hour.is_empty(),
            rule.by_minute.is_empty(),
            rule.by_second.is_empty(),
            rule.by_set_pos.is_empty(),
        ];
        numbers.into_iter().all(|empty| empty)
    }

    /// Whether the rule repeats within the day.
    fn is_sub_daily(&self) -> bool {
        matches!(
            self.0.freq,
            IcalRecurFreq::Secondly | IcalRecurFreq::Minutely | IcalRecurFreq::Hourly
        )
    }

    /// Whether all starts of the rule are at one time of the day.
    pub fn keeps_time_of_day(&self) -> bool {
        let rule = &*self.0;
        let by_time =
            !(rule.by_hour.is_empty() && rule.by_minute.is_empty() && rule.by_second.is_empty());
        !(by_time || self.is_sub_daily())
    }

    /// The last local start of the rule, or an upper bound of it; `None` for a rule without end.
    pub fn last(&self, start: DateTime) -> Option<DateTime> {
        if let Some(until) = self.until() {
            return Some(until.max(start));
        }
        let count = self.0.count?;
        if let Some(step) = self.step().filter(|_| self.is_bare()) {
            let seconds = i64::from(count.saturating_sub(1)).checked_mul(step)?;
            return start
                .checked_add(Span::new().try_seconds(seconds).ok()?)
                .ok();
        }
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > STEPS_MAX || self.walk(start, start, last_moment(start)) > WALK_MAX {
            // Too far to walk: as good as without end.
            return None;
        }
        Some(self.starts(start).take(STEPS_MAX).last().unwrap_or(start))
    }

    /// The rule as it would be written from its own first start on, and that start; none if there is no such form, or if it does not
    /// begin before `to`.
    pub fn aligned(&self, start: DateTime, to: DateTime) -> Option<(DateTime, Self)> {
        const COMPARED: usize = 60;
        let first = self.starts_to(start, to).next()?;
        let mut rule = self.clone();
        if first != start {
            rule.0.count = rule.0.count.map(|count| count.saturating_sub(1));
        }
        // What is walked in small steps is not walked to the end of all calendars.
        let to = match self.is_sub_daily() {
            true => to,
            false => last_moment(start),
        };
        let same = rule
            .starts_to(first, to)
            .take(COMPARED)
            .eq(self.starts_to(start, to).take(COMPARED));
        same.then_some((first, rule))
    }

    /// The rule as it would be written from a later start of its own on, and that start; none if there is no such form.
    pub fn later(&self, start: DateTime, passed: usize) -> Option<(DateTime, Self)> {
        const COMPARED: usize = 60;
        let next = self.starts(start).nth(passed)?;
        let mut rule = self.clone();
        let fewer = u32::try_from(passed).ok()?;
        rule.0.count = rule.0.count.map(|count| count.saturating_sub(fewer));
        let same = rule
            .starts(next)
            .take(COMPARED)
            .eq(self.starts(start).skip(passed).take(COMPARED));
        same.then_some((next, rule))
    }

    /// Whether the rule's first start is `start` itself.
    pub fn begins_at(&self, start: DateTime) -> bool {
        let mut starts = IcalRecurExpand::new(self.ended(start), recur(start));
        starts.next() == Some(recur(start))
    }
}

/// When walking ends at the latest that begins here.
fn last_moment(start: DateTime) -> DateTime {
    let year = LAST_YEAR.max(start.year().saturating_add(50)).min(9_999);
    date(year, 12, 31).at(23, 59, 59, 0)
}

/// The seconds that a clock without changes shows between two times; none if the second is not after the first.
fn seconds_between(start: DateTime, to: DateTime) -> Option<i64> {
    let between = to.duration_since(start).as_secs();
    (between > 0).then_some(between)
}

fn weekday_of(local: DateTime) -> IcalRecurWeekday {
    match local.weekday() {
        jiff::civil::Weekday::Sunday => IcalRecurWeekday::Sunday,
        jiff::civil::Weekday::Monday => IcalRecurWeekday::Monday,
        jiff::civil::Weekday::Tuesday => IcalRecurWeekday::Tuesday,
        jiff::civil::Weekday::Wednesday => IcalRecurWeekday::Wednesday,
        jiff::civil::Weekday::Thursday => IcalRecurWeekday::Thursday,
        jiff::civil::Weekday::Friday => IcalRecurWeekday::Friday,
        jiff::civil::Weekday::Saturday => IcalRecurWeekday::Saturday,
    }
}

fn recur(local: DateTime) -> IcalRecurDateTime {
    let small = |n: i8| u8::try_from(n).unwrap_or(0);
    IcalRecurDateTime {
        year: i32::from(local.year()),
        month: small(local.month()),
        day: small(local.day()),
        hour: small(local.hour()),
        minute: small(local.minute()),
        second: small(local.second()),
    }
}

fn civil(local: IcalRecurDateTime) -> Option<DateTime> {
    let small = |n: u8| i8::try_from(n).ok();
    let year = i16::try_from(local.year).ok()?;
    let day = jiff::civil::Date::new(year, small(local.month)?, small(local.day)?).ok()?;
    // A leap second is the second before it, as everywhere else in calendars.
    let second = small(local.second.min(59))?;
    let time = jiff::civil::Time::new(small(local.hour)?, small(local.minute)?, second, 0).ok()?;
    Some(day.to_datetime(time))
}

/// The last second of a day: what `UNTIL` as a date means for a timed series.
pub fn day_end(day: DateTime) -> DateTime {
    date(day.year(), day.month(), day.day()).at(23, 59, 59, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        Rule::parse(text).unwrap().0
    }

    #[test]
    fn sloppy_rules_are_read() {
        assert_eq!(
            rule("freq=weekly;byday=mo;").to_string(),
            "FREQ=WEEKLY;BYDAY=MO"
        );
        let all = |most: u32| {
            (0..=most)
                .map(|n| n.to_string())
                .collect::<Vec<_>>()
                .join(",")
        };
        let seconds = all(59);
        let crowd = format!(
            "FREQ=YEARLY;BYDAY=MO;BYHOUR=9;BYMINUTE={seconds};BYSECOND={seconds};BYSETPOS=-1"
        );
        assert_eq!(Rule::parse(&crowd), Err(RuleError::Crowded));
        let hourly = format!("FREQ=YEARLY;BYMONTHDAY=1;BYHOUR={}", all(23));
        assert!(Rule::parse(&hourly).is_ok());
        assert_eq!(Rule::parse("BYDAY=MO"), Err(RuleError::Grammar));
        assert_eq!(
            Rule::parse("RSCALE=HEBREW;FREQ=YEARLY"),
            Err(RuleError::Scale)
        );
    }

    #[test]
    fn the_way_until_is_written_is_told() {
        let until = |text| Rule::parse(text).unwrap().1;
        assert_eq!(until("FREQ=DAILY;UNTIL=20270101"), Some(Until::Day));
        assert_eq!(
            until("FREQ=DAILY;UNTIL=20270101T000000"),
            Some(Until::Local)
        );
        assert_eq!(until("FREQ=DAILY;UNTIL=20270101T000000Z"), Some(Until::Utc));
        assert_eq!(until("FREQ=DAILY"), None);
    }

    #[test]
    fn what_is_stepped_over_changes_nothing_of_what_follows() {
        let start = date(2001, 2, 28).at(9, 30, 0, 0);
        let (from, to) = (
            date(2026, 3, 1).at(0, 0, 0, 0),
            date(2026, 5, 1).at(0, 0, 0, 0),
        );
        for text in [
            "FREQ=DAILY",
            "FREQ=DAILY;INTERVAL=3;COUNT=3050",
            "FREQ=DAILY;INTERVAL=3;COUNT=4",
            "FREQ=DAILY;BYMONTH=3;BYHOUR=7,23",
            "FREQ=DAILY;BYDAY=MO;COUNT=1310",
            "FREQ=WEEKLY;INTERVAL=3;BYDAY=SU,TU;WKST=SU",
            "FREQ=WEEKLY;INTERVAL=2;UNTIL=20260401T000000",
            "FREQ=WEEKLY;INTERVAL=5;BYDAY=MO,FR;BYSETPOS=-1",
            "FREQ=HOURLY;INTERVAL=7",
            "FREQ=HOURLY;INTERVAL=5;BYHOUR=3,4;BYMONTHDAY=31",
            "FREQ=MINUTELY;INTERVAL=1001;COUNT=13200",
            "FREQ=MONTHLY;BYDAY=-1FR",
            "FREQ=YEARLY;BYMONTH=4",
        ] {
            let rule = rule(text);
            let inside = |at: &DateTime| *at >= from;
            let walked = rule.starts(start).take_while(|at| *at < to);
            let walked: Vec<_> = walked.filter(inside).collect();
            let near = rule.starts_near(start, from, to).take_while(|at| *at < to);
            let near: Vec<_> = near.collect();
            let found: Vec<_> = near.iter().copied().filter(inside).collect();
            assert_eq!(found, walked, "{text}");
            if text.starts_with("FREQ=HOURLY;INTERVAL=7") {
                assert!(near.len() < found.len() + 4, "{} steps", near.len());
            }
        }
    }

    #[test]
    fn the_last_start_is_known_with_and_without_walking() {
        let start = date(2026, 1, 30).at(9, 30, 0, 0);
        for text in [
            "FREQ=DAILY;COUNT=1",
            "FREQ=WEEKLY;INTERVAL=2;COUNT=40",
            "FREQ=MINUTELY;COUNT=1000",
            "FREQ=MONTHLY;COUNT=7",
            "FREQ=WEEKLY;BYDAY=MO,FR;COUNT=9",
        ] {
            let rule = rule(text);
            assert_eq!(rule.last(start), rule.starts(start).last(), "{text}");
        }
    }

    #[test]
    fn rules_that_readers_disagree_on_are_not_plain() {
        assert!(rule("FREQ=WEEKLY;BYDAY=MO").is_plain());
        assert!(rule("FREQ=YEARLY;BYWEEKNO=3;BYDAY=MO").is_plain());
        assert!(!rule("FREQ=YEARLY;BYWEEKNO=3").is_plain());
        assert!(!rule("FREQ=HOURLY").is_plain());
        assert!(!rule("FREQ=WEEKLY;BYDAY=-1SU").is_plain());
    }
}
