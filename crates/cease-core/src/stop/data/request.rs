//! The winning request, shared by every node that it stopped.
#![allow(unsafe_code, reason = "a request adds many shares at once, which `Arc` cannot")]

use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;
use std::time::Instant;

use crate::sync::{Count, Mutex, lock};
use crate::{Cause, Panic, Reason};

/// A request for a stop that was made: why, where and when, and which other request it follows.
///
/// All tokens that one request stopped share it.
/// Whether it came to a token from a source above is therefore a question to the token ([`crate::StopToken::is_inherited`])
/// or to what its checkpoint returned ([`crate::Stopped::is_inherited`]).
#[derive(Debug)]
pub struct Request {
    pub(crate) reason: Reason,
    location: Option<&'static Location<'static>>,
    at: Instant,
    because: Option<RequestRef>,
    /// What the callbacks panicked with that this request has called.
    panics: Mutex<Vec<Panic>>,
}

impl Request {
    /// Why it was made.
    #[must_use]
    pub const fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Where in the program it was made; of a deadline, where the deadline was set.
    ///
    /// `None` when no line of the program made it: a signal came, the owner of a worker dropped it, or a library made the
    /// request for itself ([`crate::StopSource::request_with_location`]).
    #[must_use]
    pub const fn location(&self) -> Option<&'static Location<'static>> {
        self.location
    }

    /// When it was made.
    #[must_use]
    pub const fn at(&self) -> Instant {
        self.at
    }

    /// The request in another tree that this one follows, through a link ([`crate::LinkedToken`]).
    #[must_use]
    pub fn because(&self) -> Option<&Self> {
        self.because.as_deref()
    }

    /// This request, the one that it follows, and so on to the first.
    pub fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |request| request.because())
    }

    /// A request that is made now.
    pub(crate) fn new(reason: Reason, location: Option<&'static Location<'static>>) -> Self {
        Self { reason, location, at: Instant::now(), because: None, panics: Mutex::new(Vec::new()) }
    }

    /// A request that is made now, because the deadline has passed that was set by `setting`.
    pub(crate) fn of_deadline(setting: &DeadlineSetting) -> Self {
        let reason = setting.cause.as_ref().map_or(Reason::Deadline, |cause| Reason::DeadlineWithCause(cause.clone()));
        Self::new(reason, Some(setting.location))
    }

    /// A request that is made now because of one in another tree.
    pub(crate) fn following(because: RequestRef) -> Self {
        let (reason, location) = (because.reason.clone(), because.location);
        Self { because: Some(because), ..Self::new(reason, location) }
    }

    /// Takes what callbacks have panicked with that this request called, and every request that follows the same one.
    ///
    /// The panics of a chain of requests are kept in one place, that of the first ([`Request::chain`]): the caller that made
    /// the first request finds the panics of callbacks on linked tokens too.
    /// A panic is taken once; a second call returns those that came since.
    #[must_use]
    pub fn take_panics(&self) -> Vec<Panic> {
        std::mem::take(&mut lock(&self.first().panics))
    }

    pub(crate) fn add_panics(&self, panics: Vec<Panic>) {
        if !panics.is_empty() {
            lock(&self.first().panics).extend(panics);
        }
    }

    /// The first request of the chain.
    fn first(&self) -> &Self {
        self.chain().last().unwrap_or(self)
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.location {
            Some(location) if self.reason.is_deadline() => write!(f, "{} (set at {location})", self.reason),
            Some(location) => write!(f, "{} (at {location})", self.reason),
            None => self.reason.fmt(f),
        }
    }
}

/// Where a deadline was set, and for what cause; the request carries both when the deadline passes.
#[derive(Debug, Clone)]
pub(crate) struct DeadlineSetting {
    pub(crate) location: &'static Location<'static>,
    pub(crate) cause: Option<Cause>,
}

impl DeadlineSetting {
    /// A deadline that is set at `location`, for no cause of its own.
    pub(crate) const fn at(location: &'static Location<'static>) -> Self {
        Self { location, cause: None }
    }

    /// A deadline that is set at `location` for `cause`.
    pub(crate) fn with_cause(location: &'static Location<'static>, cause: impl Into<Reason>) -> Self {
        match Reason::deadline(cause) {
            Reason::DeadlineWithCause(cause) => Self { location, cause: Some(cause) },
            _ => Self::at(location),
        }
    }
}

/// A share of a [`Request`].
///
/// It is `Arc` but for one thing: a request that marks a thousand nodes adds their shares in one step.
#[derive(Debug)]
pub(crate) struct RequestRef(NonNull<Counted>);

#[derive(Debug)]
struct Counted {
    request: Request,
    shares: Count,
}

// SAFETY: a request is `Send` and `Sync`, and shares are counted by an atomic.
unsafe impl Send for RequestRef {}
// SAFETY: as above.
unsafe impl Sync for RequestRef {}

// A request does not change once it is made, but for its list of panics, whose mutex guards single pushes and takes.
impl UnwindSafe for RequestRef {}
impl RefUnwindSafe for RequestRef {}

impl RequestRef {
    pub(crate) fn new(request: Request) -> Self {
        let counted = Counted { request, shares: Count::one() };
        Self(NonNull::from(Box::leak(Box::new(counted))))
    }

    /// Adds `count` shares, which no handle holds until they are taken with [`RequestRef::from_raw`].
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

    /// Looks at a request in which somebody holds a share.
    ///
    /// # Safety
    ///
    /// `raw` is from `as_raw`, and a share is held for as long as `'a`.
    pub(crate) unsafe fn look<'a>(raw: NonNull<()>) -> &'a Request {
        // SAFETY: by the caller's promise it is alive.
        &unsafe { raw.cast::<Counted>().as_ref() }.request
    }

    const fn counted(&self) -> &Counted {
        // SAFETY: this share keeps it alive.
        unsafe { self.0.as_ref() }
    }
}

impl Deref for RequestRef {
    type Target = Request;

    fn deref(&self) -> &Request {
        &self.counted().request
    }
}

impl Clone for RequestRef {
    fn clone(&self) -> Self {
        self.add_shares(1);
        Self(self.0)
    }
}

impl Drop for RequestRef {
    fn drop(&mut self) {
        let mut last = self.counted().shares.release().then_some(self.0);
        // A chain of links may be long, so that it is given back one by one, and not by recursion.
        while let Some(over) = last {
            // SAFETY: it came from a box, and this was the last share.
            let mut over = unsafe { Box::from_raw(over.as_ptr()) };
            let because = over.request.because.take().map(ManuallyDrop::new);
            last = because.filter(|because| because.counted().shares.release()).map(|because| because.0);
        }
    }
}
