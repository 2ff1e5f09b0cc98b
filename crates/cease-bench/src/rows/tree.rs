//! What ours and the peers that have trees can all do.

use almost_enough::ChildStopper;
use cease_core::StopSource;
use tokio_util::sync::CancellationToken;

/// A place in a tree that is stopped from above.
pub(super) trait Tree: Sized + Send + Sync + 'static {
    const NAME: &'static str;

    fn root() -> Self;
    fn child(&self) -> Self;
    fn request(&self);
    fn is_stop_requested(&self) -> bool;
}

impl Tree for StopSource {
    const NAME: &'static str = "StopSource";

    fn root() -> Self {
        Self::new()
    }

    fn child(&self) -> Self {
        Self::child(self)
    }

    fn request(&self) {
        assert!(Self::request(self), "nobody asked before");
    }

    fn is_stop_requested(&self) -> bool {
        Self::is_stop_requested(self)
    }
}

impl Tree for CancellationToken {
    const NAME: &'static str = "tokio-util";

    fn root() -> Self {
        Self::new()
    }

    fn child(&self) -> Self {
        self.child_token()
    }

    fn request(&self) {
        self.cancel();
    }

    fn is_stop_requested(&self) -> bool {
        self.is_cancelled()
    }
}

impl Tree for ChildStopper {
    const NAME: &'static str = "almost-enough";

    fn root() -> Self {
        Self::new()
    }

    fn child(&self) -> Self {
        Self::child(self)
    }

    fn request(&self) {
        self.cancel();
    }

    fn is_stop_requested(&self) -> bool {
        self.is_cancelled()
    }
}
