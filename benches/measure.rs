//! What the benches share: the cost of this process or of one child, made-up events, and a table of results.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::sys::resource::{Usage, UsageWho, getrusage};

/// The argument that turns a bench into a small process that runs one command and tells what it cost. A child's peak
/// memory begins with that of the process it was forked from, so that process has to be small.
const WRAPPER: &str = "--cost-of";

/// What a piece of work cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// In KiB.
    pub(crate) peak: i64,
}

/// Whether cargo runs this as a bench. `cargo test --all-targets` starts it too, and has no time for it.
pub(crate) fn is_wanted() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// Measures some work in this process. The peak is that of the process so far.
pub(crate) fn in_process<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let (began, before) = (now(), usage(UsageWho::RUSAGE_SELF));
    let made = work();
    let after = usage(UsageWho::RUSAGE_SELF);
    let cost = Cost {
        wall: began.elapsed(),
        cpu: cpu(&after).saturating_sub(cpu(&before)),
        peak: after.max_rss(),
    };
    (made, cost)
}

/// Measures a command that must end well.
pub(crate) fn of_command(program: &str, arguments: &[&str]) -> Cost {
    let wrapper = std::env::current_exe().expect("a bench knows where it lies");
    let done = Command::new(wrapper)
        .args([WRAPPER, program])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .expect("the wrapper starts");
    assert!(done.status.success(), "{program} {arguments:?} failed");
    let told = String::from_utf8(done.stdout).expect("numbers are text");
    let numbers: Vec<u64> = told
        .split_whitespace()
        .map(|number| number.parse().expect("the wrapper tells numbers"))
        .collect();
    let [wall, cpu, peak] = numbers[..] else {
        panic!("the wrapper told {told:?}")
    };
    Cost {
        wall: Duration::from_micros(wall),
        cpu: Duration::from_micros(cpu),
        peak: i64::try_from(peak).expect("memory is finite"),
    }
}

/// Runs one command and tells its cost on stdout, if this process was started for that.
pub(crate) fn is_wrapper() -> bool {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(WRAPPER) {
        return false;
    }
    let program = arguments.next().expect("the wrapper is told what to run");
    let began = now();
    let status = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .status();
    let wall = began.elapsed();
    assert!(status.is_ok_and(|status| status.success()), "it failed");
    let spent = usage(UsageWho::RUSAGE_CHILDREN);
    println!(
        "{} {} {}",
        wall.as_micros(),
        cpu(&spent).as_micros(),
        spent.max_rss()
    );
    true
}

/// Prints the head of a table.
pub(crate) fn head(command: &str) {
    println!("`{command}`\n");
    println!("| what | wall ms | CPU ms | peak MB |");
    println!("| --- | ---: | ---: | ---: |");
}

/// Prints a row of a table.
pub(crate) fn row(what: &str, Cost { wall, cpu, peak }: Cost) {
    let peak = f64::from(i32::try_from(peak).expect("memory is finite")) / 1024.0;
    println!(
        "| {what} | {:.1} | {:.1} | {peak:.0} |",
        wall.as_secs_f64() * 1e3,
        cpu.as_secs_f64() * 1e3
    );
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn now() -> Instant {
    Instant::now()
}

fn usage(who: UsageWho) -> Usage {
    getrusage(who).expect("the system counts")
}

fn cpu(usage: &Usage) -> Duration {
    let micros = |time: nix::sys::time::TimeVal| {
        let seconds = u64::try_from(time.tv_sec()).expect("time is positive");
        Duration::from_secs(seconds)
            + Duration::from_micros(u64::try_from(time.tv_usec()).expect("time is positive"))
    };
    micros(usage.user_time()) + micros(usage.system_time())
}
