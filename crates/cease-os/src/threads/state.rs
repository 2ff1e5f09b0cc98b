//! One look at a thread.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::thread;
use std::time::{Duration, Instant};

use crate::threads::calls;
use crate::threads::doing::{Call, Descriptor, Doing};
use crate::threads::id::ThreadId;
use crate::threads::proc::{self, Seen};

/// What the kernel shows of a thread at one moment.
///
/// ```
/// use cease_os::threads::{Doing, ThreadId, ThreadState};
///
/// let me = ThreadState::look(ThreadId::current())?;
/// assert_eq!(me.doing(), Doing::Running);
/// assert_eq!(me.letter, Some('R'));
///
/// let gone = std::thread::spawn(ThreadId::current).join().unwrap();
/// while !ThreadState::look(gone)?.doing().is_over() {
///     std::thread::yield_now();
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThreadState {
    /// Whom was looked at.
    pub id: ThreadId,
    /// What it is called; Linux keeps the first 15 bytes.
    pub name: Option<String>,
    /// The kernel's letter for what it does.
    pub letter: Option<char>,
    /// The processor time that it has used.
    pub cpu: Option<Duration>,
    /// The function of the kernel in which it waits.
    pub wchan: Option<String>,
    /// The system call that it is in.
    pub call: Option<Call>,
    /// Whether it is not there any more; then nothing else is known.
    gone: bool,
    at: Instant,
}

impl ThreadState {
    /// Looks at a thread of this process.
    ///
    /// A thread that is gone is no error, and neither is a field that the kernel does not show.
    ///
    /// # Errors
    ///
    /// When `/proc` is not mounted or does not show this process, so that no thread can be found there.
    pub fn look(id: ThreadId) -> io::Result<Self> {
        let nothing =
            Self { id, name: None, letter: None, cpu: None, wchan: None, call: None, gone: false, at: Instant::now() };
        let stat = match proc::stat(id)? {
            Seen::It(stat) => Some(stat),
            Seen::Hidden => None,
            Seen::Gone => return Ok(Self { gone: true, ..nothing }),
        };
        let nanos = proc::file(id, "schedstat").and_then(|text| text.split(' ').next()?.parse().ok());
        let name = proc::file(id, "comm").map(|text| text.trim_end_matches('\n').to_owned());
        let wchan = proc::file(id, "wchan").filter(|text| text != "0" && !text.is_empty());
        let call = proc::file(id, "syscall").and_then(|text| parse_call(&text));
        Ok(Self {
            name: stat.as_ref().map(|stat| stat.name.clone()).or(name),
            letter: stat.as_ref().map(|stat| stat.letter),
            cpu: nanos.map(Duration::from_nanos).or(stat.map(|stat| proc::duration_of(stat.cpu))),
            wchan,
            call,
            ..nothing
        })
    }

    /// Looks at a thread, sleeps for `pause`, and looks again, so that it can tell whether the thread spins.
    ///
    /// The kernel counts the time of a thread that runs every few milliseconds; ten of them are a good pause.
    ///
    /// # Errors
    ///
    /// As for [`ThreadState::look`].
    ///
    /// # Blocking
    ///
    /// Blocks for `pause`, unless the thread is gone at the first look.
    pub fn watch(id: ThreadId, pause: Duration) -> io::Result<Doing> {
        let first = Self::look(id)?;
        if first.gone {
            return Ok(Doing::Gone);
        }
        thread::sleep(pause);
        Ok(Self::look(id)?.doing_since(&first))
    }

    /// What the thread does.
    #[must_use]
    pub fn doing(&self) -> Doing {
        if self.gone {
            return Doing::Gone;
        }
        match self.letter {
            Some('R') => Doing::Running,
            Some('D') => Doing::Uninterruptible(self.call.clone()),
            Some('T' | 't') => Doing::Suspended,
            Some('Z' | 'X' | 'x') => Doing::Ending,
            Some(_) => self.waits_for(),
            // The other files are hidden for other reasons than this one.
            None if self.call.is_some() => self.waits_for(),
            None => Doing::Unknown,
        }
    }

    /// What the thread does, when `earlier` is an earlier look at it: one that ran then too and has used processor time
    /// since is [`Doing::Spinning`].
    #[must_use]
    pub fn doing_since(&self, earlier: &Self) -> Doing {
        let used = self.cpu.zip(earlier.cpu).map_or(Duration::ZERO, |(now, then)| now.saturating_sub(then));
        match (earlier.doing(), self.doing()) {
            (Doing::Running, Doing::Running) if self.id == earlier.id && !used.is_zero() => {
                Doing::Spinning { used, over: self.at.saturating_duration_since(earlier.at) }
            }
            (_, doing) => doing,
        }
    }

    /// What a thread waits for that the kernel says is asleep.
    fn waits_for(&self) -> Doing {
        match self.call.as_ref().map(|call| (call.name, call)) {
            Some((Some("futex" | "futex_waitv"), _)) => Doing::Locked,
            Some((Some("nanosleep" | "clock_nanosleep"), _)) => Doing::Sleeping,
            Some((_, call)) => Doing::Blocked(call.clone()),
            None => match self.wchan.as_deref() {
                Some(place) if place.starts_with("futex") => Doing::Locked,
                Some(place) if place.ends_with("nanosleep") => Doing::Sleeping,
                _ => Doing::Waiting,
            },
        }
    }
}

