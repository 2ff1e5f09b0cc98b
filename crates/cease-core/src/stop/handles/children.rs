//! Sources below a source.

use crate::fault::{self, Fault};
use crate::stop::protocol::lifecycle::NodeRef;
use crate::{StopSource, StopToken};

impl StopSource {
    /// Creates a child of this source: a stop of this source stops the child, never the other way round.
    #[doc(alias = "child_token")]
    #[doc(alias = "WithCancel")]
    #[must_use]
    pub fn child(&self) -> Self {
        Self::of(self.node().child())
    }

    /// Gives this source more shards at once, so that threads that create children do not wait for each other.
    ///
    /// Without this call, the source adds shards when it sees threads wait.
    /// On a source that is itself a child it does nothing.
    pub fn spread(&self) {
        let Some(root) = self.node().as_root() else { return };
        let stranger = fault::is(Fault::ShardsUnlocked).then(NodeRef::root);
        let own = stranger.as_ref().unwrap_or(self.node()).lock();
        if self.node().is_open() {
            root.grow(&own);
        }
    }
}

impl StopToken {
    /// Creates a child of this token's source: a stop of this token stops the child, never the other way round.
    ///
    /// A child of a stopped token is already stopped, by the same request.
    /// When a source in the middle and its tokens are gone, a stop above still stops the sources below.
    /// A token of the child can stop for as long as any source exists, its own or one above.
    ///
    /// ```
    /// use cease_core::{Reason, StopSource};
    ///
    /// let server = StopSource::new();
    /// let request = server.token().child();
    /// let token = request.token();
    ///
    /// server.request_with("rolling deploy");
    /// assert_eq!(token.reason(), Some(&Reason::from("rolling deploy")));
    /// assert!(token.is_inherited());
    /// ```
    #[doc(alias = "child_token")]
    #[doc(alias = "WithCancel")]
    #[doc(alias = "WithCancelCause")]
    #[must_use]
    pub fn child(&self) -> StopSource {
        StopSource::of(self.node().child())
    }
}
