//! What it costs to walk a rule, counted without walking it. Never an occurrence.

use ical::recur::{IcalRecurFreq, IcalRecurRule};
use jiff::civil::DateTime;

use super::{LAST_YEAR, Rule, seconds_between};

/// So many starts of one rule count for nothing: those of a rule of all working days in 150 years.
const MADE_FREELY: u64 = 50_000;
/// To make a start takes as long as so many steps that make none.
const STEPS_A_START: u64 = 30;
impl Rule {
    /// Whether a rule that says nothing but how often within the day makes more than `most` starts between two times. It
    /// takes no walk to know.
    pub fn crowds(&self, start: DateTime, from: DateTime, to: DateTime, most: usize) -> bool {
        let Some(step) = self
            .step()
            .filter(|_| self.is_sub_daily() && self.is_bare())
        else {
            return false;
        };
        let to = self.until().map_or(to, |until| until.min(to));
        let steps = |to| seconds_between(start, to).map_or(0, |seconds| seconds / step);
        let last = self.0.count.map_or(i64::MAX, i64::from).min(steps(to));
        last - steps(from).max(0) > i64::try_from(most).unwrap_or(i64::MAX)
    }

    /// What a walk from `from` to `to` costs at the most, in steps below the day, whether or not they make starts. What has longer
    /// steps costs nothing worth counting, unless it makes very many starts.
    pub fn walk(&self, start: DateTime, from: DateTime, to: DateTime) -> u64 {
        let Some(step) = self.step().filter(|_| self.is_sub_daily()) else {
            return self.starts_cost(start, from, to);
        };
        let is_bare = self.is_bare();
        let to = self.until().map_or(to, |until| until.min(to));
        let from = match self.0.count {
            // What is left of a count is only known by walking.
            Some(_) if !is_bare => start,
            _ => from.max(start),
        };
        let steps = seconds_between(from, to).map_or(0, |seconds| seconds / step);
        let count = self.0.count.filter(|_| is_bare).map_or(u64::MAX, u64::from);
        u64::try_from(steps).unwrap_or(0).min(count)
    }

    /// What it costs to make all starts from the first one on that has to be made, if they are very many.
    fn starts_cost(&self, start: DateTime, from: DateTime, to: DateTime) -> u64 {
        let from = match self.forwarded(start, from) {
            Some((later, _)) => later,
            None => start,
        };
        let to = self.until().map_or(to, |until| until.min(to));
        let years = i64::from(to.year()) - i64::from(from.year()) + 1;
        let interval = i64::from(self.0.interval).max(1);
        let steps = match self.0.freq {
            IcalRecurFreq::Yearly => years / interval + 1,
            IcalRecurFreq::Monthly => years.saturating_mul(12) / interval + 1,
            _ => years.saturating_mul(366 * 86_400) / self.step().unwrap_or(86_400) + 1,
        };
        // Each step makes one that counts, if it makes any.
        let most = self.0.count.map_or(u64::MAX, u64::from);
        let steps = u64::try_from(steps).unwrap_or(0).min(most);
        let made = steps.saturating_mul(usual_crowd(&self.0).try_into().unwrap_or(u64::MAX));
        match made > MADE_FREELY {
            true => made.saturating_mul(STEPS_A_START),
            false => 0,
        }
    }

    /// How far from one step to the next a rule may be, in whole years and one more.
    pub fn stride(&self) -> i16 {
        let interval = i64::from(self.0.interval);
        let years = match self.0.freq {
            IcalRecurFreq::Yearly => interval,
            IcalRecurFreq::Monthly => interval / 12 + 1,
            _ => self.step().unwrap_or(0) / (365 * 86_400) + 1,
        };
        i16::try_from(years).unwrap_or(LAST_YEAR)
    }
}

/// How many starts a period of a rule holds at the most, before any of its limits.
pub(super) fn crowd(rule: &IcalRecurRule) -> usize {
    let many = |list: usize| list.max(1);
    let (minutes, seconds) = (many(rule.by_minute.len()), many(rule.by_second.len()));
    let in_a_day = many(rule.by_hour.len())
        .saturating_mul(minutes)
        .saturating_mul(seconds);
    let names_days = !(rule.by_day.is_empty()
        && rule.by_month_day.is_empty()
        && rule.by_year_day.is_empty()
        && rule.by_week_no.is_empty());
    let days = match rule.freq {
        IcalRecurFreq::Secondly => return 1,
        IcalRecurFreq::Minutely => return seconds,
        IcalRecurFreq::Hourly => return minutes.saturating_mul(seconds),
        IcalRecurFreq::Daily => 1,
        IcalRecurFreq::Weekly => many(rule.by_day.len().min(7)),
        IcalRecurFreq::Monthly if names_days => 31,
        IcalRecurFreq::Monthly => 1,
        IcalRecurFreq::Yearly if names_days => 366,
        IcalRecurFreq::Yearly => many(rule.by_month.len().min(12)),
    };
    in_a_day.saturating_mul(days)
}

/// How many starts a period of a rule makes about, before any of its limits: [`crowd`] for those that count them.
fn usual_crowd(rule: &IcalRecurRule) -> usize {
    let many = |list: usize| list.max(1);
    let months = match rule.freq {
        IcalRecurFreq::Yearly if rule.by_month.is_empty() => 12,
        IcalRecurFreq::Yearly => rule.by_month.len(),
        _ => 1,
    };
    let days = match rule.freq {
        IcalRecurFreq::Yearly | IcalRecurFreq::Monthly => {
            let named = rule.by_day.iter().map(|day| match day.ordinal {
                Some(_) => 1,
                None => 5,
            });
            let lists = [
                rule.by_month_day.len() * months,
                named.sum::<usize>() * months,
                rule.by_year_day.len(),
                rule.by_week_no.len() * many(rule.by_day.len()),
            ];
            lists
                .into_iter()
                .max()
                .unwrap_or(0)
                .max(many(rule.by_month.len()))
        }
        _ => return crowd(rule),
    };
    let in_a_day =
        many(rule.by_hour.len()) * many(rule.by_minute.len()) * many(rule.by_second.len());
    days.saturating_mul(in_a_day)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn crowds_are_counted_without_walking() {
        let start = date(1970, 1, 1).at(0, 0, 0, 0);
        let (from, to) = (
            date(2026, 3, 1).at(0, 0, 0, 0),
            date(2027, 3, 1).at(0, 0, 0, 0),
        );
        let crowds = |text| Rule::parse(text).unwrap().0.crowds(start, from, to, 10_000);
        assert!(crowds("FREQ=SECONDLY"));
        assert!(crowds("FREQ=MINUTELY;INTERVAL=30"));
        assert!(crowds("FREQ=SECONDLY;UNTIL=20260302T000000"));
        assert!(!crowds("FREQ=SECONDLY;UNTIL=20260301T010000"));
        assert!(!crowds("FREQ=SECONDLY;COUNT=500000"));
        assert!(!crowds("FREQ=HOURLY"));
        assert!(!crowds("FREQ=SECONDLY;BYMINUTE=7"));
        assert!(!crowds("FREQ=DAILY"));
    }
}
