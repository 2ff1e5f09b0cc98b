//! The result of a run, as people read it.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use crate::latency::{Latency, readable};
use crate::report::{Cell, Report};
use crate::verdict::Verdict;

/// The whole text; `rerun` gives the command that runs one cell again.
pub(crate) fn text(report: &Report, rerun: impl Fn(&Cell) -> String) -> String {
    let mut text = table(&report.cells);
    text.push_str("\n\nnoticed: from the request until the job's checkpoint saw it\n");
    text.push_str("gone:    from the request until nothing of the worker ran any more\n");
    text.extend(report.cells.iter().filter_map(left_behind));
    let _ = writeln!(text, "on:      {}", report.environment.summary());
    for cell in &report.cells {
        if let Some(difference) = cell.difference() {
            let _ = writeln!(text, "\n{difference}\n  again: {}", rerun(cell));
        }
    }
    let _ = writeln!(text, "\n{}", summary(report));
    text
}

/// A cell that is done, in one line.
pub(crate) fn line(cell: &Cell) -> String {
    let seen = &cell.seen;
    let mut line = format!("{} × {}: {}", cell.strategy, cell.workload, verdict(cell));
    if let Some(gone) = &seen.gone_ns {
        let _ = write!(line, ", gone within {}", readable(gone.max));
    }
    if seen.trials > 0 {
        let _ = write!(line, " ({})", count(seen.trials as usize, "trial"));
    }
    line
}

/// What all cells come to, in one line.
fn summary(report: &Report) -> String {
    let cells = &report.cells;
    let of_verdict = |verdict| (Some(verdict), cells.iter().filter(|cell| cell.seen.verdict == Some(verdict)).count());
    let failed = (None, cells.iter().filter(|cell| cell.seen.verdict.is_none()).count());
    let counts = Verdict::ALL.into_iter().map(of_verdict).chain([failed]).filter(|(_, count)| *count > 0);
    let counts = counts.map(|(verdict, count)| format!("{count} {}", verdict.map_or("failed", Verdict::word)));
    let counts = counts.collect::<Vec<_>>().join(", ");

    let ran = if report.complete {
        count(cells.len(), "cell")
    } else {
        format!("interrupted after {} of {}", cells.len(), count(report.selected(), "cell"))
    };
    let counts = if counts.is_empty() { String::new() } else { format!(": {counts}") };
    let judged = match cells.iter().filter(|cell| !cell.as_expected).count() {
        0 if cells.is_empty() => "nothing was seen".to_owned(),
        0 => "all as expected".to_owned(),
        differing => format!("{differing} not as expected"),
    };
    format!("{ran}{counts}; {judged}, in {:.1}s", report.elapsed_ns as f64 / 1e9)
}

