//! A list whose links lie inside of its elements, so that it allocates nothing.
//!
//! # How it works
//!
//! A list begins with a head ([`List`]), or with an element that stays in front for as long as the list is used
//! ([`insert_behind`]); an element of the second kind of list is taken out without its head ([`remove_behind_front`]).
//! An element is alive and does not move while it is in a list, and everything here is called under the lock of the list.
#![allow(unsafe_code, reason = "an intrusive list is made of pointers")]

use std::ptr::NonNull;

use crate::sync::UnsafeCell;

/// What can be in a list: it holds its links.
///
/// # Safety
///
/// `links` always returns the same cell, which lies inside of the element.
pub(crate) unsafe trait Linked: Sized {
    /// The links of the element, which belong to the holder of the list's lock.
    fn links(&self) -> &UnsafeCell<Links<Self>>;
}

/// The neighbours of an element.
#[derive(Debug)]
pub(crate) struct Links<E> {
    previous: Option<NonNull<E>>,
    next: Option<NonNull<E>>,
}

impl<E> Links<E> {
    /// The links of an element that is in no list.
    #[inline]
    pub(crate) const fn new() -> Self {
        Self { previous: None, next: None }
    }

    /// Whether the element has no neighbour.
    pub(crate) const fn is_empty(&self) -> bool {
        self.previous.is_none() && self.next.is_none()
    }
}

/// A list of elements, the newest first; the lock around it guards the links of every element in it.
#[derive(Debug)]
pub(crate) struct List<E> {
    head: Option<NonNull<E>>,
}

impl<E> List<E> {
    /// An empty list.
    pub(crate) const fn new() -> Self {
        Self { head: None }
    }

    /// Moves all elements into the returned list.
    pub(crate) const fn take(&mut self) -> Self {
        Self { head: self.head.take() }
    }

    /// Whether no element is in the list.
    pub(crate) const fn is_empty(&self) -> bool {
        self.head.is_none()
    }
}

impl<E: Linked> List<E> {
    /// Puts `element` in front.
    ///
    /// # Safety
    ///
    /// - `element` is alive and in no list, and the lock is held.
    /// - It does not move, and is not dropped before it is taken out.
    #[inline]
    pub(crate) unsafe fn push(&mut self, element: NonNull<E>) {
        let next = self.head.replace(element);
        // SAFETY: `element` was in no list, and is now in the one whose lock is held.
        unsafe { with(element, |links| links.next = next) };
        if let Some(next) = next {
            // SAFETY: an element in the list is alive.
            unsafe { with(next, |links| links.previous = Some(element)) };
        }
    }

    /// Takes out the newest element; called under the lock.
    pub(crate) fn pop(&mut self) -> Option<NonNull<E>> {
        let head = self.head?;
        // SAFETY: it is in this list, and the lock is held.
        unsafe { self.remove(head) };
        Some(head)
    }

    /// Takes `element` out of this list, or out of one that begins with an element.
    ///
    /// # Safety
    ///
    /// `element` is in such a list and is not its first element, or is in this one; the lock is held.
    #[inline]
    pub(crate) unsafe fn remove(&mut self, element: NonNull<E>) {
        // SAFETY: by the caller's promise.
        if let Err(head) = unsafe { unlink(element) } {
            self.head = head;
        }
    }
}

/// The element behind `element`.
///
/// # Safety
///
/// `element` is alive, and the lock of its list is held.
pub(crate) unsafe fn next<E: Linked>(element: NonNull<E>) -> Option<NonNull<E>> {
    // SAFETY: by the caller's promise.
    unsafe { with(element, |links| links.next) }
}

/// Puts `element` behind `front`, in whatever list `front` is.
///
/// # Safety
///
/// - Both are alive, the lock of that list is held, and `element` is in no list.
/// - `element` does not move, and is not dropped before it is taken out.
pub(crate) unsafe fn insert_behind<E: Linked>(front: NonNull<E>, element: NonNull<E>) {
    // SAFETY: by the caller's promise it is alive.
    let next = unsafe { with(front, |links| links.next.replace(element)) };
    let both = |links: &mut Links<E>| (links.previous, links.next) = (Some(front), next);
    // SAFETY: by the caller's promise it is alive and in no list.
    unsafe { with(element, both) };
    if let Some(next) = next {
        // SAFETY: an element in the list is alive.
        unsafe { with(next, |links| links.previous = Some(element)) };
    }
}

