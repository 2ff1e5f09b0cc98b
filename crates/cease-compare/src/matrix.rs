//! What is compared: the list of strategies, the list of workloads, and the cells between them.

use std::path::Path;
use std::time::Duration;

use cease_abandon::Abandon;
use cease_channel::Channel;
use cease_core::{Contract, RunsOn, StopToken, Strategy};
use cease_flag::Flag;
use cease_process::Entry;
use cease_token::AsyncJob;
use cease_trace::Trace;
use cease_unwind::Unwind;

use crate::cell::{self, Seen};
use crate::remote::InProcess;
use crate::runtime::{self, OnRuntime, Tasks};
use crate::spec::Spec;
use crate::timed::Timed;
use crate::workload::{CpuChecked, CpuTraced, CpuUnchecked, HashFiles, SleepLoop, TaskWorkload, TokioTask, Workload};

/// Every strategy that runs jobs, in the order of the table; a new one is one line.
///
/// A strategy that has more than asking goes on to it after `ask`.
fn strategies<W: Workload>(ask: Duration) -> Vec<Box<dyn Strategy<Timed<W>>>> {
    vec![
        Box::new(Flag::new()),
        Box::new(Channel::new()),
        Box::new(Unwind::new()),
        Box::new(Trace::new()),
        Box::new(OnRuntime), // token
        Box::new(InProcess::new(ask)),
        Box::new(Abandon::new().grace(ask)),
    ]
}

/// Every strategy that runs tasks; those that run nothing else stand below the others in the table.
fn task_strategies<J: AsyncJob>() -> Vec<Tasks<J>> {
    vec![Tasks::token(), Tasks::abort()]
}

/// Every workload that is a job, in the order of the table; a new one is one line, and a file in `workload/`.
static JOBS: [Column; 5] = [
    Column::of::<SleepLoop>(),
    Column::of::<HashFiles>(),
    Column::of::<CpuChecked>(),
    Column::of::<CpuUnchecked>(),
    Column::of::<CpuTraced>(),
];

/// Every workload that is a task; in the table they stand behind the jobs.
static TASKS: [Column; 1] = [Column::of_tasks::<TokioTask>()];

/// One workload, with its type taken away.
#[derive(Debug)]
pub(crate) struct Column {
    /// What it is called.
    pub(crate) name: &'static str,
    /// What it is, in half a sentence.
    pub(crate) about: &'static str,
    /// Says what of the input cannot be read.
    pub(crate) check_input: fn(&Path) -> Result<(), String>,
    /// As what it is known in another process; a task, which only some strategies can run, is known nowhere else.
    travels: Option<Entry>,
    /// Runs one cell of it, in this process.
    pub(crate) run: fn(&Spec, &Path, &StopToken) -> Result<Seen, String>,
}

impl Column {
    const fn of<W: Workload>() -> Self {
        let check_input = |input: &Path| W::material(input).map(drop);
        Self {
            name: W::NAME,
            about: W::ABOUT,
            check_input,
            travels: Some(cease_process::job::<Timed<W>>()),
            run: run::<W>,
        }
    }

    const fn of_tasks<W: TaskWorkload>() -> Self {
        Self { name: W::NAME, about: W::ABOUT, check_input: |_| Ok(()), travels: None, run: run_tasks::<W> }
    }
}

/// Runs the job that this process was started for, and ends it; returns at once when there is none.
pub(crate) fn init() {
    cease_process::init(JOBS.each_ref().map(|column| column.travels.expect("every job travels")));
}

/// Runs the cell of the workload `W` that `spec` names.
fn run<W: Workload>(spec: &Spec, input: &Path, interrupt: &StopToken) -> Result<Seen, String> {
    let strategy = strategies::<W>(spec.ask()).into_iter().find(|each| each.contract().strategy == spec.strategy);
    let strategy = strategy.ok_or_else(|| unsuited(spec))?;
    let material = W::material(input)?;
    if strategy.contract().runs_on == RunsOn::Task {
        // Before anybody looks which threads there are.
        runtime::handle().map_err(|error| format!("cannot build a runtime: {error}"))?;
    }
    let start = |heartbeat, noticed| {
        strategy.spawn(Timed::new(&material, heartbeat, noticed)).map_err(|error| error.to_string())
    };
    cell::run(spec, &start, interrupt)
}

