//! Workers that borrow from the stack, inside a `std::thread::scope`.
//!
//! loom and shuttle have no scoped thread that can be joined early, so this file is held to its tests with real threads.

use std::thread::Scope;

use cease_core::{ScopedWorker, SpawnError, StopSource, StopToken, Stopped};

use crate::Flag;

impl Flag {
    /// Starts `job`, which may borrow everything that outlives `scope`, as a worker with a source of its own.
    ///
    /// When `std::thread::scope` returns, every worker of it is gone.
    /// A worker that is dropped, also because the scope's closure panics, is stopped and joined.
    /// One that is detached is joined at the end of the scope, and not stopped.
    /// A job's panic is an [`cease_core::Exit::Panicked`], and never a panic of the scope.
    ///
    /// # Errors
    ///
    /// [`SpawnError`], with the closure in it, when nothing could be started.
    ///
    /// # Examples
    ///
    /// ```
    /// use cease_core::Checkpoint;
    /// use cease_flag::Flag;
    ///
    /// let numbers = vec![1, 2, 3];
    /// let sum = std::thread::scope(|scope| {
    ///     let worker = Flag::new().spawn_scoped(scope, |stop| {
    ///         stop.check()?;
    ///         Ok(numbers.iter().sum::<i32>())
    ///     });
    ///     worker.unwrap().join().unwrap().into_finished()
    /// });
    /// assert_eq!(sum, Some(6));
    /// ```
    pub fn spawn_scoped<'scope, T, F>(
        &self,
        scope: &'scope Scope<'scope, '_>,
        job: F,
    ) -> Result<ScopedWorker<'scope, T>, SpawnError<F>>
    where
        F: FnOnce(&StopToken) -> Result<T, Stopped> + Send + 'scope,
        T: Send + 'scope,
    {
        self.spawn_scoped_with(scope, job, StopSource::new())
    }

    /// Starts `job` as a worker of `scope` that is stopped through `source`.
    ///
    /// # Errors
    ///
    /// As for [`Flag::spawn_scoped`].
    pub fn spawn_scoped_with<'scope, T, F>(
        &self,
        scope: &'scope Scope<'scope, '_>,
        job: F,
        source: StopSource,
    ) -> Result<ScopedWorker<'scope, T>, SpawnError<F>>
    where
        F: FnOnce(&StopToken) -> Result<T, Stopped> + Send + 'scope,
        T: Send + 'scope,
    {
        self.thread.spawn_scoped(scope, source, job, |job, stop| job(stop))
    }
}
