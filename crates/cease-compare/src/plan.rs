//! What a run is to do: the cells, each with its expected verdict, and how each is run.

use std::fmt::Write;
use std::fs::{self, OpenOptions};

use cease_core::Contract;

use crate::cli::Cli;
use crate::exit::{self, Failure};
use crate::expected::Expected;
use crate::latency::as_ns;
use crate::matrix::{self, Column, Pair};
use crate::report::{Args, Cell};
use crate::spec::Spec;
use crate::verdict::Verdict;

/// What a run is to do.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    cli: &'a Cli,
    /// The cells, each with the verdict that is expected.
    pub(crate) cells: Vec<(Pair, Verdict)>,
}

impl<'a> Plan<'a> {
    /// Finds the cells that the command line names, and what is expected of them.
    ///
    /// # Errors
    ///
    /// A name that is unknown, or a file of expectations that is of no use.
    pub(crate) fn new(cli: &'a Cli) -> Result<Self, Failure> {
        let pairs = matrix::select(cli.strategies.as_deref(), cli.workloads.as_deref()).map_err(Failure::usage)?;
        let (expected, from) = match &cli.expected {
            None => (Ok(Expected::committed()), "the committed expectations".to_owned()),
            Some(path) => {
                let name = format!("`{}`", path.display());
                let text = fs::read_to_string(path);
                let text = text.map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?;
                (Expected::parse(&text), name)
            }
        };
        let in_file = |error: String| Failure::usage(format!("{from}: {error}"));
        let expected = expected.map_err(in_file)?;
        let cells: Result<_, String> = pairs.into_iter().map(|pair| Ok((pair, expected.of(&pair)?))).collect();
        Ok(Self { cli, cells: cells.map_err(in_file)? })
    }

