//! The winning request, shared by every node that it stopped.
#![allow(unsafe_code, reason = "a request adds many shares at once, which `Arc` cannot")]

use std::ops::Deref;
use std::panic::Location;
use std::ptr::NonNull;
use std::time::Instant;

use crate::sync::{Count, Mutex, lock};
use crate::{Panic, Reason};

/// Who asked, why, where and when.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) reason: Reason,
    pub(crate) asked_at: &'static Location<'static>,
    pub(crate) asked_when: Instant,
    /// The request in another tree that this one follows.
    pub(crate) because: Option<RecordRef>,
    /// What the callbacks panicked with that this request has called.
    panics: Mutex<Vec<Panic>>,
}

impl Record {
    /// A request that is made now.
    pub(crate) fn new(reason: Reason, asked_at: &'static Location<'static>) -> Self {
        Self { reason, asked_at, asked_when: Instant::now(), because: None, panics: Mutex::new(Vec::new()) }
    }

    /// A request that follows one in another tree.
    pub(crate) fn following(because: RecordRef) -> Self {
        let (reason, asked_at) = (because.reason.clone(), because.asked_at);
        Self { because: Some(because), ..Self::new(reason, asked_at) }
    }

    pub(crate) fn add_panics(&self, panics: Vec<Panic>) {
        if !panics.is_empty() {
            lock(&self.panics).extend(panics);
        }
    }

    pub(crate) fn take_panics(&self) -> Vec<Panic> {
        std::mem::take(&mut lock(&self.panics))
    }
}

/// A share of a [`Record`].
///
/// It is `Arc` but for one thing: a request that marks a thousand nodes adds their shares in one step.
#[derive(Debug)]
pub(crate) struct RecordRef(NonNull<Counted>);

#[derive(Debug)]
struct Counted {
    record: Record,
    shares: Count,
}

// SAFETY: a record is `Send` and `Sync`, and shares are counted by an atomic.
unsafe impl Send for RecordRef {}
// SAFETY: as above.
unsafe impl Sync for RecordRef {}

impl RecordRef {
    pub(crate) fn new(record: Record) -> Self {
        let counted = Counted { record, shares: Count::one() };
        Self(NonNull::from(Box::leak(Box::new(counted))))
    }

    /// Adds `count` shares, which nobody holds until they are taken with [`RecordRef::from_raw`].
    pub(crate) fn add_shares(&self, count: u32) {
        self.counted().shares.add(count);
    }

    /// The address under which a share is kept elsewhere.
    pub(crate) const fn as_raw(&self) -> NonNull<()> {
        self.0.cast()
    }

    /// Takes a share that was added before.
    ///
    /// # Safety
    ///
    /// `raw` is from `as_raw`, and the share was added and not taken yet.
    pub(crate) const unsafe fn from_raw(raw: NonNull<()>) -> Self {
        Self(raw.cast())
    }

    /// Looks at a record in which somebody holds a share.
    ///
    /// # Safety
    ///
    /// `raw` is from `as_raw`, and a share is held for as long as `'a`.
    pub(crate) unsafe fn look<'a>(raw: NonNull<()>) -> &'a Record {
        // SAFETY: by the caller's promise it is alive.
        &unsafe { raw.cast::<Counted>().as_ref() }.record
    }

    const fn counted(&self) -> &Counted {
        // SAFETY: this share keeps it alive.
        unsafe { self.0.as_ref() }
    }
}

impl Deref for RecordRef {
    type Target = Record;

    fn deref(&self) -> &Record {
        &self.counted().record
    }
}

impl Clone for RecordRef {
    fn clone(&self) -> Self {
        self.add_shares(1);
        Self(self.0)
    }
}

impl Drop for RecordRef {
    fn drop(&mut self) {
        if !self.counted().shares.release() {
            return;
        }
        // SAFETY: it came from a box, and this was the last share.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}
