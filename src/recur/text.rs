//! Rules as text: how they are stored, compared and written. Never how they are read.

use std::fmt::{self, Write as _};

use ical::recur::{IcalRecurFreq, IcalRecurSkip, IcalRecurWeekday, IcalRecurWeekdayNum};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Rule;

impl Rule {
    /// The rule as text, its `UNTIL` given by the caller, who knows the zone it is to be written in.
    pub fn to_text(&self, until: Option<&str>) -> String {
        let mut text = String::new();
        let rule = &*self.0;
        part(&mut text, "FREQ", freq(rule.freq));
        if let Some(until) = until {
            part(&mut text, "UNTIL", until);
        }
        if let Some(count) = rule.count {
            part(&mut text, "COUNT", &count.to_string());
        }
        if rule.interval != 1 {
            part(&mut text, "INTERVAL", &rule.interval.to_string());
        }
        list(&mut text, "BYMONTH", &rule.by_month);
        list(&mut text, "BYWEEKNO", &rule.by_week_no);
        list(&mut text, "BYYEARDAY", &rule.by_year_day);
        list(&mut text, "BYMONTHDAY", &rule.by_month_day);
        let days: Vec<String> = rule.by_day.iter().map(day).collect();
        list(&mut text, "BYDAY", &days);
        list(&mut text, "BYHOUR", &rule.by_hour);
        list(&mut text, "BYMINUTE", &rule.by_minute);
        list(&mut text, "BYSECOND", &rule.by_second);
        list(&mut text, "BYSETPOS", &rule.by_set_pos);
        if rule.week_start != IcalRecurWeekday::Monday {
            part(&mut text, "WKST", weekday(rule.week_start));
        }
        match rule.skip {
            IcalRecurSkip::Omit => {}
            IcalRecurSkip::Backward => part(&mut text, "RSCALE=GREGORIAN;SKIP", "BACKWARD"),
            IcalRecurSkip::Forward => part(&mut text, "RSCALE=GREGORIAN;SKIP", "FORWARD"),
        }
        text
    }
}

impl fmt::Display for Rule {
    /// The rule with its `UNTIL` in local time: the form it is stored and compared in.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = self
            .until()
            .map(|until| until.strftime("%Y%m%dT%H%M%S").to_string());
        f.write_str(&self.to_text(until.as_deref()))
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text)
            .map(|(rule, _)| rule)
            .map_err(serde::de::Error::custom)
    }
}

fn part(text: &mut String, name: &str, value: &str) {
    let gap = if text.is_empty() { "" } else { ";" };
    write!(text, "{gap}{name}={value}").expect("writing to a string never fails");
}

fn list<T: ToString>(text: &mut String, name: &str, values: &[T]) {
    if !values.is_empty() {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        part(text, name, &values.join(","));
    }
}

fn freq(freq: IcalRecurFreq) -> &'static str {
    match freq {
        IcalRecurFreq::Secondly => "SECONDLY",
        IcalRecurFreq::Minutely => "MINUTELY",
        IcalRecurFreq::Hourly => "HOURLY",
        IcalRecurFreq::Daily => "DAILY",
        IcalRecurFreq::Weekly => "WEEKLY",
        IcalRecurFreq::Monthly => "MONTHLY",
        IcalRecurFreq::Yearly => "YEARLY",
    }
}

fn weekday(day: IcalRecurWeekday) -> &'static str {
    match day {
        IcalRecurWeekday::Sunday => "SU",
        IcalRecurWeekday::Monday => "MO",
        IcalRecurWeekday::Tuesday => "TU",
        IcalRecurWeekday::Wednesday => "WE",
        IcalRecurWeekday::Thursday => "TH",
        IcalRecurWeekday::Friday => "FR",
        IcalRecurWeekday::Saturday => "SA",
    }
}

fn day(day: &IcalRecurWeekdayNum) -> String {
    let ordinal = day.ordinal.map(|n| n.to_string()).unwrap_or_default();
    format!("{ordinal}{}", weekday(day.weekday))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for text in [
            "FREQ=DAILY",
            "FREQ=WEEKLY;UNTIL=20270101T120000;INTERVAL=2;BYDAY=MO,WE;WKST=SU",
            "FREQ=MONTHLY;COUNT=5;BYDAY=-1FR",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        ] {
            assert_eq!(Rule::parse(text).unwrap().0.to_string(), text);
        }
    }
}
