//! What is compared: the list of strategies, the list of workloads, and the cells between them.

use std::path::Path;
use std::time::Duration;

use cease_abandon::Abandon;
use cease_channel::Channel;
use cease_core::{Job, StopToken, Strategy};
use cease_flag::Flag;

use crate::cell::{self, Seen};
use crate::spec::Spec;
use crate::timed::Timed;
use crate::workload::{CpuChecked, CpuUnchecked, HashFiles, SleepLoop, Workload};

/// Every strategy, in the order of the table; a new one is one line.
///
/// A strategy that lets go of a worker does so after `let_go`.
pub(crate) fn strategies<J: Job>(let_go: Duration) -> Vec<Box<dyn Strategy<J>>> {
    vec![Box::new(Flag::new()), Box::new(Channel::new()), Box::new(Abandon::new().grace(let_go))]
}

/// Every workload, in the order of the table; a new one is one line, and a file in `workload/`.
pub(crate) const WORKLOADS: &[Column] =
    &[Column::of::<SleepLoop>(), Column::of::<HashFiles>(), Column::of::<CpuChecked>(), Column::of::<CpuUnchecked>()];

/// One workload, with its type taken away.
#[derive(Debug)]
pub(crate) struct Column {
    /// What it is called.
    pub(crate) name: &'static str,
    /// What it is, in half a sentence.
    pub(crate) about: &'static str,
    /// Says what of the input cannot be read.
    pub(crate) check_input: fn(&Path) -> Result<(), String>,
    /// Runs one cell of it, in this process.
    pub(crate) run: fn(&Spec, &Path, &StopToken) -> Result<Seen, String>,
}

impl Column {
    const fn of<W: Workload>() -> Self {
        Self { name: W::NAME, about: W::ABOUT, check_input: |input| W::material(input).map(drop), run: run::<W> }
    }
}

/// Runs the cell of the workload `W` that `spec` names.
fn run<W: Workload>(spec: &Spec, input: &Path, interrupt: &StopToken) -> Result<Seen, String> {
    let mut strategies = strategies::<Timed<W>>(spec.let_go()).into_iter();
    let strategy = strategies.find(|strategy| strategy.contract().strategy == spec.strategy);
    let strategy = strategy.ok_or_else(|| format!("unknown strategy `{}`", spec.strategy))?;
    cell::run::<W>(spec, &*strategy, input, interrupt)
}

/// One strategy with one workload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    /// The strategy's name.
    pub(crate) strategy: &'static str,
    /// The workload.
    pub(crate) workload: &'static Column,
}

/// The names and techniques of all strategies.
pub(crate) fn strategy_names() -> Vec<(&'static str, &'static str)> {
    let contracts = strategies::<SleepLoop>(Duration::MAX).into_iter().map(|strategy| strategy.contract());
    contracts.map(|contract| (contract.strategy, contract.technique)).collect()
}

/// The workload of that name.
pub(crate) fn workload(name: &str) -> Option<&'static Column> {
    WORKLOADS.iter().find(|column| column.name == name)
}

/// The cells of those strategies and workloads, in the order of the table; `None` takes all.
///
/// # Errors
///
/// The first name that is unknown, with those that are known.
pub(crate) fn select(strategies: Option<&[String]>, workloads: Option<&[String]>) -> Result<Vec<Pair>, String> {
    let known_strategies: Vec<_> = strategy_names().into_iter().map(|(name, _)| name).collect();
    let known_workloads: Vec<_> = WORKLOADS.iter().map(|column| column.name).collect();
    let strategies = pick("strategy", strategies, &known_strategies)?;
    let workloads = pick("workload", workloads, &known_workloads)?;
    let columns = || workloads.iter().filter_map(|name| workload(name));
    Ok(strategies.iter().flat_map(|strategy| columns().map(|workload| Pair { strategy, workload })).collect())
}

/// The known names that were asked for.
fn pick(kind: &str, asked: Option<&[String]>, known: &[&'static str]) -> Result<Vec<&'static str>, String> {
    let Some(asked) = asked else { return Ok(known.to_vec()) };
    match asked.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("unknown {kind} `{name}`; known: {}", known.join(", "))),
        None => Ok(known.iter().copied().filter(|name| asked.iter().any(|asked| asked == name)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pairs: &[Pair]) -> Vec<(&str, &str)> {
        pairs.iter().map(|pair| (pair.strategy, pair.workload.name)).collect()
    }

    #[test]
    fn without_a_wish_every_cell_is_taken() {
        let all = select(None, None).unwrap();
        assert_eq!(all.len(), strategy_names().len() * WORKLOADS.len());
    }

    #[test]
    fn a_wish_is_taken_once_and_in_the_order_of_the_table() {
        let wish = ["cpu-checked", "sleep-loop", "cpu-checked"].map(str::to_owned);
        let pairs = select(Some(&["flag".to_owned()]), Some(&wish)).unwrap();
        assert_eq!(names(&pairs), [("flag", "sleep-loop"), ("flag", "cpu-checked")]);
        assert!(select(None, Some(&[])).unwrap().is_empty());
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = select(None, Some(&["nap".to_owned()])).unwrap_err();
        assert_eq!(error, "unknown workload `nap`; known: sleep-loop, hash-files, cpu-checked, cpu-unchecked");
        assert!(select(Some(&["flog".to_owned()]), None).unwrap_err().contains("known: flag"));
    }
}