fn table(cells: &[Cell]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let names = ["verdict", "strategy", "workload", "trials"];
    table.set_header([&names[..], &["noticed p50", "p99", "max", "gone p50", "p99", "max"]].concat());
    for column in table.column_iter_mut().skip(names.len() - 1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for cell in cells {
        let seen = &cell.seen;
        let names = [verdict(cell), cell.strategy.to_owned(), cell.workload.to_owned(), seen.trials.to_string()];
        table.add_row(names.into_iter().chain(latency(seen.noticed_ns.as_ref())).chain(latency(seen.gone_ns.as_ref())));
    }
    table.trim_fmt()
}

/// The verdict, with a mark when it is not the expected one.
fn verdict(cell: &Cell) -> String {
    let word = cell.seen.verdict.map_or("failed", Verdict::word);
    if cell.as_expected { word.to_owned() } else { format!("{word} (!)") }
}

fn latency(latency: Option<&Latency>) -> [String; 3] {
    match latency {
        Some(latency) => [latency.p50, latency.p99, latency.max].map(readable),
        None => ["–"; 3].map(str::to_owned),
    }
}

/// What a cell has left behind, in a line of its own.
fn left_behind(cell: &Cell) -> Option<String> {
    let left = &cell.seen.left_behind;
    let worked_on = cell.seen.work_after_request.map(|pieces| format!(", {pieces} pieces of work after the request"));
    let name = || format!("left:    {} × {}: ", cell.strategy, cell.workload);
    (!left.is_empty()).then(|| name() + &left.summary() + &worked_on.unwrap_or_default() + "\n")
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cell::Seen;
    use crate::report::Args;

    fn report(verdicts: &[Verdict]) -> Report {
        let args = Args { trials: 3, ..Args::of(vec!["flag"], vec!["sleep-loop", "hash-files"]) };
        let mut report = Report::new(args);
        for (&verdict, workload) in verdicts.iter().zip(["sleep-loop", "hash-files"]) {
            let latency = Latency::of(vec![1_500, 2_500, 3_500]);
            let seen = Seen { verdict: Some(verdict), trials: 3, gone_ns: latency, ..Seen::default() };
            report.cells.push(Cell::new("flag", workload, Verdict::Stopped, seen));
        }
        report
    }

    #[test]
    fn the_summary_counts_the_verdicts_and_judges_them() {
        let mut run = report(&[Verdict::Stopped, Verdict::Stopped]);
        run.complete = true;
        assert_eq!(summary(&run), "2 cells: 2 stopped; all as expected, in 0.0s");
        run = report(&[Verdict::Stopped, Verdict::Late]);
        run.complete = true;
        assert_eq!(summary(&run), "2 cells: 1 stopped, 1 late; 1 not as expected, in 0.0s");
        assert_eq!(summary(&report(&[])), "interrupted after 0 of 2 cells; nothing was seen, in 0.0s");
    }

    #[test]
    fn a_difference_is_marked_and_comes_with_the_command_that_runs_it_again() {
        let text = text(&report(&[Verdict::Stopped, Verdict::Late]), |cell| format!("run {}", cell.workload));
        assert!(text.contains(" stopped "), "{text}");
        assert!(text.contains(" late (!) "), "{text}");
        assert!(text.contains("flag × hash-files: expected stopped, saw late\n  again: run hash-files\n"), "{text}");
        assert!(!text.contains("again: run sleep-loop"), "{text}");
        assert!(text.lines().all(|line| line.trim_end() == line), "{text}");
    }

    #[test]
    fn a_failed_cell_is_counted_and_has_no_times() {
        let mut run = report(&[Verdict::Stopped]);
        run.cells.push(Cell::new("flag", "hash-files", Verdict::Stopped, Seen::failed("no thread".to_owned())));
        run.complete = true;
        assert_eq!(summary(&run), "2 cells: 1 stopped, 1 failed; 1 not as expected, in 0.0s");
        assert_eq!(line(&run.cells[1]), "flag × hash-files: failed (!)");
        let text = text(&run, |_| String::new());
        let row = text.lines().find(|line| line.contains(" failed (!) ")).unwrap();
        assert_eq!(row.split_whitespace().filter(|word| *word == "–").count(), 6, "{text}");
    }

    #[test]
    fn an_interrupted_run_counts_its_cells_against_the_selected_ones() {
        let mut run = report(&[Verdict::Stopped]);
        run.finish(false, Duration::from_millis(1_260));
        assert_eq!(summary(&run), "interrupted after 1 of 2 cells: 1 stopped; all as expected, in 1.3s");
    }

    #[test]
    fn a_cell_that_left_something_behind_has_a_line_for_it() {
        let mut run = report(&[Verdict::Stopped]);
        assert_eq!(left_behind(&run.cells[0]), None);
        run.cells[0].seen.work_after_request = Some(9);
        assert_eq!(left_behind(&run.cells[0]), None, "work that was done is nothing that is left");
        run.cells[0].seen.left_behind.descriptors.push("/dev/zero".to_owned());
        let with_work = "left:    flag × sleep-loop: descriptor of /dev/zero, 9 pieces of work after the request\n";
        assert_eq!(left_behind(&run.cells[0]).unwrap(), with_work);
        assert!(text(&run, |_| String::new()).contains(with_work));
        run.cells[0].seen.work_after_request = None;
        assert_eq!(left_behind(&run.cells[0]).unwrap(), "left:    flag × sleep-loop: descriptor of /dev/zero\n");
    }

    #[test]
    fn each_column_has_its_quantile() {
        let mut run = report(&[Verdict::Stopped]);
        run.cells[0].seen.noticed_ns = Latency::of((1..=200).collect());
        let text = text(&run, |_| String::new());
        let row = text.lines().find(|line| line.contains(" sleep-loop ")).unwrap();
        let words: Vec<_> = row.split_whitespace().collect();
        let times = ["100", "ns", "198", "ns", "200", "ns", "2.50", "µs", "3.50", "µs", "3.50", "µs"];
        assert_eq!(words, [&["stopped", "flag", "sleep-loop", "3"][..], &times].concat(), "{text}");
    }

    #[test]
    fn a_cell_that_is_done_fits_on_one_line() {
        let report = report(&[Verdict::Stopped]);
        assert_eq!(line(&report.cells[0]), "flag × sleep-loop: stopped, gone within 3.50 µs (3 trials)");
        let mut one = report;
        one.cells[0].seen.trials = 1;
        assert!(line(&one.cells[0]).ends_with(" (1 trial)"));
        assert_eq!([0, 1, 2].map(|number| count(number, "cell")), ["0 cells", "1 cell", "2 cells"]);
    }
}
