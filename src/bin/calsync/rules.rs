//! `calsync rules`: which calendar shows in which other one, what of it, and in which words. Reads the configuration and nothing
//! else.

use calsync::plan::Route;
use serde_json::{Value, json};

use crate::{
    args::{self, Args},
    context::load,
    exit::{Exit, Failure},
    print,
};

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
        let what = said.join(", ");
        let shown = route.wording.said();
        text.push_str(
            &format_args!(
                "{:from$}  in {:to$}  as {shown:title$}  {what}\n",
                route.source, route.target
            )
            .to_string(),
        );
    }
    if routes.is_empty() {
        text += "No calendar shows in another one.\n";
    }
    text
}

/// All that is not as by default in what blocks say, and in what becomes of them.
fn look(route: &Route) -> Vec<(&'static str, String)> {
    let mut look = route.wording.look();
    let respect = [
        ("deleted", route.respect.deleted),
        ("moved", route.respect.moved),
    ];
    let respect = respect.into_iter().filter(|(_, is)| *is);
    look.extend(respect.map(|(key, _)| (key, "respect".to_owned())));
    look
}

fn as_text((key, value): &(&str, String)) -> String {
    format!("{key} = {value}")
}

fn as_json(route: &Route) -> Value {
    let filter: serde_json::Map<String, Value> = route
        .filter
        .said()
        .into_iter()
        .map(|(key, value)| (key.to_owned(), Value::from(value)))
        .collect();
    let look: serde_json::Map<String, Value> = look(route)
        .into_iter()
        .map(|(key, value)| (key.to_owned(), Value::from(value)))
        .collect();
    json!({
        "from": *route.source, "to": *route.target, "show": route.wording.show_word(), "title": route.wording.template(),
        "look": look, "filter": filter,
    })
}
