//! Real forks: what a child process can do with deadlines, graces, signals and descriptors.
//!
//! It is a program of one thread and not a test harness, because only the thread that calls `fork` exists in the child.
#![allow(unsafe_code, reason = "fork, waitpid and the mask of signals are calls of the C library")]

#[cfg(any(loom, shuttle))]
fn main() {}

#[cfg(not(any(loom, shuttle)))]
fn main() {
    // SAFETY: the call only sets a timer; its signal ends this process, and with it a scene that hangs.
    unsafe { libc::alarm(120) };
    for (name, scene) in scenes::ALL {
        scene();
        println!("{name} ... ok");
    }
}

#[cfg(not(any(loom, shuttle)))]
mod scenes {
    use std::io;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;
    use std::os::unix::process::ExitStatusExt;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::process::ExitStatus;
    use std::time::Duration;

    use cease_abandon::Abandon;
    use cease_core::{Exit, Reason, SpawnFn, StopSource};
    use cease_os::fd::{FdError, StopFd};
    use cease_os::signals::StopOnSignals;
    use cease_os::threads::{Doing, ThreadId, ThreadState};
    use signal_hook::consts::SIGTERM;
    use signal_hook::low_level::raise;

    const PATIENCE: Duration = Duration::from_secs(30);
    const SOON: Duration = Duration::from_millis(20);

