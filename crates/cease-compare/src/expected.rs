//! The verdicts that are expected, read from a text with one line a cell.

use std::collections::HashMap;

use crate::matrix::Pair;
use crate::verdict::Verdict;

/// What this version of the comparison is expected to show.
const COMMITTED: &str = include_str!("expected.txt");

/// The verdict that each cell is expected to have.
#[derive(Debug)]
pub(crate) struct Expected(HashMap<(String, String), Verdict>);

impl Expected {
    /// The expectations that are built in.
    pub(crate) fn committed() -> Self {
        Self::parse(COMMITTED).expect("a test reads the committed file")
    }

    /// Reads lines of strategy, workload and verdict; `#` starts a comment.
    ///
    /// # Errors
    ///
    /// The first line that cannot be read, with its number.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut verdicts = HashMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let words: Vec<_> = line.split('#').next().unwrap_or("").split_whitespace().collect();
            match words[..] {
                [] => {}
                [strategy, workload, verdict] => {
                    let verdict = verdict.parse().map_err(|error| format!("line {number}: {error}"))?;
                    if verdicts.insert((strategy.to_owned(), workload.to_owned()), verdict).is_some() {
                        return Err(format!("line {number}: a second verdict for {strategy} × {workload}"));
                    }
                }
                _ => return Err(format!("line {number}: not a strategy, a workload and a verdict")),
            }
        }
        Ok(Self(verdicts))
    }

    /// What `pair` is expected to show.
    ///
    /// # Errors
    ///
    /// That nothing is said about it.
    pub(crate) fn of(&self, pair: &Pair) -> Result<Verdict, String> {
        let key = (pair.strategy.to_owned(), pair.workload.name.to_owned());
        let missing = || format!("no verdict is expected of {} × {}", pair.strategy, pair.workload.name);
        self.0.get(&key).copied().ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix;

    #[test]
    fn the_committed_file_has_one_line_for_each_cell_and_no_other() {
        let committed = Expected::committed();
        let cells = matrix::select(None, None).unwrap();
        for cell in &cells {
            committed.of(cell).unwrap();
        }
        assert_eq!(committed.0.len(), cells.len());
    }

    #[test]
    fn a_verdict_is_read_beside_comments_and_blank_lines() {
        let expected = Expected::parse("# all\n\n  flag\tsleep-loop  late # slow\n#flag sleep-loop killed").unwrap();
        let cells = matrix::select(Some(&["flag".to_owned()]), None).unwrap();
        assert_eq!(expected.of(&cells[0]), Ok(Verdict::Late));
        assert_eq!(expected.of(&cells[1]).unwrap_err(), "no verdict is expected of flag × hash-files");
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        let error = |text| Expected::parse(text).unwrap_err();
        assert_eq!(error("# fine\nflag sleep-loop"), "line 2: not a strategy, a workload and a verdict");
        assert!(error("flag sleep-loop good").starts_with("line 1: `good` is not a verdict"));
        assert_eq!(error("a b late\na b late"), "line 2: a second verdict for a × b");
        let nothing = Expected::parse("").unwrap();
        let cells = matrix::select(None, None).unwrap();
        assert_eq!(nothing.of(&cells[0]).unwrap_err(), "no verdict is expected of flag × sleep-loop");
    }
}
