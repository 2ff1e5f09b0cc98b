//! The trace strategy is held to every law, and to the one about unwinding.

cease_conformance::laws!(trace, cease_trace::Trace::new());
cease_conformance::unwind_laws!(trace, cease_trace::Trace::new().on_swallowed(|_, _| ()));
