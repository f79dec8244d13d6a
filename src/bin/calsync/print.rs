//! Results to stdout. A reader that went away early is no error.

use std::io::{self, IsTerminal as _, Write as _};

use calsync::report::Report;

use crate::{
    args::{Args, Color},
    exit::Failure,
};

/// Writes results.
pub(crate) fn out(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes());
    match written.and_then(|()| stdout.flush()) {
        // Whoever reads may have had enough (`calsync status | head -1`), and there is nobody else to tell.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::System(format!(
            "the results could not be written to stdout: {error}"
        ))),
        Ok(()) => Ok(()),
    }
}

/// Writes a report for a program.
pub(crate) fn json(report: &Report) -> Result<(), Failure> {
    let object = serde_json::to_string(report).expect("a report is always JSON");
    out(&format!("{object}\n"))
}

/// Whether a person is reading the results.
pub(crate) fn to_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether a stream gets colour.
pub(crate) fn colour(args: &Args, terminal: bool) -> bool {
    match args.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && calsync::config::paths::variable("NO_COLOR").is_none(),
    }
}

/// Colours a word, if there is colour.
pub(crate) fn paint(on: bool, code: &str, word: &str) -> String {
    if on {
        format!("\x1b[{code}m{word}\x1b[0m")
    } else {
        word.to_owned()
    }
}

/// A table with its columns lined up.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}
