//! Tokens that follow other tokens, also of unrelated trees.

use std::time::Instant;

use crate::fault::{self, Fault};
use crate::stop::request::Request;
use crate::sync::{Arc, Mutex, lock};
use crate::{CallbackGuard, StopSource, StopToken};

/// A token that stops when enough of its inputs have; made by [`StopToken::any_of`], [`StopToken::all_of`] and
/// [`StopToken::at_least`].
///
/// The token is polled by one load, however many inputs there are, and when a request on the input that decides returns,
/// it reads stopped.
/// It can stop for as long as enough of the inputs can.
/// Dropping this cuts the link and leaves nothing behind at the inputs; a token of it that was kept then never stops.
#[derive(Debug)]
#[must_use = "dropping it cuts the link"]
pub struct LinkedToken {
    token: StopToken,
    count: usize,
    inputs: Vec<StopToken>,
    _votes: Vec<CallbackGuard>,
}

impl LinkedToken {
    /// The token that follows.
    #[must_use]
    pub const fn token(&self) -> &StopToken {
        &self.token
    }

    /// When the token stops at the latest, by the deadlines of the inputs as they are now.
    ///
    /// The token itself has no deadline: those of its inputs may still be moved.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let (stopped, open): (Vec<_>, Vec<_>) = self.inputs.iter().partition(|input| input.is_stop_requested());
        let missing = self.count.checked_sub(stopped.len() + 1)?;
        let mut deadlines: Vec<_> = open.into_iter().filter_map(StopToken::deadline).collect();
        deadlines.sort_unstable();
        deadlines.get(missing).copied()
    }
}

impl StopToken {
    /// Links a token that stops when one of `tokens` does, for that one's reason; of no tokens, it never stops.
    ///
    /// ```
    /// use cease_core::{Reason, StopSource, StopToken};
    ///
    /// let (user, server) = (StopSource::new(), StopSource::new());
    /// let either = StopToken::any_of(&[user.token(), server.token()]);
    ///
    /// server.request_with("rolling deploy");
    /// assert_eq!(either.token().reason(), Some(&Reason::from("rolling deploy")));
    /// ```
    #[doc(alias = "CreateLinkedTokenSource")]
    #[doc(alias = "merge")]
    pub fn any_of(tokens: &[Self]) -> LinkedToken {
        Self::at_least(1, tokens)
    }

    /// Links a token that stops when all of `tokens` have, for the last one's reason; of no tokens, it never stops.
    pub fn all_of(tokens: &[Self]) -> LinkedToken {
        Self::at_least(tokens.len().max(1), tokens)
    }

    /// Links a token that stops when `count` of `tokens` have, for the reason of the one that decides.
    ///
    /// A token that stands in the list twice counts twice. Of fewer tokens than `count`, it never stops.
    ///
    /// # Panics
    ///
    /// When `count` is zero: there would be no request to take the reason from.
    pub fn at_least(count: usize, tokens: &[Self]) -> LinkedToken {
        assert!(count > 0, "a stop needs at least one token that asks for it");
        let source = StopSource::new();
        let token = source.token();
        let open = Open { missing: count, possible: tokens.len(), source: Some(source) };
        let tally = Arc::new(Mutex::new(open));
        let hopeless = lock(&tally).give_up_if_hopeless();
        drop(hopeless);
        let vote = |input: &Self| {
            let (voter, vote) = (input.clone(), Vote(Some(Arc::clone(&tally))));
            input.on_stop(move || vote.cast(&voter))
        };
        LinkedToken { token, count, inputs: tokens.to_vec(), _votes: tokens.iter().map(vote).collect() }
    }
}

/// How far a linked token is from its stop.
struct Open {
    /// How many inputs still have to stop.
    missing: usize,
    /// How many inputs can still stop.
    possible: usize,
    /// `None` once it is decided.
    source: Option<StopSource>,
}

impl Open {
    /// Takes the source, to be dropped with no lock held, when the inputs that are left cannot decide any more.
    fn give_up_if_hopeless(&mut self) -> Option<StopSource> {
        if self.possible < self.missing { self.source.take() } else { None }
    }
}

/// One input's vote: cast when it stops, lost when it never will.
struct Vote(Option<Arc<Mutex<Open>>>);

impl Vote {
    fn cast(mut self, voter: &StopToken) {
        let tally = self.0.take().expect("a vote is cast or lost, and casting consumes it");
        let decided = {
            let mut open = lock(&tally);
            open.possible -= 1;
            open.missing = open.missing.saturating_sub(if fault::is(Fault::VoteCountedTwice) { 2 } else { 1 });
            if open.missing == 0 { open.source.take() } else { None }
        };
        if let Some(source) = decided {
            let because = voter.node().share_request().expect("a callback follows a stop");
            source.ask(Request::following(because));
        }
    }
}

impl Drop for Vote {
    fn drop(&mut self) {
        let Some(tally) = self.0.take().filter(|_| !fault::is(Fault::LostVoteUncounted)) else { return };
        let hopeless = {
            let mut open = lock(&tally);
            open.possible -= 1;
            open.give_up_if_hopeless()
        };
        drop(hopeless);
    }
}
