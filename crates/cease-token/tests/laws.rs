//! The token strategy is held to every law.

#[cfg(not(any(loom, shuttle)))]
mod on_runtime;

#[cfg(not(any(loom, shuttle)))]
use on_runtime::OnRuntime;

cease_conformance::laws!(token, crate::token());

/// Each run of a law has a runtime of its own, which has ended with all its threads when the run has.
#[cfg(not(any(loom, shuttle)))]
fn token() -> OnRuntime {
    OnRuntime::new()
}

#[cfg(any(loom, shuttle))]
fn token() -> cease_token::Token {
    cease_token::Token::modelled()
}
