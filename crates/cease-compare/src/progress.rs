//! How far the run is, on the standard error.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::When;
use crate::matrix::Pair;
use crate::report::Cell;
use crate::table;

/// Shows how far the run is.
#[derive(Debug)]
pub(crate) enum Progress {
    /// A bar that goes away at the end.
    Bar(ProgressBar),
    /// A line for each cell that is done.
    Lines,
    /// Nothing.
    Hidden,
}

impl Progress {
    /// Begins with none of `cells` done.
    pub(crate) fn new(when: When, cells: usize) -> Self {
        match when {
            When::Never => Self::Hidden,
            When::Auto if io::stderr().is_terminal() => Self::Bar(bar(cells)),
            When::Auto | When::Always => Self::Lines,
        }
    }

    /// Says which cell runs now.
    pub(crate) fn begin(&self, pair: &Pair) {
        if let Self::Bar(bar) = self {
            bar.set_message(format!("{} × {}", pair.strategy, pair.workload.name));
        }
    }

    /// Says that the cell is done.
    pub(crate) fn end(&self, cell: &Cell) {
        match self {
            Self::Bar(bar) => bar.inc(1),
            Self::Lines => {
                let _ = writeln!(io::stderr(), "{}", table::line(cell));
            }
            Self::Hidden => {}
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn bar(cells: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {pos}/{len} {wide_bar} {msg} {elapsed}");
    let bar = ProgressBar::new(cells as u64).with_style(style.expect("a test draws it"));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_can_be_drawn() {
        let bar = bar(2);
        bar.inc(1);
        assert_eq!(bar.position(), 1);
        bar.finish_and_clear();
    }
}
