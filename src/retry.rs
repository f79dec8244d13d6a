//! How patiently a request is asked again. The one room that knows the `backoff` crate.

use std::time::Duration;

use backoff::{ExponentialBackoff, ExponentialBackoffBuilder, backoff::Backoff as _};

use crate::{
    clock::Clock,
    provider::{Answer, ErrorKind},
};

/// How often a request is asked in all.
const TRIES: u32 = 5;
/// Whoever took so long to say nothing is not asked again in this run.
const PATIENCE: Duration = Duration::from_secs(90);
/// No server may make a run wait longer than this at once; the next run is minutes away.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// Asks until there is an answer that asking again would not change, a few times at the most.
pub async fn patiently<T>(clock: &Clock, mut ask: impl AsyncFnMut() -> Answer<T>) -> Answer<T> {
    let mut patience = patience();
    let mut tries = 1;
    let began = clock.now();
    loop {
        let answer = ask().await;
        let Err(error) = &answer else {
            return answer;
        };
        let ErrorKind::Retry(after) = error.kind else {
            return answer;
        };
        let own = patience.next_backoff().unwrap_or(WAIT_MAX);
        let wait = after.map_or(own, |after| after.max(own));
        let spent = Duration::try_from(clock.now().duration_since(began)).unwrap_or_default();
        if tries == TRIES || wait > WAIT_MAX || spent > PATIENCE {
            return answer;
        }
        tries += 1;
        clock.sleep(wait).await;
    }
}

fn patience() -> ExponentialBackoff {
    ExponentialBackoffBuilder::new()
        .with_initial_interval(Duration::from_millis(500))
        .with_multiplier(2.0)
        .with_randomization_factor(0.5)
        .with_max_interval(Duration::from_secs(20))
        .with_max_elapsed_time(None)
        .build()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use jiff::Timestamp;

    use super::*;
    use crate::provider::ProviderError;

    fn ask_failing(times: u32, kind: ErrorKind) -> (Answer<u32>, u32, i64) {
        let clock = Clock::at(Timestamp::UNIX_EPOCH);
        let asked = Cell::new(0);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let answer = runtime.block_on(patiently(&clock, async || {
            asked.set(asked.get() + 1);
            if asked.get() <= times {
                return Err(ProviderError::new(kind, "no"));
            }
            Ok(asked.get())
        }));
        (answer, asked.get(), clock.now().as_second())
    }

    #[test]
    fn a_busy_server_is_asked_again_a_few_times() {
        assert_eq!(ask_failing(2, ErrorKind::Retry(None)).0, Ok(3));
        assert_eq!(ask_failing(99, ErrorKind::Retry(None)).1, TRIES);
    }

    #[test]
    fn a_server_that_names_a_time_is_given_it() {
        let (answer, _, waited) = ask_failing(1, ErrorKind::Retry(Some(Duration::from_secs(30))));
        assert_eq!((answer, waited), (Ok(2), 30));
        let (answer, asked, _) = ask_failing(1, ErrorKind::Retry(Some(Duration::from_hours(1))));
        assert!(answer.is_err() && asked == 1, "an hour is for the next run");
    }

    #[test]
    fn other_errors_are_final() {
        assert_eq!(ask_failing(1, ErrorKind::Refused).1, 1);
    }
}
