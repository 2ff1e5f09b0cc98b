//! Sources below a source.

use crate::fault::{self, Fault};
use crate::stop::protocol::lifecycle::NodeRef;
use crate::{StopSource, StopToken};

impl StopSource {
    /// Creates a source below this one: a stop here is a stop there, and never the other way round.
    #[doc(alias = "child_token")]
    #[doc(alias = "WithCancel")]
    #[must_use]
    pub fn child(&self) -> Self {
        Self::of(self.node().child())
    }

    /// Gives this source more shards at once, so that threads that make children of it need not wait for each other.
    ///
    /// Without it, that happens when they are seen to wait.
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
    /// Creates a source below this token's: a stop here is a stop there, and never the other way round.
    ///
    /// Under a stopped token it is born stopped, by the same request.
    /// When a source in the middle and its tokens are gone, what is below is stopped by what is above.
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
