//! The abandon strategy is held to the cases of spawning.
#![cfg(not(any(loom, shuttle)))]

cease_conformance::spawning!(cease_abandon::Abandon::new());
