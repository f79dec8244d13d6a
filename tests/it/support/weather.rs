//! What goes wrong between calsync and servers by chance. Every calendar has a chance of its own, so that what happens to one
//! does not depend on who asks first. Must never lie about what is there: nobody can be safe from a server that does.

use std::collections::BTreeMap;

use super::{
    dav::cloud::{condition, plain},
    google::{
        Fault, Weather,
        errors::{self, usage_limit},
        exchange::{Reply, Request},
    },
    rng::Rng,
};

/// Weather in which so many of a hundred requests go wrong.
pub(crate) fn bad(rng: &mut Rng, percent: u64) -> Weather {
    let about = |request: &Request| {
        let who = request.header("authorization").unwrap_or(&request.body);
        let about = request.segments().get(3).cloned().unwrap_or_default();
        format!("{who} {about}")
    };
    struck_by(rng, percent, about, strike)
}

/// The same at a `CalDAV` server.
pub(crate) fn bad_cloud(rng: &mut Rng, percent: u64) -> Weather {
    let about = |request: &Request| request.segments().get(1).cloned().unwrap_or_default();
    let strike: Strike = |call, request, rng| Some(strike_cloud(call, request, rng));
    struck_by(rng, percent, about, strike)
}

type Strike = fn(&str, &Request, &mut Rng) -> Option<Fault>;

fn struck_by(
    rng: &mut Rng,
    percent: u64,
    about: impl Fn(&Request) -> String + Send + 'static,
    strike: Strike,
) -> Weather {
    let seed = rng.next();
    let mut chances: BTreeMap<String, Rng> = BTreeMap::new();
    Box::new(move |call, request| {
        let key = about(request);
        let print = key.bytes().fold(seed, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let chance = chances.entry(key).or_insert_with(|| Rng::new(print));
        chance
            .chance(percent)
            .then(|| strike(call, request, chance))
            .flatten()
    })
}

/// How long a server wants to be left alone. The date is a moment after some worlds begin, and by a clock that is years off in
/// the others.
const WAITS: [Option<&str>; 4] = [
    None,
    Some("7"),
    Some("3600"),
    Some("Fri, 27 Mar 2020 08:00:09 GMT"),
];

fn strike(call: &str, request: &Request, rng: &mut Rng) -> Option<Fault> {
    let has_body = matches!(
        call,
        "token" | "events.list" | "events.get" | "events.insert" | "events.update"
    );
    let fault = match rng.below(9) {
        0 => Fault::Close,
        1 | 2 => Fault::LoseAnswer,
        3 if has_body => Fault::Cut(usize::try_from(rng.below(20)).unwrap()),
        4 if has_body => Fault::CutChunked(usize::try_from(rng.below(20)).unwrap()),
        5 => Fault::Answer(errors::backend_error()),
        6 => match *rng.pick(&WAITS) {
            None => Fault::Answer(errors::unavailable()),
            Some(time) => Fault::Answer(errors::unavailable().with("retry-after", time)),
        },
        _ if call == "token" => Fault::Answer(errors::dead_grant()),
        _ if call == "unknown" => return None,
        7 => {
            let wait = *rng.pick(&WAITS);
            let reasons = [
                "rateLimitExceeded",
                "userRateLimitExceeded",
                "quotaExceeded",
            ];
            Fault::Answer(match rng.below(3) {
                0 => errors::too_many_requests(wait),
                1 => usage_limit(rng.pick::<&str>(&reasons)),
                _ => errors::invalid_credentials(),
            })
        }
        _ => refusal(call, request, rng),
    };
    Some(fault)
}

/// A refusal that fits the request.
fn refusal(call: &str, request: &Request, rng: &mut Rng) -> Fault {
    let reply = match (call, rng.below(4)) {
        ("events.list", 0 | 1) if request.param("syncToken").is_some() => {
            errors::full_sync_required()
        }
        ("events.list" | "events.get" | "events.insert" | "events.update", 0) => {
            return Fault::alter(|answer| answer["kind"] = "calendar#freeBusy".into());
        }
        ("events.list" | "events.get", 1) => errors::not_found(),
        ("events.insert", 1) => errors::duplicate(),
        ("events.update" | "events.delete", 1) => errors::condition_not_met(),
        ("events.insert" | "events.update" | "events.delete", 2) => errors::conflict(),
        ("events.insert" | "events.update" | "events.delete", _) => errors::read_only(),
        _ => errors::forbidden(),
    };
    Fault::Answer(reply)
}

fn strike_cloud(call: &str, request: &Request, rng: &mut Rng) -> Fault {
    // What says that nothing changed has nothing that could be cut.
    let is_short = matches!(call, "put" | "delete") || request.header("if-none-match").is_some();
    let reply = match rng.below(9) {
        0 => return Fault::Close,
        1 | 2 => return Fault::LoseAnswer,
        3 if !is_short => return Fault::Cut(usize::try_from(rng.below(60)).unwrap()),
        4 if !is_short => {
            return Fault::CutChunked(usize::try_from(rng.below(60)).unwrap());
        }
        5 => plain(*rng.pick(&[500, 502, 504, 520])),
        6 => {
            let reply = plain(*rng.pick(&[429, 503]));
            match *rng.pick(&WAITS) {
                Some(time) => reply.with("retry-after", time),
                None => reply,
            }
        }
        _ => refusal_of_cloud(call, rng),
    };
    Fault::Answer(reply)
}

/// A refusal that fits the request, and says nothing untrue about what is there.
fn refusal_of_cloud(call: &str, rng: &mut Rng) -> Reply {
    let web_page = || {
        Reply::html(
            200,
            "<!doctype html><html><h1>Please sign in to this network</h1></html>",
        )
    };
    match (call, rng.below(6)) {
        ("token", 0 | 1) => condition(403, "d:valid-sync-token", ""),
        ("token", 2) => plain(412),
        ("token" | "sync" | "multiget" | "props" | "feed", 3) => web_page(),
        ("token" | "sync" | "multiget" | "props", 4) => plain(400),
        ("put", 0) => plain(409),
        ("put" | "delete", 1) => plain(423),
        ("put", 2) => plain(507),
        ("put" | "delete", 3) => condition(412, "d:precondition-failed", ""),
        ("put" | "delete", 4) => condition(403, "d:need-privileges", ""),
        ("put", _) => plain(413),
        _ => plain(*rng.pick(&[401, 403, 500])),
    }
}
