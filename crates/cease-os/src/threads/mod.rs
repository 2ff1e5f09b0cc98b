//! What the threads of this process are doing, for a worker that does not stop.
//!
//! # How it works
//!
//! The kernel tells of each thread in `/proc/self/task`: a letter for its state, its processor time, and the system call it
//! is blocked in with the arguments. [`ThreadState::look`] reads that, and [`ThreadState::doing`] says it in plain words.
//! Whether a thread that runs gets anywhere takes two looks, with time between them: [`ThreadState::watch`].
//!
//! # Guarantees
//!
//! A look stops nothing and signals nothing: the thread does not notice.
//! A thread that is gone is [`Doing::Gone`], also when its number was given to another thread since.
//! What the kernel does not show, for lack of a permission or of a kernel option, is `None` or [`Doing::Unknown`].
//!
//! # Limits
//!
//! The files are read one after the other, so a thread that moves on meanwhile can be shown half here and half there.
//! The kernel does not tell a lock from a condition variable, a channel or a parked thread: all of them wait on a futex.
//!
//! # Examples
//!
//! ```
//! use std::sync::mpsc;
//! use std::thread;
//!
//! use cease_os::threads::{Doing, ThreadId, ThreadState};
//!
//! let (say, said) = mpsc::channel();
//! let (hold, held) = mpsc::channel::<()>();
//! let stuck = thread::Builder::new().name("stuck".into()).spawn(move || {
//!     say.send(ThreadId::current()).unwrap();
//!     let _ = held.recv();
//! })?;
//! let id = said.recv().unwrap();
//!
//! let mut state = ThreadState::look(id)?;
//! while state.doing() == Doing::Running {
//!     thread::yield_now();
//!     state = ThreadState::look(id)?;
//! }
//! assert_eq!(state.to_string(), "thread `stuck`: waiting for a lock or for another thread");
//!
//! drop(hold);
//! stuck.join().unwrap();
//! # Ok::<(), std::io::Error>(())
//! ```

mod calls;
mod doing;
mod id;
mod proc;
mod stack;
mod state;

pub use doing::{Call, Descriptor, Doing};
pub use id::ThreadId;
pub use stack::Stack;
pub use state::ThreadState;
