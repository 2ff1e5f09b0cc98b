//! The abandon strategy is held to every law; where it lets go at once, it breaks those that its contract excepts.

cease_conformance::laws!(
    abandon,
    cease_abandon::Abandon::new().grace(std::time::Duration::MAX),
    excepted: cease_abandon::Abandon::new().grace(std::time::Duration::ZERO)
);
