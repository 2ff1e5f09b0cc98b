//! A request that follows a stop in another tree.

use crate::stop::request::Request;
use crate::{StopSource, Stopped};

impl StopSource {
    /// Asks for a stop because one was asked for elsewhere; true for the one call that was first.
    ///
    /// The reason, and the place where that one was asked for, are kept; of a stop that came down a tree, they are those at
    /// its origin. The request that is followed is its [`Request::because`].
    /// Otherwise it is as [`StopSource::request_with`].
    ///
    /// ```
    /// use cease_core::{Checkpoint, Reason, StopSource};
    ///
    /// let (here, there) = (StopSource::new(), StopSource::new());
    /// there.request_with("rolling deploy");
    ///
    /// let stopped = there.token().check().unwrap_err();
    /// assert!(here.request_following(&stopped));
    /// assert_eq!(here.token().reason(), Some(&Reason::from("rolling deploy")));
    /// assert_eq!(here.token().asked_at(), there.token().asked_at());
    /// ```
    pub fn request_following(&self, stopped: &Stopped) -> bool {
        let because = stopped.token().node().share_request().expect("made only from a stopped token");
        self.ask(Request::following(because))
    }
}
