//! The handler of signals, what it notes, and how it is put in place and taken out again.
//!
//! # How it works
//!
//! What a handler touches is static and atomic, so nothing is given back beneath one that still runs on another thread.
//!
//! Other code can install a handler on top of ours, and that handler then calls ours. Ours can be deactivated, but it cannot
//! be removed. It must not be installed on top of that handler again, because each would then call the other without end.
//! So several handlers exist that differ only in their place, and the next install uses the next place.
//!
//! `signal-hook` is not asked to install them, because it never gives a signal back: what it once has, it keeps.
#![allow(unsafe_code, reason = "only the C library says and sets what is done about a signal")]

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use libc::{c_int, c_void, sigaction, siginfo_t};
use rustix::thread::futex;
use signal_hook::consts::FORBIDDEN;
use signal_hook::low_level;

/// One more than the largest number of a signal.
const SIGNALS: usize = 65;

/// How many handlers other code can install on top before no place is left.
const PLACES: usize = 8;

/// The first signal that came; zero while there was none.
static FIRST: AtomicI32 = AtomicI32::new(0);
/// How many came after it and were not taken yet, by number.
static ARRIVED: [AtomicU32; SIGNALS] = [const { AtomicU32::new(0) }; SIGNALS];
/// Whether whatever comes after the first one leaves the process.
static NEXT_EXITS: AtomicBool = AtomicBool::new(false);
/// The process whose guard installed the handlers: a child of `fork` inherits them, but not the thread that they wake.
static PROCESS: AtomicU32 = AtomicU32::new(0);
/// How many handlers are about to note a signal.
static NOTING: AtomicU32 = AtomicU32::new(0);
/// Changes with each signal; the thread sleeps on it.
static WORD: AtomicU32 = AtomicU32::new(0);

/// What was seen of the signals so far, for [`wait`].
pub(super) fn seen() -> u32 {
    // ORDERING: Acquire pairs with the Release in `wake`: who sees its change sees what was noted before it.
    WORD.load(Ordering::Acquire)
}

/// Sleeps until something has changed since `seen`; it may also return without that.
pub(super) fn wait(seen: u32) {
    // It also returns when the word has changed before it slept, or when a signal came.
    let _ = futex::wait(&WORD, futex::Flags::PRIVATE, seen, None);
}

/// Wakes who waits.
pub(super) fn wake() {
    // ORDERING: Release pairs with the Acquire in `seen`.
    WORD.fetch_add(1, Ordering::Release);
    let _ = futex::wake(&WORD, futex::Flags::PRIVATE, 1);
}

/// The first signal that came.
pub(super) fn first() -> Option<i32> {
    // ORDERING: Relaxed: only the value matters, and `seen` has ordered it.
    Some(FIRST.load(Ordering::Relaxed)).filter(|&signal| signal != 0)
}

/// How many of `signal` have come after the first one since this was last called.
pub(super) fn take_arrived(signal: i32) -> u32 {
    // ORDERING: Relaxed: as in `first`.
    usize::try_from(signal).ok().and_then(|at| ARRIVED.get(at)).map_or(0, |count| count.swap(0, Ordering::Relaxed))
}

/// Notes a signal; called in a handler, where only atomics and plain system calls may be used.
fn note(signal: c_int, at: usize) {
    // ORDERING: Relaxed: only the value matters, and `wake` publishes it.
    if FIRST.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed).is_err() {
        // ORDERING: Relaxed: it was written before the handler was installed.
        if NEXT_EXITS.load(Ordering::Relaxed) {
            low_level::exit(128 + signal);
        }
        // ORDERING: Relaxed: as for the first one.
        ARRIVED[at].fetch_add(1, Ordering::Relaxed);
    }
    wake();
}

/// Waits until every signal that a handler took before it was made to do nothing is noted.
fn settle() {
    // ORDERING: SeqCst: see `handle`; it also acquires what was noted.
    while NOTING.load(Ordering::SeqCst) != 0 {
        thread::yield_now();
    }
}

