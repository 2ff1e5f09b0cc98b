//! Tokens that follow other tokens, also of unrelated trees.

use std::ptr::NonNull;
use std::time::Instant;

use crate::fault::{self, Fault};
use crate::stop::data::attached::Attached;
use crate::stop::data::request::Request;
use crate::stop::data::state::LINKED;
use crate::stop::handles::expiry::NodeHold;
use crate::stop::protocol::lifecycle::NodeRef;
use crate::stop::tree::root::Root;
use crate::sync::{Arc, Mutex, Unmodelled, lock};
use crate::{CallbackGuard, StopToken};

/// A token that stops when enough of its inputs have; made by [`StopToken::any_of`], [`StopToken::all_of`] and
/// [`StopToken::at_least`].
///
/// The token is polled by one load, however many inputs there are, and when a request on the input that decides returns,
/// it reads stopped.
/// It can stop for as long as enough of the inputs can.
/// The link lives as long as any token of it, and any source below one: dropping this value changes nothing for them.
/// When the last of them is gone, the link leaves nothing behind at the inputs.
///
/// ```
/// use cease_core::{StopSource, StopToken};
///
/// let (user, server) = (StopSource::new(), StopSource::new());
/// let either = StopToken::any_of(&[user.token(), server.token()]).into_token();
///
/// user.request();
/// assert!(either.is_stop_requested());
/// ```
#[derive(Debug, Clone)]
#[must_use = "a link without a token of it does nothing"]
pub struct LinkedToken {
    token: StopToken,
}

impl LinkedToken {
    /// The token that follows; clones of it keep the link.
    #[must_use]
    pub const fn token(&self) -> &StopToken {
        &self.token
    }

    /// The token that follows, which keeps the link.
    #[must_use]
    pub fn into_token(self) -> StopToken {
        self.token
    }

    /// When the token stops at the latest, by the deadlines of the inputs as they are now; the same as
    /// [`StopToken::deadline`] of the token.
    ///
    /// It can move either way: the owner of an input's deadline can move that one.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.token.deadline()
    }
}

impl From<LinkedToken> for StopToken {
    fn from(linked: LinkedToken) -> Self {
        linked.token
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
        assert!(count > 0, "a stop needs at least one input");
        let node = NodeRef::root();
        let tally = Arc::new(Mutex::new(Tally::new(count, tokens.len(), &node)));
        let vote = |input: &Self| {
            let (voter, vote) = (input.clone(), Vote(Some(Arc::clone(&tally))));
            input.on_stop(move || vote.cast(&voter))
        };
        let votes = tokens.iter().map(vote).collect();
        let link = Link { count, inputs: tokens.to_vec(), votes, tally: Arc::clone(&tally) };
        node.root().expect("it is one").attach(Unmodelled::new(link));
        let hopeless = lock(&tally).give_up_if_hopeless();
        if let Some(linked) = hopeless {
            linked.drop_source(false);
        }
        LinkedToken { token: Self::new(node) }
    }
}

/// A link, attached to the root of the token that follows.
#[derive(Debug)]
struct Link {
    count: usize,
    inputs: Vec<StopToken>,
    votes: Vec<CallbackGuard>,
    tally: Arc<Mutex<Tally>>,
}

impl Attached for Link {
    fn forget(&self) {
        lock(&self.tally).linked = None;
    }

    fn deadline(&self) -> Option<Instant> {
        let (stopped, open): (Vec<_>, Vec<_>) = self.inputs.iter().partition(|input| input.is_stop_requested());
        let missing = self.count.checked_sub(stopped.len() + 1)?;
        let mut deadlines: Vec<_> = open.into_iter().filter_map(StopToken::deadline).collect();
        deadlines.sort_unstable();
        deadlines.get(missing).copied()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for vote in self.votes.drain(..) {
            // A vote that is being cast ends by itself, so this waits for no callback.
            vote.unregister();
        }
    }
}

/// How far a linked token is from its stop.
#[derive(Debug)]
struct Tally {
    /// How many inputs still have to stop.
    missing: usize,
    /// How many inputs can still stop.
    possible: usize,
    /// The root of the token that follows; `None` once it is decided, or once the root is freed.
    linked: Option<NonNull<Root>>,
}

#[allow(unsafe_code, reason = "the tally points to the root that keeps it")]
// SAFETY: the root is used only under the lock around the tally, and may be used from any thread.
unsafe impl Send for Tally {}

impl Tally {
    /// Of a link whose token is that of `node`, a root with one source: the link itself.
    fn new(missing: usize, possible: usize, node: &NodeRef) -> Self {
        let root = node.root().expect("it is one");
        root.set_linked();
        Self { missing, possible, linked: Some(NonNull::from(root)) }
    }

    /// Decides that no more input counts, and keeps the root for what is done with it with no lock held; none when there is
    /// no root any more.
    #[allow(unsafe_code, reason = "follows the pointer to the root")]
    fn decide(&mut self) -> Option<NodeHold> {
        let root = self.linked.take()?;
        // SAFETY: the caller that gives the root's memory back takes the lock around the tally before, and removes the
        // pointer.
        let root = unsafe { root.as_ref() };
        let guard = root.shard.lock();
        root.node.state.clear(LINKED);
        // SAFETY: the lock is held, and the root is alive.
        let kept = unsafe { NodeHold::keep(NonNull::from(&root.node)) };
        drop(guard);
        kept
    }

    /// Decides when the inputs that are left cannot stop the token any more.
    fn give_up_if_hopeless(&mut self) -> Option<NodeHold> {
        if self.possible < self.missing { self.decide() } else { None }
    }
}

/// One input's vote: cast when it stops, lost when it never will.
struct Vote(Option<Arc<Mutex<Tally>>>);

impl Vote {
    fn cast(mut self, voter: &StopToken) {
        let tally = self.0.take().expect("a vote is cast or lost, and casting consumes it");
        let decided = {
            let mut tally = lock(&tally);
            tally.possible -= 1;
            tally.missing = tally.missing.saturating_sub(if fault::is(Fault::VoteCountedTwice) { 2 } else { 1 });
            if tally.missing == 0 { tally.decide() } else { None }
        };
        if let Some(linked) = decided {
            let because = voter.node().share_request().expect("a callback follows a stop");
            linked.request(Request::following(because)).unwrap_or_default().settle();
        }
    }
}

impl Drop for Vote {
    fn drop(&mut self) {
        let Some(tally) = self.0.take().filter(|_| !fault::is(Fault::LostVoteUncounted)) else { return };
        let hopeless = {
            let mut tally = lock(&tally);
            tally.possible -= 1;
            tally.give_up_if_hopeless()
        };
        if let Some(linked) = hopeless {
            linked.drop_source(false);
        }
    }
}
