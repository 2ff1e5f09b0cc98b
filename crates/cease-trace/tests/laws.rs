//! The trace strategy is held to every law.

cease_conformance::laws!(trace, cease_trace::Trace::new());
