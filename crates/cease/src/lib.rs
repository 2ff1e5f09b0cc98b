#![doc = include_str!("../README.md")]

pub use cease_core::*;

#[cfg(feature = "flag")]
pub use cease_flag as flag;