/// One of the handlers, for one signal.
struct Place {
    /// Whether a guard lives that put it there.
    active: AtomicBool,
    /// What was there before: a function, `SIG_DFL` or `SIG_IGN`.
    before: AtomicUsize,
    /// Whether that function takes three arguments.
    before_takes_info: AtomicBool,
}

static AT: [[Place; SIGNALS]; PLACES] = [const {
    [const {
        Place {
            active: AtomicBool::new(false),
            before: AtomicUsize::new(libc::SIG_DFL),
            before_takes_info: AtomicBool::new(false),
        }
    }; SIGNALS]
}; PLACES];

type Function = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// The handlers, by place; only from here are their addresses taken, so that there is one of each.
static FUNCTIONS: [Function; PLACES] =
    [handle::<0>, handle::<1>, handle::<2>, handle::<3>, handle::<4>, handle::<5>, handle::<6>, handle::<7>];

fn address(place: usize) -> usize {
    FUNCTIONS[place] as usize
}

extern "C" fn handle<const PLACE: usize>(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let Some((at, place)) = usize::try_from(signal).ok().and_then(|at| Some((at, AT[PLACE].get(at)?))) else { return };
    // ORDERING: Relaxed: only the number matters; it was stored before a handler of this process was installed.
    let own = PROCESS.load(Ordering::Relaxed) == std::process::id();
    let active = own && {
        // ORDERING: SeqCst, as are the load below and both sides in `settle`: either that one sees the count, or this one
        // sees that it is not active any more; acquire and release would let both miss the other.
        NOTING.fetch_add(1, Ordering::SeqCst);
        // ORDERING: SeqCst, as above; it also pairs with the Release in `Wiring::install`, so that what it wrote is seen.
        let active = place.active.load(Ordering::SeqCst);
        if active {
            note(signal, at);
        }
        // ORDERING: Release pairs with the load in `settle`, so that the thread which ends sees what was noted.
        NOTING.fetch_sub(1, Ordering::Release);
        active
    };
    // ORDERING: Acquire pairs with the Release store of this field, so that the kind belongs to this function.
    let before = place.before.load(Ordering::Acquire);
    match before {
        libc::SIG_IGN => {}
        libc::SIG_DFL if !active => {
            // The signal came while it was given back, or other code has put this handler back. When another one is on top,
            // that one has the signal.
            let no_other_has_it = |action: sigaction| [address(PLACE), libc::SIG_DFL].contains(&action.sa_sigaction);
            if current(signal).is_ok_and(no_other_has_it) {
                let _ = low_level::emulate_default_handler(signal);
            }
        }
        libc::SIG_DFL => {}
        // ORDERING: Relaxed: it was written before the function was.
        _ if place.before_takes_info.load(Ordering::Relaxed) => {
            // SAFETY: the kernel had this address as a handler with three arguments, and they are those of this call.
            let function = unsafe { std::mem::transmute::<usize, Function>(before) };
            function(signal, info, context);
        }
        _ => {
            // SAFETY: the kernel had this address as a handler with one argument.
            let function = unsafe { std::mem::transmute::<usize, extern "C" fn(c_int)>(before) };
            function(signal);
        }
    }
}

/// What this process has done to its signals.
struct Wiring {
    /// The process in which a guard lives; zero where none does.
    taken_by: u32,
    /// What was there before, for handlers that are in place or have another one on top of them.
    before: [[Option<sigaction>; SIGNALS]; PLACES],
}

fn wiring() -> MutexGuard<'static, Wiring> {
    static WIRING: Mutex<Wiring> = Mutex::new(Wiring { taken_by: 0, before: [[None; SIGNALS]; PLACES] });
    WIRING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The handlers of a guard.
pub(super) struct Handlers {
    /// The process that installed them.
    process: u32,
    signals: Vec<i32>,
    /// The signals that are caught, and by which handler.
    installed: Vec<(i32, usize)>,
}

