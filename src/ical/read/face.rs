//! How a block of ours looks, as far as calsync may have written it so; all else is odd. Pure.

use super::super::lines::{Component, Prop};
use crate::model::{Appears, Colour, Face, Visibility};

/// The face of a block; `odd` grows by what calsync never writes.
pub(super) fn face(event: &Component, odd: &mut Vec<&'static str>) -> Face {
    let text = |name| event.prop(name).map(Prop::text).unwrap_or_default();
    let says = |name, word| {
        let value: Option<&str> = event.value(name);
        value.is_some_and(|value| value.eq_ignore_ascii_case(word))
    };
    let is_free = says("TRANSP", "TRANSPARENT");
    let is_tentative = says("STATUS", "TENTATIVE");
    let is_usual = event.value("STATUS").is_none() || says("STATUS", "CONFIRMED");
    if !is_usual && (is_free || !is_tentative) {
        odd.push("status");
    }
    if says("CLASS", "CONFIDENTIAL") {
        odd.push("confidential");
    }
    Face {
        title: text("SUMMARY"),
        notes: text("DESCRIPTION"),
        place: text("LOCATION"),
        visibility: match says("CLASS", "PRIVATE") || says("CLASS", "CONFIDENTIAL") {
            true => Visibility::Private,
            false => Visibility::Public,
        },
        appears: match (is_free, is_tentative) {
            (true, _) => Appears::Free,
            (false, true) => Appears::Tentative,
            (false, false) => Appears::Busy,
        },
        colour: colour(event, odd),
        category: category(event, odd),
        reminder: reminder(event, odd),
    }
}

fn colour(event: &Component, odd: &mut Vec<&'static str>) -> Option<Colour> {
    let css = event.value("COLOR")?;
    let colour = Colour::of_css(css.trim());
    if colour.is_none() {
        odd.push("colour");
    }
    colour
}

fn category(event: &Component, odd: &mut Vec<&'static str>) -> String {
    let mut words: Vec<String> = event.all("CATEGORIES").flat_map(Prop::texts).collect();
    if words.len() > 1 {
        odd.push("CATEGORIES");
        return String::new();
    }
    words.pop().unwrap_or_default()
}

/// So many minutes before its owner is reminded, in the one form that calsync writes.
fn reminder(event: &Component, odd: &mut Vec<&'static str>) -> Option<u32> {
    let mut alarms = event.children.iter().filter(|c| c.name == "VALARM");
    let alarm = alarms.next()?;
    let is_shown = alarm
        .value("ACTION")
        .is_some_and(|action: &str| action.eq_ignore_ascii_case("DISPLAY"));
    let minutes = alarm.value("TRIGGER").and_then(|trigger: &str| {
        let minutes = trigger.trim().strip_prefix("-PT")?.strip_suffix('M')?;
        minutes.parse().ok()
    });
    let only = alarms.next().is_none() && is_shown;
    if !only || minutes.is_none() {
        odd.push("alarm");
        return None;
    }
    minutes
}
