//! Logs to stderr. The library never logs a title, a place or an id of anybody's event; no other crate gets to log at all.

use std::io::{self, IsTerminal as _};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer as _, filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{
    args::{Args, LogFormat},
    print,
};

/// Where that is logged which is said in one run and never again: whoever wants to hear of nothing but errors hears that.
pub(crate) const ONCE: &str = "calsync::once";

/// Sets logging up as the flags say.
pub(crate) fn begin(args: &Args) {
    let level = match (args.quiet, args.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, _) => LevelFilter::DEBUG,
    };
    let once = level.max(LevelFilter::WARN);
    let ours = Targets::new()
        .with_target("calsync", level)
        .with_target(ONCE, once);
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let layer = match args.log_format {
        LogFormat::Json => layer.json().with_filter(ours).boxed(),
        LogFormat::Text => {
            let colour = print::colour(args, io::stderr().is_terminal());
            layer
                .without_time()
                .with_target(false)
                .with_ansi(colour)
                .with_filter(ours)
                .boxed()
        }
    };
    tracing_subscriber::registry().with(layer).init();
}
