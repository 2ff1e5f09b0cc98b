//! Directories of `/proc` whose entries are numbers.

use std::collections::BTreeSet;
use std::fs;
use std::io;

/// The numbers among the names of the entries of `directory`.
pub(super) fn numbers_in(directory: &str) -> io::Result<BTreeSet<u32>> {
    let told = |error: io::Error| io::Error::new(error.kind(), format!("cannot read `{directory}`: {error}"));
    let mut numbers = BTreeSet::new();
    for entry in fs::read_dir(directory).map_err(told)? {
        numbers.extend(entry.map_err(told)?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    Ok(numbers)
}
