//! The unwinding strategy is held to every law, and to the one about unwinding.

cease_conformance::laws!(unwind, cease_unwind::Unwind::new());
cease_conformance::unwind_laws!(unwind, cease_unwind::Unwind::new().on_swallowed(|_, _| ()));
