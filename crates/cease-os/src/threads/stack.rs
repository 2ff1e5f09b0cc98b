//! The memory of a thread's stack, found in the list of mappings.

use std::fs::File;
use std::io::{self, BufRead, BufReader};

/// How much memory a thread's stack takes, in bytes.
///
/// ```
/// use cease_os::threads::ThreadId;
///
/// let deep = std::thread::Builder::new().stack_size(16 << 20).spawn(|| ThreadId::current().stack())?;
/// let stack = deep.join().unwrap()?.unwrap();
/// assert!(stack.size >= 16 << 20);
/// assert!(stack.resident.is_none_or(|resident| resident <= stack.size));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stack {
    /// The size of the mapping that it lies in; memory beside the stack that was mapped with it is counted too.
    pub size: u64,
    /// How much of it is in memory; `None` when the kernel does not show it.
    pub resident: Option<u64>,
}

/// The mapping that has `address` in it.
pub(super) fn around(address: usize) -> io::Result<Option<Stack>> {
    match File::open("/proc/self/smaps").and_then(|file| find(BufReader::new(file), address)) {
        Ok(found) => Ok(found),
        // The short list is shown where the long one, which costs more, is not.
        Err(_) => find(BufReader::new(File::open("/proc/self/maps")?), address),
    }
}

/// Reads `FROM-TO …` and, below that, `Rss: N kB`.
fn find(list: impl BufRead, address: usize) -> io::Result<Option<Stack>> {
    let mut found: Option<Stack> = None;
    for line in list.lines() {
        let line = line?;
        let range = line.split(' ').next().unwrap_or_default().split_once('-');
        let range = range.and_then(|(from, to)| Some((from_hex(from)?, from_hex(to)?)));
        match (range, &mut found) {
            // The next mapping begins.
            (Some(_), Some(_)) => break,
            (Some((from, to)), None) if (from..to).contains(&(address as u64)) => {
                found = Some(Stack { size: to - from, resident: None });
            }
            (None, Some(stack)) if line.starts_with("Rss:") => {
                let kilobytes = line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok());
                stack.resident = kilobytes.map(|kilobytes| kilobytes * 1024);
                break;
            }
            _ => {}
        }
    }
    Ok(found)
}

fn from_hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "1000-3000 rw-p 00000000 00:00 0 \nSize:  8 kB\nRss:  4 kB\n\
                        3000-8000 rw-p 00000000 00:00 0 [stack]\nSize: 20 kB\nRss: 12 kB\nPss: 1 kB\n";

    #[test]
    fn the_mapping_around_the_address_is_found() {
        let stack = |size, resident| Some(Stack { size, resident });
        assert_eq!(find(LONG.as_bytes(), 0x2fff).unwrap(), stack(0x2000, Some(4096)));
        assert_eq!(find(LONG.as_bytes(), 0x3000).unwrap(), stack(0x5000, Some(12 * 1024)));
        assert_eq!(find(LONG.as_bytes(), 0x8000).unwrap(), None);
    }

    #[test]
    fn the_short_list_has_no_resident_size() {
        let short = "1000-3000 rw-p 00000000 00:00 0 \n3000-8000 rw-p 00000000 00:00 0 [stack]\n";
        assert_eq!(find(short.as_bytes(), 0x1000).unwrap(), Some(Stack { size: 0x2000, resident: None }));
    }
}
