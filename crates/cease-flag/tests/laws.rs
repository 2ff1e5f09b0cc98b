//! The flag strategy is held to every law.

cease_conformance::laws!(flag, cease_flag::Flag::new());
