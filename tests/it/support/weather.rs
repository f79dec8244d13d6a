//! What goes wrong between calsync and Google by chance. Every calendar has a chance of its own, so that what happens to one
//! does not depend on who asks first. Must never lie about what is there: nobody can be safe from a server that does.

use std::collections::BTreeMap;

use super::{
    google::{
        Fault, Weather,
        errors::{self, usage_limit},
        exchange::Request,
    },
    rng::Rng,
};

/// Weather in which so many of a hundred requests go wrong.
pub(crate) fn bad(rng: &mut Rng, percent: u64) -> Weather {
    let seed = rng.next();
    let mut chances: BTreeMap<String, Rng> = BTreeMap::new();
    Box::new(move |call, request| {
        let who = request.header("authorization").unwrap_or(&request.body);
        let about = request.segments().get(3).cloned().unwrap_or_default();
        let key = format!("{who} {about}");
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
        6 => match *rng.pick(&[None, Some("7"), Some("3600")]) {
            None => Fault::Answer(errors::unavailable()),
            Some(time) => Fault::Answer(errors::unavailable().with("retry-after", time)),
        },
        _ if call == "token" => Fault::Answer(errors::dead_grant()),
        _ if call == "unknown" => return None,
        7 => {
            let wait = *rng.pick(&[None, Some("7"), Some("3600")]);
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
        ("events.list", 1) => errors::not_found(),
        ("events.insert", 1) => errors::duplicate(),
        ("events.update" | "events.delete", 1) => errors::condition_not_met(),
        ("events.insert" | "events.update" | "events.delete", 2) => errors::conflict(),
        ("events.insert" | "events.update" | "events.delete", _) => errors::read_only(),
        _ => errors::forbidden(),
    };
    Fault::Answer(reply)
}
