#![doc = include_str!("../README.md")]

#[cfg(not(unix))]
compile_error!("cease-os takes its signals from Unix, and has nothing for other platforms");

pub mod signals;
pub mod threads;
