//! Rounds in which all contenders of a row take turns.

/// Rounds of a run whose figures may be quoted.
pub(crate) const FULL: usize = 31;
/// Rounds of a quick look.
pub(crate) const QUICK: usize = 5;

/// One thing that is measured.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// Runs one round and returns nanoseconds for each operation.
    pub(crate) round: Box<dyn FnMut() -> f64>,
}

impl Contender {
    pub(crate) fn new(name: &'static str, round: impl FnMut() -> f64 + 'static) -> Self {
        Self { name, round: Box::new(round) }
    }
}

/// What is compared; the first contender is ours.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) contenders: Vec<Contender>,
}

/// The figures of a row.
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    /// The median over the rounds, in nanoseconds.
    pub(crate) ours: f64,
    pub(crate) peers: Vec<Peer>,
}

/// A peer's figures, and ours divided by them.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    pub(crate) ratio: Spread,
}

/// The median over the rounds, with the extremes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// Measures `row`: one round to warm up, then `rounds` in which a different contender begins each time.
pub(crate) fn measure(mut row: Row, rounds: usize) -> Measured {
    let count = row.contenders.len();
    let mut values = vec![Vec::with_capacity(rounds); count];
    for round in 0..=rounds {
        for turn in 0..count {
            let index = (round + turn) % count;
            let value = (row.contenders[index].round)();
            if round > 0 {
                values[index].push(value);
            }
        }
    }
    let ours = &values[0];
    let peer = |index: usize| {
        let theirs = &values[index];
        let ratios = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs);
        Peer { name: row.contenders[index].name, value: spread(theirs.clone()).median, ratio: spread(ratios.collect()) }
    };
    Measured { name: row.name, ours: spread(ours.clone()).median, peers: (1..count).map(peer).collect() }
}

/// The median, the smallest and the largest of at least one value.
pub(crate) fn spread(mut values: Vec<f64>) -> Spread {
    values.sort_by(f64::total_cmp);
    Spread { median: values[values.len() / 2], min: values[0], max: values[values.len() - 1] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_that_of_the_same_round() {
        let drifting = |factor: f64| {
            let mut speed = 1.0;
            move || {
                speed *= 2.0;
                speed * factor
            }
        };
        let contenders = vec![Contender::new("ours", drifting(1.0)), Contender::new("peer", drifting(4.0))];
        let measured = measure(Row { name: "row", contenders }, 7);
        assert_eq!(measured.peers[0].ratio, Spread { median: 0.25, min: 0.25, max: 0.25 });
    }
}
