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
    let title = width(|route| route.face.title.chars().count()) + 2;
    let mut text = String::new();
    for route in routes {
        let said = route.filter.said();
        let said: Vec<String> = said
            .iter()
            .map(|(key, value)| format!("{key} = {value}"))
            .collect();
        let what = match said.is_empty() {
            true => "all that keeps busy".to_owned(),
            false => said.join(", "),
        };
        let shown = format!("\"{}\"", route.face.title);
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

fn as_json(route: &Route) -> Value {
    let filter: serde_json::Map<String, Value> = route
        .filter
        .said()
        .into_iter()
        .map(|(key, value)| (key.to_owned(), Value::from(value)))
        .collect();
    json!({
        "from": *route.source, "to": *route.target, "show": "busy", "title": route.face.title, "filter": filter,
    })
}