    /// Finds what would only fail later.
    ///
    /// # Errors
    ///
    /// There are no cells, the input cannot be read, or the output cannot be opened.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.cells.is_empty() {
            let text = "nothing selected: --strategy and --workload leave no cell".to_owned();
            return Err(Failure { code: exit::NOTHING_SELECTED, text });
        }
        for column in self.columns() {
            (column.check_input)(&self.cli.input).map_err(Failure::usage)?;
        }
        if let Some(path) = &self.cli.output {
            // Opened without touching what is in it, which is replaced only by a result.
            let opened = OpenOptions::new().append(true).create(true).open(path);
            opened.map_err(|error| Failure::usage(format!("cannot write `{}`: {error}", path.display())))?;
        }
        Ok(())
    }

    /// How the cell of `pair` is run.
    pub(crate) fn spec(&self, pair: &Pair) -> Spec {
        Spec {
            strategy: pair.strategy.to_owned(),
            workload: pair.workload.name.to_owned(),
            seed: self.cli.seed,
            trials: self.cli.trials(),
            grace: self.cli.grace,
        }
    }

    /// What was asked for, with every default filled in.
    pub(crate) fn args(&self) -> Args {
        Args {
            strategies: self.strategies(),
            workloads: self.columns().iter().map(|column| column.name).collect(),
            input: self.cli.input.display().to_string(),
            seed: self.cli.seed,
            trials: self.cli.trials(),
            grace_ns: as_ns(self.cli.grace),
            patience_ns: self.cells.first().map_or(0, |(pair, _)| as_ns(self.spec(pair).patience())),
        }
    }

    /// The command that runs one cell again.
    pub(crate) fn rerun(&self, cell: &Cell) -> String {
        let Cli { grace, seed, input, expected, .. } = self.cli;
        let mut command = format!(
            "cease --strategy {} --workload {} --trials {} --grace {} --seed {seed} --input {}",
            cell.strategy,
            cell.workload,
            self.cli.trials(),
            quoted(&humantime::format_duration(*grace).to_string()),
            quoted(&input.display().to_string()),
        );
        if let Some(path) = expected {
            command += &format!(" --expected {}", quoted(&path.display().to_string()));
        }
        command
    }

    /// The strategies, the workloads and the expected verdicts.
    pub(crate) fn list(&self) -> String {
        let mut text = String::from("strategies:\n");
        let chosen = self.strategies();
        for Contract { strategy, technique, modelled, .. } in matrix::contracts() {
            if chosen.contains(strategy) {
                let _ = writeln!(text, "  {strategy:14} {technique}; loom sees {modelled}");
            }
        }
        text += "\nworkloads:\n";
        for column in self.columns() {
            let _ = writeln!(text, "  {:14} {}", column.name, column.about);
        }
        text += "\nexpected:\n";
        for (pair, verdict) in &self.cells {
            let _ = writeln!(text, "  {:14} {:14} {verdict}", pair.strategy, pair.workload.name);
        }
        text
    }

    /// The strategies, each once.
    fn strategies(&self) -> Vec<&'static str> {
        let mut strategies: Vec<_> = self.cells.iter().map(|(pair, _)| pair.strategy).collect();
        strategies.dedup();
        strategies
    }

    /// The workloads, each once.
    fn columns(&self) -> Vec<&'static Column> {
        let first = self.cells.first().map(|(pair, _)| pair.strategy);
        self.cells.iter().filter(|(pair, _)| Some(pair.strategy) == first).map(|(pair, _)| pair.workload).collect()
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;
    use crate::cell::Seen;

    fn cli(arguments: &[&str]) -> Cli {
        Cli::try_parse_from([&["cease"], arguments].concat()).unwrap()
    }

    #[test]
    fn the_arguments_are_those_that_were_given_each_name_once() {
        let cli = cli(&["--strategy=flag,abort", "--workload=tokio-task,sleep-loop", "--trials=3", "--grace=1ms"]);
        let plan = Plan::new(&cli).unwrap();
        let args = plan.args();
        assert_eq!(args.strategies, ["flag", "abort"]);
        assert_eq!(args.workloads, ["sleep-loop", "tokio-task"]);
        assert_eq!((args.trials, args.seed, args.input.as_str()), (3, 1, "."));
        assert_eq!((args.grace_ns, args.patience_ns), (1_000_000, 1_000_000_000));
        let spec = plan.spec(&plan.cells[1].0);
        assert_eq!((spec.strategy.as_str(), spec.workload.as_str()), ("flag", "tokio-task"));
        assert_eq!((spec.seed, spec.trials, spec.grace), (1, 3, Duration::from_millis(1)));
    }

    #[test]
    fn a_cell_is_run_again_with_the_same_arguments_as_a_shell_reads_them() {
        let cli = cli(&["--seed=9", "--quick", "--grace=1s 1ms", "--input=my files", "--strategy=flag"]);
        let plan = Plan::new(&cli).unwrap();
        let cell = Cell::new("flag", "sleep-loop", Verdict::Stopped, Seen::default());
        assert_eq!(
            plan.rerun(&cell),
            "cease --strategy flag --workload sleep-loop --trials 30 --grace '1s 1ms' --seed 9 --input 'my files'"
        );
    }

    #[test]
    fn the_list_names_what_is_selected_and_nothing_else() {
        let cli = cli(&["--strategy=abort", "--workload=sleep-loop,tokio-task"]);
        let list = Plan::new(&cli).unwrap().list();
        let words: Vec<Vec<_>> = list.lines().map(|line| line.split_whitespace().take(2).collect()).collect();
        assert_eq!(words[0], ["strategies:"]);
        assert_eq!(words[1][0], "abort");
        assert_eq!((words[2].as_slice(), words[3].as_slice()), (&[][..], &["workloads:"][..]));
        assert_eq!([words[4][0], words[5][0]], ["sleep-loop", "tokio-task"]);
        assert!(
            list.ends_with("expected:\n  abort          sleep-loop     n/a\n  abort          tokio-task     stopped\n"),
            "{list}"
        );
    }

    #[test]
    fn a_word_with_blanks_or_quotes_is_quoted() {
        assert_eq!(quoted("a/b-1.txt"), "a/b-1.txt");
        assert_eq!(quoted("my files"), "'my files'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
