//! Rounds in which all contenders of a row take turns.

use std::io;

use crate::contender::Contender;
use crate::cpp::Cpp;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) rounds: usize,
    /// What the number of operations in a round is divided by.
    shortened: u32,
}

impl Scale {
    /// A run whose figures may be quoted.
    pub(crate) const FULL: Self = Self { rounds: 31, shortened: 1 };
    /// A quick look.
    pub(crate) const QUICK: Self = Self { rounds: 7, shortened: 8 };

    /// The same with another number of rounds.
    pub(crate) fn with_rounds(self, rounds: usize) -> Self {
        Self { rounds, ..self }
    }

    /// How many operations a round has that is `full` long in a full run.
    pub(crate) fn operations(self, full: u32) -> u32 {
        full / self.shortened
    }
}

/// What the contenders of a row are made with.
pub(crate) struct Setup {
    pub(crate) scale: Scale,
    pub(crate) cpp: Cpp,
}

/// What is compared, and what is aimed at.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    /// The largest ratio that is aimed at, by peer.
    pub(crate) targets: &'static [(&'static str, f64)],
    /// The largest value of ours that is aimed at.
    pub(crate) limit: Option<f64>,
    /// Makes the contenders, of which the first is ours; they are gone when the next row begins.
    pub(crate) contenders: fn(&Setup) -> io::Result<Vec<Contender>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Nanoseconds,
    Bytes,
}

/// The figures of a row.
pub(crate) struct Measured {
    pub(crate) row: &'static Row,
    /// The median over the rounds.
    pub(crate) ours: f64,
    pub(crate) peers: Vec<Peer>,
}

impl Measured {
    /// The largest value of ours that is aimed at, and whether that is reached.
    pub(crate) fn limit(&self) -> Option<(f64, bool)> {
        self.row.limit.map(|most| (most, self.ours <= most))
    }
}

/// A peer's figures, and ours divided by them.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    pub(crate) ratio: Spread,
    /// The largest ratio that is aimed at.
    pub(crate) target: Option<f64>,
}

impl Peer {
    /// Whether the target is reached, or `None` when there is none.
    pub(crate) fn met(&self) -> Option<bool> {
        self.target.map(|most| self.ratio.median <= most)
    }
}

/// The median over the rounds, with the extremes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// Measures `row`: one round to warm up, then those that count, in each of which a different contender begins.
pub(crate) fn measure(row: &'static Row, setup: &Setup) -> io::Result<Measured> {
    let mut contenders = (row.contenders)(setup)?;
    let count = contenders.len();
    let mut values = vec![Vec::with_capacity(setup.scale.rounds); count];
    for round in 0..=setup.scale.rounds {
        for turn in 0..count {
            let index = (round + turn) % count;
            let value = (contenders[index].round)()?;
            if round > 0 {
                values[index].push(value);
            }
        }
    }
    let ours = &values[0];
    let peer = |index: usize| {
        let (name, theirs) = (contenders[index].name, &values[index]);
        let ratios = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs);
        let target = row.targets.iter().find(|(peer, _)| *peer == name).map(|(_, most)| *most);
        Peer { name, value: spread(theirs.clone()).median, ratio: spread(ratios.collect()), target }
    };
    Ok(Measured { row, ours: spread(ours.clone()).median, peers: (1..count).map(peer).collect() })
}

/// The median, the smallest and the largest of at least one value.
pub(crate) fn spread(mut values: Vec<f64>) -> Spread {
    values.sort_by(f64::total_cmp);
    Spread { median: values[values.len() / 2], min: values[0], max: values[values.len() - 1] }
}

#[cfg(test)]
mod tests {
    use super::*;

    static DRIFTING: Row = Row {
        name: "drifting",
        unit: Unit::Nanoseconds,
        targets: &[("peer", 0.25), ("fast peer", 0.5)],
        limit: Some(1.0),
        contenders: |_| {
            let drifting = |factor: f64| {
                let mut speed = 1.0;
                move || {
                    speed *= 2.0;
                    speed * factor
                }
            };
            let peers = [("ours", 1.0), ("peer", 4.0), ("fast peer", 1.0), ("peer without a target", 1.0)];
            Ok(peers.map(|(name, factor)| Contender::new(name, drifting(factor))).into())
        },
    };

    fn measured() -> Measured {
        measure(&DRIFTING, &Setup { scale: Scale::QUICK, cpp: Cpp::new() }).unwrap()
    }

    #[test]
    fn a_ratio_is_that_of_the_same_round() {
        assert_eq!(measured().peers[0].ratio, Spread { median: 0.25, min: 0.25, max: 0.25 });
    }

    #[test]
    fn a_target_is_met_up_to_its_value() {
        let measured = measured();
        let met: Vec<_> = measured.peers.iter().map(Peer::met).collect();
        assert_eq!(met, [Some(true), Some(false), None]);
        assert_eq!(measured.limit(), Some((1.0, false)));
    }

    #[test]
    fn every_target_is_one_of_a_contender() {
        let setup = Setup { scale: Scale::QUICK, cpp: Cpp::new() };
        for row in crate::rows::all() {
            let contenders = (row.contenders)(&setup).unwrap();
            let stands = |peer: &str| {
                let absent = peer.starts_with("C++") && setup.cpp.note().is_some();
                absent || contenders[1..].iter().any(|contender| contender.name == peer)
            };
            assert!(row.targets.iter().all(|(peer, _)| stands(peer)), "{}", row.name);
        }
    }
}