/// Runs the cell of the tasks `W` that `spec` names.
fn run_tasks<W: TaskWorkload>(spec: &Spec, _input: &Path, interrupt: &StopToken) -> Result<Seen, String> {
    let strategy = task_strategies::<W>().into_iter().find(|tasks| tasks.contract.strategy == spec.strategy);
    let strategy = strategy.ok_or_else(|| unsuited(spec))?;
    let handle = runtime::handle().map_err(|error| format!("cannot build a runtime: {error}"))?;
    let start = |heartbeat, noticed| {
        let spawned = (strategy.spawn)(handle.clone(), W::new(heartbeat, noticed));
        spawned.map_err(|error| error.to_string())
    };
    cell::run(spec, &start, interrupt)
}

fn unsuited(spec: &Spec) -> String {
    format!("no strategy `{}` runs `{}`", spec.strategy, spec.workload)
}

/// One strategy with one workload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    /// The strategy's name.
    pub(crate) strategy: &'static str,
    /// The workload.
    pub(crate) workload: &'static Column,
}

impl Pair {
    /// Whether the strategy can run this work at all.
    pub(crate) fn applies(&self) -> bool {
        contracts_for(self.workload.travels.is_none()).iter().any(|contract| contract.strategy == self.strategy)
    }
}

/// The contracts of the strategies that run tasks, or those of the strategies that run other jobs.
fn contracts_for(tasks: bool) -> Vec<&'static Contract> {
    if tasks {
        task_strategies::<TokioTask>().into_iter().map(|tasks| tasks.contract).collect()
    } else {
        strategies::<SleepLoop>(Duration::MAX).into_iter().map(|strategy| strategy.contract()).collect()
    }
}

/// The contracts of all strategies.
pub(crate) fn contracts() -> Vec<&'static Contract> {
    let mut contracts: Vec<&Contract> = Vec::new();
    for contract in contracts_for(false).into_iter().chain(contracts_for(true)) {
        if contracts.iter().all(|known| known.strategy != contract.strategy) {
            contracts.push(contract);
        }
    }
    contracts
}

/// Every workload, in the order of the table.
fn every_workload() -> impl Iterator<Item = &'static Column> {
    JOBS.iter().chain(&TASKS)
}

/// The workload of that name.
pub(crate) fn workload(name: &str) -> Option<&'static Column> {
    every_workload().find(|column| column.name == name)
}

/// The cells of those strategies and workloads, in the order of the table; `None` takes all.
///
/// # Errors
///
/// The first name that is unknown, with those that are known.
pub(crate) fn select(strategies: Option<&[String]>, workloads: Option<&[String]>) -> Result<Vec<Pair>, String> {
    let known_strategies: Vec<_> = contracts().into_iter().map(|contract| contract.strategy).collect();
    let known_workloads: Vec<_> = every_workload().map(|column| column.name).collect();
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
        assert_eq!(all.len(), contracts().len() * every_workload().count());
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
        assert_eq!(
            error,
            "unknown workload `nap`; known: sleep-loop, hash-files, cpu-checked, cpu-unchecked, cpu-traced, tokio-task"
        );
        assert!(select(Some(&["flog".to_owned()]), None).unwrap_err().contains("known: flag"));
    }

    #[test]
    fn tasks_and_other_work_are_for_those_who_run_them() {
        let applies = |strategy: &str, workload: &str| {
            let pairs = select(Some(&[strategy.to_owned()]), Some(&[workload.to_owned()])).unwrap();
            pairs[0].applies()
        };
        assert!(applies("flag", "sleep-loop") && !applies("flag", "tokio-task"));
        assert!(applies("token", "sleep-loop") && applies("token", "tokio-task"));
        assert!(!applies("abort", "sleep-loop") && applies("abort", "tokio-task"));
    }
}
