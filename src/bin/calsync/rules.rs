//! `calsync rules`: which calendar shows in which other one, what of it, and in which words. Reads the configuration and nothing
//! else.

use calsync::plan::{Route, filter::Setting};
use serde_json::{Value, json};

use crate::{
    args::{self, Args},
    context::load,
    exit::{Exit, Failure},
    print,
};

/// So many characters of what a rule says go beside it.
const WIDE: usize = 120;

pub(crate) fn run(args: &Args, options: &args::Rules) -> Result<Exit, Failure> {
    let config = load(args)?.config;
    match options.json {
        true => {
            let rules: Vec<Value> = config.routes.iter().map(as_json).collect();
            let object = json!({"version": 1, "rules": rules});
            print::out(&format!("{object}\n"))?;
        }
        false => print::out(&in_words(&config.routes))?,
    }
    Ok(Exit::InStep)
}

fn in_words(routes: &[Route]) -> String {
    let width = |name: fn(&Route) -> usize| routes.iter().map(name).max().unwrap_or_default();
    let (from, to) = (
        width(|route| route.source.chars().count()),
        width(|route| route.target.chars().count()),
    );
    let title = width(|route| route.wording.said().chars().count());
    let mut text = String::new();
    for route in routes {
        let mut said: Vec<String> = route.filter.said().iter().map(as_text).collect();
        if said.is_empty() {
            said.push("all that keeps busy".to_owned());
        }
        said.extend(look(route).iter().map(as_text));
        let shown = route.wording.said();
        let who = format!(
            "{:from$}  in {:to$}  as {shown:title$}  ",
            route.source, route.target
        );
        let what = said.join(", ");
        if what.chars().count() > WIDE {
            // One below the other.
            said.insert(0, who.trim_end().to_owned());
            text += &said.join("\n      ");
        } else {
            text += &who;
            text += &what;
        }
        text += "\n";
    }
    if routes.is_empty() {
        text += "No calendar shows in another one.\n";
    }
    text
}

/// All that is not as by default in what blocks say, and in what becomes of them.
fn look(route: &Route) -> Vec<(&'static str, Setting)> {
    let mut look = route.wording.look();
    let respect = [
        ("deleted", route.respect.deleted),
        ("moved", route.respect.moved),
    ];
    let respect = respect.into_iter().filter(|(_, is)| *is);
    look.extend(respect.map(|(key, _)| (key, Setting::word("respect"))));
    look
}

fn as_text((key, value): &(&str, Setting)) -> String {
    format!("{key} = {value}")
}

fn as_json(route: &Route) -> Value {
    json!({
        "from": *route.source, "to": *route.target, "show": route.wording.show_word(), "title": route.wording.template(),
        "look": object(look(route)), "filter": object(route.filter.said()),
    })
}

/// What keys say, as it would be written in the configuration.
fn object(said: Vec<(&'static str, Setting)>) -> Value {
    let value = |setting| match setting {
        Setting::Flag(flag) => Value::from(flag),
        Setting::Word(word) => Value::from(word),
        Setting::Words(words) | Setting::Patterns(words) => Value::from(words),
    };
    let said = said.into_iter();
    let said = said.map(|(key, setting)| (key.to_owned(), value(setting)));
    Value::Object(said.collect())
}