/// Takes `element` out of a list that begins with another element.
///
/// # Safety
///
/// `element` is in such a list, and the lock is held.
#[inline]
pub(crate) unsafe fn remove_behind_front<E: Linked>(element: NonNull<E>) {
    // SAFETY: by the caller's promise; the list has no head to be changed.
    let _ = unsafe { unlink(element) };
}

/// Joins the neighbours of `element`; the error is the new head, when no element stands in front.
///
/// # Safety
///
/// `element` is in a list whose lock is held.
#[inline]
unsafe fn unlink<E: Linked>(element: NonNull<E>) -> Result<(), Option<NonNull<E>>> {
    // SAFETY: an element in a list is alive, and the lock is held.
    let (previous, next) = unsafe { with(element, |links| (links.previous.take(), links.next.take())) };
    if let Some(next) = next {
        // SAFETY: an element in the list is alive.
        unsafe { with(next, |links| links.previous = previous) };
    }
    let Some(previous) = previous else { return Err(next) };
    // SAFETY: an element in the list is alive.
    unsafe { with(previous, |links| links.next = next) };
    Ok(())
}

/// Calls `f` with the links of `element`.
///
/// # Safety
///
/// - `element` is alive, and the lock of its list is held, or it is in none and no other thread reaches it.
/// - `f` reads and writes nothing but what it is given.
#[inline]
unsafe fn with<E: Linked, R>(element: NonNull<E>, f: impl FnOnce(&mut Links<E>) -> R) -> R {
    // SAFETY: by the caller's promise it is alive.
    let element = unsafe { element.as_ref() };
    // SAFETY: by the caller's promise no other reference to the links exists while `f` runs.
    element.links().with_mut(|links| f(unsafe { &mut *links }))
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    /// An element that is nothing but its links.
    #[derive(Debug)]
    struct Item(usize, UnsafeCell<Links<Self>>);

    // SAFETY: `links` is a field.
    unsafe impl Linked for Item {
        fn links(&self) -> &UnsafeCell<Links<Self>> {
            &self.1
        }
    }

    impl Item {
        fn new(number: usize) -> Self {
            Self(number, UnsafeCell::new(Links::new()))
        }
    }

    /// The numbers of `first` and of everything behind it.
    fn numbers(first: Option<NonNull<Item>>) -> Vec<usize> {
        // SAFETY: the caller has the list, whose elements are alive.
        let items = std::iter::successors(first, |&item| unsafe { next(item) });
        // SAFETY: as above.
        items.map(|item| unsafe { item.as_ref() }.0).collect()
    }

    #[cfg(not(loom))]
    mod exhaustive {
        use super::*;

        const ITEMS: usize = 4;
        const STEPS: usize = 6;

        #[derive(Debug, Clone, Copy)]
        enum Step {
            /// Puts an item in front.
            Push(usize),
            /// Puts an item behind another one.
            Behind(usize, usize),
            Remove(usize),
            Pop,
        }

        fn steps(model: &[usize]) -> Vec<Step> {
            let outside = || (0..ITEMS).filter(|item| !model.contains(item));
            let behind = model.iter().flat_map(|&front| outside().map(move |item| Step::Behind(front, item)));
            let remove = model.iter().copied().map(Step::Remove);
            outside().map(Step::Push).chain(behind).chain(remove).chain([Step::Pop]).collect()
        }

        fn apply(model: &mut Vec<usize>, step: Step) {
            let place =
                |model: &[usize], item| model.iter().position(|&found| found == item).expect("it is in the list");
            match step {
                Step::Push(item) => model.insert(0, item),
                Step::Behind(front, item) => model.insert(place(model, front) + 1, item),
                Step::Remove(item) => drop(model.remove(place(model, item))),
                Step::Pop => drop(model.drain(..model.len().min(1))),
            }
        }

        /// Builds a list with a head, and the same behind a front, by `steps`, and compares both with the model.
        #[allow(clippy::multiple_unsafe_ops_per_block, reason = "one promise holds for every step of the test")]
        fn compare(steps: &[Step], model: &[usize]) {
            let items: [Item; ITEMS] = std::array::from_fn(Item::new);
            let behind: [Item; ITEMS] = std::array::from_fn(Item::new);
            let front = Item::new(ITEMS);
            let (at, at_behind, front) =
                (|item| NonNull::from(&items[item]), |item| NonNull::from(&behind[item]), NonNull::from(&front));
            let mut list = List::new();
            for &step in steps {
                // SAFETY: no other thread has the lists, the model says where each item is, and all outlive the lists.
                unsafe {
                    match step {
                        Step::Push(item) => {
                            list.push(at(item));
                            insert_behind(front, at_behind(item));
                        }
                        Step::Behind(place, item) => {
                            insert_behind(at(place), at(item));
                            insert_behind(at_behind(place), at_behind(item));
                        }
                        Step::Remove(item) => {
                            list.remove(at(item));
                            remove_behind_front(at_behind(item));
                        }
                        Step::Pop => {
                            let popped = list.pop().map(|item| item.as_ref().0);
                            let first = next(front);
                            if let Some(first) = first {
                                remove_behind_front(first);
                            }
                            assert_eq!(popped, first.map(|item| item.as_ref().0), "{steps:?}");
                        }
                    }
                }
            }
            assert_eq!(numbers(list.head), model, "{steps:?}");
            assert_eq!(list.is_empty(), model.is_empty(), "{steps:?}");
            // SAFETY: as above.
            assert_eq!(numbers(unsafe { next(front) }), model, "{steps:?}, behind a front");
            for item in (0..ITEMS).filter(|item| !model.contains(item)) {
                // SAFETY: no other thread has the item.
                assert!(items[item].1.with(|links| unsafe { (*links).is_empty() }), "{steps:?}: {item} has links");
            }
            let taken = list.take();
            assert!(list.is_empty());
            assert_eq!(numbers(taken.head), model, "{steps:?}, taken");
        }

        fn explore(done: &mut Vec<Step>, model: &[usize]) -> usize {
            compare(done, model);
            if done.len() == STEPS {
                return 1;
            }
            let mut count = 1;
            for step in steps(model) {
                let mut next = model.to_vec();
                apply(&mut next, step);
                done.push(step);
                count += explore(done, &next);
                done.pop();
            }
            count
        }

        #[test]
        fn every_short_sequence_agrees_with_a_vector() {
            assert!(explore(&mut Vec::new(), &[]) > 1000, "the sequences are explored");
        }
    }

    #[cfg(loom)]
    mod model {
        use super::*;
        use crate::sync::{Arc, Mutex, lock, thread};

        struct Shared(Mutex<List<Item>>);

        // SAFETY: the list is reached only under the lock.
        unsafe impl Send for Shared {}
        // SAFETY: as above.
        unsafe impl Sync for Shared {}

        fn come_and_go(shared: &Shared, number: usize) {
            let item = Item::new(number);
            // SAFETY: the lock is held, and the item is taken out below.
            unsafe { lock(&shared.0).push(NonNull::from(&item)) };
            let mut list = lock(&shared.0);
            assert_eq!(numbers(list.head).into_iter().filter(|&found| found == number).count(), 1);
            // SAFETY: the lock is held, and the item was pushed above.
            unsafe { list.remove(NonNull::from(&item)) };
        }

        #[test]
        fn two_threads_share_a_list_under_its_lock() {
            loom::model(|| {
                let shared = Arc::new(Shared(Mutex::new(List::new())));
                let other = Arc::clone(&shared);
                let other = thread::spawn(move || come_and_go(&other, 1));
                come_and_go(&shared, 2);
                other.join().expect("it does not panic");
                assert!(lock(&shared.0).is_empty(), "nothing is left in the list");
            });
        }
    }
}
