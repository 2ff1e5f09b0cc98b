//! What the comparison saw in one cell, in one word.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the comparison saw in one cell; the greater of two is the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub(crate) enum Verdict {
    /// The strategy cannot run this work.
    NotApplicable,
    /// It stopped within the grace.
    Stopped,
    /// It was ended from outside.
    Killed,
    /// It stopped, after the grace was over.
    Late,
    /// The strategy let go of it.
    Abandoned,
    /// It still ran when the patience was over, or did all its work as if nobody had asked.
    Ignored,
}

impl Verdict {
    /// Every verdict, the better before the worse.
    pub(crate) const ALL: [Self; 6] =
        [Self::NotApplicable, Self::Stopped, Self::Killed, Self::Late, Self::Abandoned, Self::Ignored];

    /// The one word for it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::NotApplicable => "n/a",
            Self::Stopped => "stopped",
            Self::Killed => "killed",
            Self::Late => "late",
            Self::Abandoned => "abandoned",
            Self::Ignored => "ignored",
        }
    }

    /// Whether it says that the work may still run.
    pub(crate) const fn leaves_work(self) -> bool {
        matches!(self, Self::Abandoned | Self::Ignored)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Verdict {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|verdict| verdict.word() == word)
            .ok_or_else(|| format!("`{word}` is not a verdict; known: {}", Self::ALL.map(Self::word).join(", ")))
    }
}

impl TryFrom<String> for Verdict {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        word.parse()
    }
}

impl From<Verdict> for &'static str {
    fn from(verdict: Verdict) -> Self {
        verdict.word()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_is_read_back_from_its_word() {
        for verdict in Verdict::ALL {
            assert_eq!(verdict.word().parse(), Ok(verdict));
        }
        assert!("fine".parse::<Verdict>().unwrap_err().contains("stopped"));
    }

    #[test]
    fn only_work_that_was_let_go_or_went_on_is_left() {
        let left = Verdict::ALL.into_iter().filter(|verdict| verdict.leaves_work());
        assert_eq!(left.collect::<Vec<_>>(), [Verdict::Abandoned, Verdict::Ignored]);
    }

    #[test]
    fn the_words_are_those_of_the_format() {
        assert_eq!(Verdict::ALL.map(Verdict::word), ["n/a", "stopped", "killed", "late", "abandoned", "ignored"]);
        assert_eq!(format!("{:>9}|{:2}", Verdict::Late, Verdict::Killed), "     late|killed");
        assert_eq!(serde_json::to_string(&Verdict::NotApplicable).unwrap(), "\"n/a\"");
        assert_eq!(serde_json::from_str::<Verdict>("\"late\"").unwrap(), Verdict::Late);
    }

    #[test]
    fn the_list_goes_from_good_to_bad() {
        assert!(Verdict::ALL.is_sorted());
        assert_eq!(Verdict::Stopped.max(Verdict::Late), Verdict::Late);
    }
}