    type Scene = (&'static str, fn());

    pub(super) const ALL: [Scene; 9] = [
        ("a_deadline_that_is_set_in_the_child_passes", a_deadline_that_is_set_in_the_child_passes),
        ("a_deadline_from_before_the_fork_passes_in_both", a_deadline_from_before_the_fork_passes_in_both),
        ("a_tree_armed_before_the_fork_takes_a_later_deadline", a_tree_armed_before_the_fork_takes_a_later_deadline),
        ("a_grace_ends_in_the_child", a_grace_ends_in_the_child),
        ("a_child_without_a_guard_has_the_default_effect", a_child_without_a_guard_has_the_default_effect),
        ("parent_and_child_have_a_guard_each", parent_and_child_have_a_guard_each),
        ("a_descriptor_belongs_to_the_process_that_made_it", a_descriptor_belongs_to_the_process_that_made_it),
        ("a_signal_that_was_blocked_from_the_start_asks", a_signal_that_was_blocked_from_the_start_asks),
        ("a_thread_has_its_number_in_the_child", a_thread_has_its_number_in_the_child),
    ];

    /// Runs `child` in a child process, and returns how that ended; a panic ends it with 101.
    fn forked(child: impl FnOnce()) -> ExitStatus {
        // SAFETY: the only other threads are those that the scenes are about, and the child leaves by `_exit`.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "{}", io::Error::last_os_error());
        if pid == 0 {
            // SAFETY: as above; alarms are not inherited.
            unsafe { libc::alarm(60) };
            let code = if catch_unwind(AssertUnwindSafe(child)).is_ok() { 0 } else { 101 };
            // SAFETY: it does not return, and nothing of the parent's is run at the exit.
            unsafe { libc::_exit(code) };
        }
        let mut status = 0;
        // SAFETY: it is a child of this process that was not waited for, and `status` has room.
        let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
        assert_eq!(waited, pid);
        ExitStatus::from_raw(status)
    }

    fn stops_by_its_deadline(source: &StopSource) {
        assert_eq!(source.token().wait_timeout(PATIENCE).unwrap().reason(), &Reason::Deadline);
    }

    fn a_deadline_that_is_set_in_the_child_passes() {
        // The parent's timer thread runs.
        let (before, _before) = StopSource::with_timeout(SOON).unwrap();
        stops_by_its_deadline(&before);
        let status = forked(|| {
            let (source, _deadline) = StopSource::with_timeout(SOON).unwrap();
            stops_by_its_deadline(&source);
            let grandchild = forked(|| {
                let (source, _deadline) = StopSource::with_timeout(SOON).unwrap();
                let (sender, called) = std::sync::mpsc::channel();
                let _callback = source.token().on_stop(move || sender.send(()).unwrap());
                called.recv_timeout(PATIENCE).unwrap();
            });
            assert!(grandchild.success(), "{grandchild}");
        });
        assert!(status.success(), "{status}");
    }

    fn a_deadline_from_before_the_fork_passes_in_both() {
        let (source, _deadline) = StopSource::with_timeout(Duration::from_millis(300)).unwrap();
        let status = forked(|| stops_by_its_deadline(&source));
        assert!(status.success(), "{status}");
        stops_by_its_deadline(&source);
    }

    fn a_tree_armed_before_the_fork_takes_a_later_deadline() {
        let top = StopSource::new();
        let (near, _near) = top.child_with_timeout(Duration::from_millis(300)).unwrap();
        let status = forked(|| {
            let (far, _far) = top.child_with_timeout(Duration::from_millis(400)).unwrap();
            stops_by_its_deadline(&far);
            stops_by_its_deadline(&near);
        });
        assert!(status.success(), "{status}");
    }

    fn a_grace_ends_in_the_child() {
        let never_checks = || {
            let worker = Abandon::new().grace(SOON).spawn_fn(|_| {
                loop {
                    std::thread::park();
                }
                #[allow(unreachable_code, reason = "it says what the job would return")]
                Ok(())
            });
            let worker = worker.unwrap();
            worker.stop();
            let Ok(exit) = worker.join_timeout(PATIENCE) else { panic!("the grace does not end") };
            assert!(matches!(exit, Exit::Abandoned), "{exit:?}");
        };
        never_checks();
        let status = forked(never_checks);
        assert!(status.success(), "{status}");
    }

    fn a_child_without_a_guard_has_the_default_effect() {
        let source = StopSource::new();
        let signals = StopOnSignals::options().next_does_nothing().install(source.clone()).unwrap();
        assert!(signals.is_installed());
        let status = forked(|| {
            assert!(!signals.is_installed());
            raise(SIGTERM).unwrap();
        });
        assert_eq!(status.signal(), Some(SIGTERM), "{status}: the signal was lost");
        assert!(!source.is_stop_requested());
    }

    fn parent_and_child_have_a_guard_each() {
        let source = StopSource::new();
        let signals = StopOnSignals::options().next_does_nothing().install(source.clone()).unwrap();
        let mut inherited = Some(signals);
        let status = forked(|| {
            let own = StopSource::new();
            let signals = StopOnSignals::options().next_does_nothing().install(own.clone()).unwrap();
            assert!(signals.is_installed());
            // The one of the parent can go, and changes nothing.
            inherited = None;
            assert!(signals.is_installed());
            raise(SIGTERM).unwrap();
            assert_eq!(own.token().wait_timeout(PATIENCE).unwrap().reason(), &Reason::Signal(SIGTERM));
            drop(signals);
            raise(SIGTERM).unwrap();
        });
        assert_eq!(status.signal(), Some(SIGTERM), "{status}");
        assert!(!source.is_stop_requested(), "the child's signal is not the parent's");

        let status = forked(|| {
            inherited = None;
            // Another one can be installed, and the default effect is back after it.
            let signals = StopOnSignals::options().install(StopSource::new()).unwrap();
            assert!(signals.is_installed());
            drop(signals);
            raise(SIGTERM).unwrap();
        });
        assert_eq!(status.signal(), Some(SIGTERM), "{status}");

        raise(SIGTERM).unwrap();
        assert_eq!(source.token().wait_timeout(PATIENCE).unwrap().reason(), &Reason::Signal(SIGTERM));
        drop(inherited);
    }

    fn a_descriptor_belongs_to_the_process_that_made_it() {
        let source = StopSource::new();
        let stop = StopFd::new(&source.token()).unwrap();
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let status = forked(|| {
            let error = stop.readable(&ours).unwrap_err();
            assert!(matches!(&error, FdError::Io(error) if error.kind() == io::ErrorKind::Unsupported), "{error}");
            let own = StopFd::new(&source.token()).unwrap();
            source.request();
            own.readable(&own).map_err(|error| assert!(matches!(error, FdError::Stopped(_)))).unwrap_err();

            // A descriptor is never one of the standard ones, also where those are closed.
            for standard in 0..3 {
                // SAFETY: what is printed in this child from here on is lost, and nothing else has these numbers.
                unsafe { libc::close(standard) };
            }
            let high = StopFd::new(&StopSource::new().token()).unwrap();
            assert!(high.as_raw_fd() > 2);
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let peer = high.connect(listener.local_addr().unwrap()).unwrap();
            assert!(peer.as_raw_fd() > 2);
        });
        assert!(status.success(), "{status}");
        let error = stop.readable_timeout(&ours, Duration::ZERO).unwrap_err();
        assert!(matches!(error, FdError::TimedOut), "the child's stop reached the parent's descriptor: {error}");
    }

    fn a_signal_that_was_blocked_from_the_start_asks() {
        let status = forked(|| {
            let mut set = std::mem::MaybeUninit::<libc::sigset_t>::zeroed();
            // SAFETY: `set` has room, and the call makes it an empty set.
            unsafe { libc::sigemptyset(set.as_mut_ptr()) };
            // SAFETY: the set was just made.
            unsafe { libc::sigaddset(set.as_mut_ptr(), SIGTERM) };
            // SAFETY: the set was just made, and the old mask is not wanted.
            unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut()) };
            let source = StopSource::new();
            let signals = StopOnSignals::options().next_does_nothing().install(source.clone()).unwrap();
            // SAFETY: it sends a signal to this process, which has a handler for it.
            unsafe { libc::kill(std::process::id().cast_signed(), SIGTERM) };
            assert_eq!(source.token().wait_timeout(PATIENCE).unwrap().reason(), &Reason::Signal(SIGTERM));
            drop(signals);
        });
        assert!(status.success(), "{status}");
    }

    fn a_thread_has_its_number_in_the_child() {
        let parent = ThreadId::current();
        let status = forked(|| {
            assert_ne!(ThreadId::current(), parent);
            assert_eq!(ThreadState::look(ThreadId::current()).unwrap().doing(), Doing::Running);
        });
        assert!(status.success(), "{status}");
    }
}