impl Handlers {
    /// Takes the right to catch signals, and checks that these can be.
    pub(super) fn prepare(signals: &[i32]) -> io::Result<Self> {
        if signals.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no signal to wait for"));
        }
        for &signal in signals {
            let known = usize::try_from(signal).is_ok_and(|at| (1..SIGNALS).contains(&at));
            if !known || FORBIDDEN.contains(&signal) {
                let text = format!("signal {signal} cannot ask for a stop");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
        }
        let mut wiring = wiring();
        let process = std::process::id();
        if wiring.taken_by == process {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the signals are wired to a stop already"));
        }
        wiring.taken_by = process;
        // ORDERING: SeqCst, as for the other accesses of it. Handlers that ran on threads of the parent during a fork are
        // counted and do not exist here, and no handler of this process counts before the store below.
        if PROCESS.load(Ordering::SeqCst) != process {
            NOTING.store(0, Ordering::SeqCst);
            // What the parent's guard had installed is not active for this one before `install`.
            for place in AT.iter().flatten() {
                // ORDERING: SeqCst: see `handle`.
                place.active.store(false, Ordering::SeqCst);
            }
        }
        // ORDERING: SeqCst: not before what was stored above.
        PROCESS.store(process, Ordering::SeqCst);
        // ORDERING: Relaxed: no handler is active, and those that will be see it by way of `active`.
        FIRST.store(0, Ordering::Relaxed);
        for count in &ARRIVED {
            // ORDERING: Relaxed: as above.
            count.store(0, Ordering::Relaxed);
        }
        Ok(Self { process, signals: signals.to_vec(), installed: Vec::new() })
    }

    /// Puts the handlers in place; when that fails, [`Handlers::give_back`] undoes what was done.
    pub(super) fn install(&mut self, also_ignored: bool, next_exits: bool) -> io::Result<()> {
        // ORDERING: Relaxed: the handlers see it by way of `active`.
        NEXT_EXITS.store(next_exits, Ordering::Relaxed);
        let mut wiring = wiring();
        for &signal in &self.signals {
            let told = |error: io::Error| io::Error::new(error.kind(), format!("signal {signal}: {error}"));
            let old = current(signal).map_err(told)?;
            if old.sa_sigaction == libc::SIG_IGN && !also_ignored {
                continue;
            }
            let place = wiring.install(signal, old, &self.signals).map_err(told)?;
            self.installed.push((signal, place));
        }
        Ok(())
    }

    /// Gives the signals back to what had them before.
    pub(super) fn give_back(&mut self) {
        let mut wiring = wiring();
        if wiring.taken_by != self.process {
            // It was inherited by a child of `fork`, where another guard has the signals or had them.
            self.installed.clear();
            return;
        }
        for (signal, place) in self.installed.drain(..).rev() {
            wiring.give_back(signal, place);
        }
        drop(wiring);
        if self.is_of_this_process() {
            settle();
        }
    }

    /// Whether they were installed by this process, and not by one that it was forked from.
    pub(super) fn is_of_this_process(&self) -> bool {
        self.process == std::process::id()
    }

    /// Whether each signal that is caught would reach one of the handlers first, as far as the kernel knows.
    pub(super) fn are_on_top(&self) -> bool {
        let on_top =
            |&(signal, place): &(i32, usize)| current(signal).is_ok_and(|action| action.sa_sigaction == address(place));
        self.is_of_this_process() && self.installed.iter().all(on_top)
    }

    pub(super) fn signals(&self) -> Vec<i32> {
        self.installed.iter().map(|(signal, _)| *signal).collect()
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        self.give_back();
        let mut wiring = wiring();
        if wiring.taken_by == self.process {
            wiring.taken_by = 0;
        }
    }
}