/// Who and what, for a report.
impl fmt::Display for ThreadState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "thread `{name}`: {}", self.doing()),
            None => write!(f, "thread {}: {}", self.id, self.doing()),
        }
    }
}

/// Reads `NUMBER ARGUMENT …`; `running` and `-1 …` say that the thread is in no call.
fn parse_call(text: &str) -> Option<Call> {
    let mut words = text.split_whitespace();
    let number: i64 = words.next()?.parse().ok().filter(|&number| number >= 0)?;
    let known = calls::known(number);
    let name = known.map(|known| known.name);
    let mut arguments = words.map_while(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok());
    let first = arguments.next();
    let descriptor = first.filter(|_| known.is_some_and(|known| known.on_descriptor)).and_then(descriptor);
    let polled = match (name, first, arguments.next()) {
        (Some("poll" | "ppoll"), Some(list), Some(count)) => polled(list, count).unwrap_or_default(),
        _ => Vec::new(),
    };
    Some(Call { number, name, descriptor, polled })
}

/// Reads a descriptor from a register; the half above it may have anything in it.
fn descriptor(register: u64) -> Option<Descriptor> {
    let number = i32::try_from(register & 0xffff_ffff).ok()?;
    Some(Descriptor { number, open_on: fs::read_link(format!("/proc/self/fd/{number}")).ok() })
}

/// Reads the list that a `poll` was handed. The thread may be gone from there by now, and the memory be anything or
/// nothing, so only what is open is believed; reading it by way of the kernel is safe in any case.
fn polled(list: u64, count: u64) -> io::Result<Vec<Descriptor>> {
    const ENTRY: usize = 8;
    let mut entries = vec![0; usize::try_from(count.min(16)).expect("it is small") * ENTRY];
    fs::File::open("/proc/self/mem")?.read_exact_at(&mut entries, list)?;
    let numbers = entries.chunks_exact(ENTRY).map(|entry| u32::from_ne_bytes([entry[0], entry[1], entry[2], entry[3]]));
    let open = numbers.filter_map(|number| descriptor(number.into())).filter(|descriptor| descriptor.open_on.is_some());
    Ok(open.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(letter: Option<char>, call: Option<&str>, wchan: Option<&str>) -> ThreadState {
        ThreadState {
            id: ThreadId::from_number(7),
            name: None,
            letter,
            cpu: None,
            wchan: wchan.map(str::to_owned),
            call: call.and_then(parse_call),
            gone: false,
            at: Instant::now(),
        }
    }

    #[test]
    fn what_is_hidden_is_said_to_be_unknown_or_left_out() {
        assert_eq!(state(None, None, None).doing(), Doing::Unknown);
        assert_eq!(state(Some('S'), None, None).doing(), Doing::Waiting);
        assert_eq!(state(Some('D'), None, None).doing(), Doing::Uninterruptible(None));
        assert_eq!(state(Some('S'), None, Some("futex_do_wait")).doing(), Doing::Locked);
        assert_eq!(state(Some('S'), None, Some("hrtimer_nanosleep")).doing(), Doing::Sleeping);
        assert_eq!(state(None, None, None).to_string(), "thread 7: doing what the kernel does not show");
    }

    #[test]
    fn the_letters_that_no_test_can_bring_about_are_understood() {
        for (letter, doing) in
            [('T', Doing::Suspended), ('t', Doing::Suspended), ('Z', Doing::Ending), ('X', Doing::Ending)]
        {
            assert_eq!(state(Some(letter), None, None).doing(), doing);
        }
    }

    #[test]
    fn only_a_number_that_is_not_negative_is_a_call() {
        for none in ["running", "-1 0x7ffc 0x7f00", "", "x"] {
            assert_eq!(parse_call(none), None);
        }
        let odd = parse_call("99999 0x1 0x2").unwrap();
        assert_eq!((odd.number, odd.name, odd.descriptor), (99999, None, None));
    }

    #[test]
    fn a_call_on_a_descriptor_that_is_closed_has_its_number_alone() {
        let read = format!("{} 0xffffffff7fffffff 0x2", libc::SYS_read);
        let call = parse_call(&read).unwrap();
        assert_eq!(call.to_string(), "read on descriptor 2147483647");
        let none = parse_call(&format!("{} 0xffffffffffffffff", libc::SYS_read)).unwrap();
        assert_eq!(none.descriptor, None, "it is no descriptor at all");
    }

    #[test]
    fn time_that_does_not_grow_is_not_spinning() {
        let first = ThreadState { cpu: Some(Duration::from_millis(5)), ..state(Some('R'), None, None) };
        assert_eq!(first.clone().doing_since(&first), Doing::Running);
        let later = ThreadState { cpu: Some(Duration::from_millis(9)), ..first.clone() };
        assert!(matches!(later.doing_since(&first), Doing::Spinning { used, .. } if used == Duration::from_millis(4)));
        let asleep = ThreadState { cpu: later.cpu, ..state(Some('S'), None, None) };
        assert_eq!(asleep.doing_since(&first), Doing::Waiting);
        let unknown = ThreadState { cpu: None, ..first.clone() };
        assert_eq!(unknown.doing_since(&first), Doing::Running);
    }
}
