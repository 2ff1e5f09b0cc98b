//! The token strategy is held to the cases of spawning; what its threads are like is up to the runtime.
#![cfg(not(any(loom, shuttle)))]

mod on_runtime;

cease_conformance::spawning!(crate::on_runtime::OnRuntime::leaving());