impl Wiring {
    /// Puts a handler on top of `old`, and says which.
    fn install(&mut self, signal: i32, old: sigaction, all: &[i32]) -> io::Result<usize> {
        let at = usize::try_from(signal).expect("it was checked");
        if let Some(place) = (0..PLACES).find(|&place| old.sa_sigaction == address(place)) {
            // Other code has put an old handler of ours back; its place still stores the handler before it.
            // ORDERING: Release pairs with the Acquire in `handle`: the handler sees what was stored before.
            AT[place][at].active.store(true, Ordering::Release);
            return Ok(place);
        }
        let Some(place) = (0..PLACES).find(|&place| self.before[place][at].is_none()) else {
            let text = "other handlers were put on top too often, and never taken away";
            return Err(io::Error::other(text));
        };
        remember(place, at, &old);
        self.before[place][at] = Some(old);
        // ORDERING: Release, as above.
        AT[place][at].active.store(true, Ordering::Release);
        let replaced = set(signal, &ours(place, all)).inspect_err(|_| {
            // ORDERING: Relaxed: nothing was installed that could read it.
            AT[place][at].active.store(false, Ordering::Relaxed);
            self.before[place][at] = None;
        })?;
        if replaced.sa_sigaction != old.sa_sigaction {
            // Other code installed a handler in between: ours calls that one and restores it.
            remember(place, at, &replaced);
            self.before[place][at] = Some(replaced);
        }
        Ok(place)
    }

    /// Puts back what was there before, unless other code has installed a handler on top: then ours stays and does nothing.
    fn give_back(&mut self, signal: i32, place: usize) {
        let at = usize::try_from(signal).expect("it was checked");
        // ORDERING: SeqCst: see `handle`.
        AT[place][at].active.store(false, Ordering::SeqCst);
        let on_top = current(signal).is_ok_and(|action| action.sa_sigaction == address(place));
        let Some(before) = self.before[place][at].filter(|_| on_top) else { return };
        match set(signal, &before) {
            Ok(replaced) if replaced.sa_sigaction != address(place) => {
                // Other code installed a handler in between; it stays.
                let _ = set(signal, &replaced);
            }
            Ok(_) => self.before[place][at] = None,
            Err(_) => {}
        }
    }
}

/// Notes what a handler has to call.
fn remember(place: usize, at: usize, before: &sigaction) {
    let takes_info = before.sa_flags & libc::SA_SIGINFO != 0;
    // ORDERING: Relaxed: the store below publishes it.
    AT[place][at].before_takes_info.store(takes_info, Ordering::Relaxed);
    // ORDERING: Release pairs with the Acquire in `handle`.
    AT[place][at].before.store(before.sa_sigaction, Ordering::Release);
}

/// What installs the handler of a place: system calls go on after it, it runs on the stack for signals where there is one,
/// and no other of the signals interrupts it, or of two that wait the one that is handed over last would be noted first.
fn ours(place: usize, all: &[i32]) -> sigaction {
    // SAFETY: numbers and pointers, for all of which zero is a value.
    let mut action: sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = address(place);
    action.sa_flags = libc::SA_RESTART | libc::SA_SIGINFO | libc::SA_ONSTACK;
    for &signal in all {
        // SAFETY: the set is an empty one, which is all zeroes, or has been added to; a number that is none changes nothing.
        unsafe { libc::sigaddset(&raw mut action.sa_mask, signal) };
    }
    action
}

/// What is done about `signal` now; may be called in a handler.
fn current(signal: i32) -> io::Result<sigaction> {
    change(signal, ptr::null())
}

/// Changes what is done about `signal`, and says what was done before.
fn set(signal: i32, action: &sigaction) -> io::Result<sigaction> {
    change(signal, action)
}

fn change(signal: i32, action: *const sigaction) -> io::Result<sigaction> {
    let mut old = MaybeUninit::<sigaction>::zeroed();
    // SAFETY: `action` is null or points to one whose handler is a function of this file or was the kernel's before, and
    // `old` has room.
    if unsafe { sigaction(signal, action, old.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has filled it, and zero is a value for the rest.
    Ok(unsafe { old.assume_init() })
}
