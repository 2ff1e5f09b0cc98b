//! The abandon strategy is held to every law; where it lets go at once, it breaks those that its contract excepts.
//!
//! A model has no clock, so there the grace never ends; the file `letting_go.rs` has what comes between.

use std::time::Duration;

/// Longer than any law runs.
const GRACE: Duration = if cfg!(any(loom, shuttle)) { Duration::MAX } else { Duration::from_secs(3600) };

cease_conformance::laws!(
    abandon,
    cease_abandon::Abandon::new().grace(crate::GRACE),
    excepted: cease_abandon::Abandon::new().grace(std::time::Duration::ZERO)
);
