//! A request that follows a stop in another tree.

use crate::stop::data::request::Request;
use crate::{StopSource, Stopped};

impl StopSource {
    /// Requests a stop because one was requested elsewhere; true for the one call that was first.
    ///
    /// The new request has the reason and the location of the one that it follows, which is its [`Request::because`].
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
    /// let place = |source: &StopSource| source.token().request().unwrap().location();
    /// assert_eq!(place(&here), place(&there));
    /// ```
    pub fn request_following(&self, stopped: &Stopped) -> bool {
        let because = stopped.token().node().share_request().expect("made only from a stopped token");
        self.ask(Request::following(because))
    }
}
