//! The tree of nodes, kept as one list of brackets.
//!
//! # How it works
//!
//! What stands in a list of nodes is an opening bracket for each node, and, once it has had a child, a closing one; its
//! descendants stand in between:
//!
//! ```text
//! anchor  child  child( grandchild  grandchild( great-grandchild ) )  child  (back to the anchor)
//! ```
//!
//! So a node that goes away is two links that close over the gap: its children lie between the brackets of its parent from
//! then on, and no node has to be updated.
//! A subtree is what lies between two brackets, however deep it is, and going through it needs no recursion.
//! What lies below a root lies between the anchor and the anchor.
//! A request that pauses in the middle leaves a cursor in the list.
#![allow(unsafe_code, reason = "an intrusive list is made of pointers")]

use std::fmt;
use std::marker::{PhantomData, PhantomPinned};
use std::ptr::NonNull;

use crate::sync::UnsafeCell;

/// What can stand in the list: it holds the links of its two brackets.
///
/// # Safety
///
/// - `brackets` always returns the same cell, which lies inside of the element.
/// - The element is aligned to at least four bytes.
pub(crate) unsafe trait Element: Sized {
    /// The links of the element, which belong to the holder of the list's lock.
    fn brackets(&self) -> &UnsafeCell<Brackets<Self>>;
}

/// One place in the list: a pointer whose two lowest bits say what it points to.
pub(crate) struct Bracket<E>(NonNull<()>, PhantomData<NonNull<E>>);

const KIND: usize = 0b11;
const OPEN: usize = 0;
const CLOSE: usize = 1;
const ANCHOR: usize = 2;
const CURSOR: usize = 3;

impl<E> Clone for Bracket<E> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Bracket<E> {}

impl<E> PartialEq for Bracket<E> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<E> Eq for Bracket<E> {}

impl<E> fmt::Debug for Bracket<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bracket").field(&self.0).finish()
    }
}

/// Where an element stands: the neighbours of its two brackets.
#[derive(Debug)]
pub(crate) struct Brackets<E> {
    open: Neighbours<E>,
    /// `None` until the element has its first child.
    close: Neighbours<E>,
}

impl<E> Brackets<E> {
    /// The links of an element that is in no list.
    #[inline]
    pub(crate) const fn new() -> Self {
        Self { open: Neighbours::NONE, close: Neighbours::NONE }
    }
}

#[derive(Debug)]
struct Neighbours<E> {
    previous: Option<Bracket<E>>,
    next: Option<Bracket<E>>,
}

impl<E> Neighbours<E> {
    const NONE: Self = Self { previous: None, next: None };
}

/// A place in the list that is no element: the anchor, or a cursor.
#[derive(Debug)]
pub(crate) struct Mark<E> {
    /// An anchor with no neighbours is its own neighbour.
    neighbours: UnsafeCell<Neighbours<E>>,
    _pinned: PhantomPinned,
}

impl<E> Mark<E> {
    const ALIGNED: () = assert!(align_of::<Self>() > KIND, "the two lowest bits of an address are free");

    pub(crate) fn new() -> Self {
        const { Self::ALIGNED };
        Self { neighbours: UnsafeCell::new(Neighbours::NONE), _pinned: PhantomPinned }
    }
}

// Everything below is called under the lock of the list, and with places whose owners are alive: a node takes itself out,
// under the lock, before it goes away; an anchor lives as long as the lock; a cursor's frame is not left while it is in.
impl<E: Element> Bracket<E> {
    const ALIGNED: () = assert!(align_of::<E>() > KIND, "the two lowest bits of an address are free");

    pub(crate) fn open(node: &E) -> Self {
        Self::tagged(NonNull::from(node).cast(), OPEN)
    }

    pub(crate) fn close(node: &E) -> Self {
        Self::tagged(NonNull::from(node).cast(), CLOSE)
    }

    pub(crate) fn anchor(anchor: &Mark<E>) -> Self {
        Self::tagged(NonNull::from(anchor).cast(), ANCHOR)
    }

    /// The node that opens here.
    pub(crate) fn opening<'a>(self) -> Option<&'a E>
    where
        E: 'a,
    {
        // SAFETY: an element of the list is alive.
        (self.kind() == OPEN).then(|| unsafe { self.pointer::<E>().as_ref() })
    }

    pub(crate) fn next(self) -> Self {
        self.with(|neighbours| neighbours.next).unwrap_or(self)
    }

    fn previous(self) -> Self {
        self.with(|neighbours| neighbours.previous).unwrap_or(self)
    }

    fn tagged(pointer: NonNull<()>, kind: usize) -> Self {
        const { Self::ALIGNED };
        Self(pointer.map_addr(|address| address | kind), PhantomData)
    }

    fn kind(self) -> usize {
        self.0.addr().get() & KIND
    }

    fn pointer<T>(self) -> NonNull<T> {
        // SAFETY: the kind is kept in bits that alignment leaves free, so that a pointer without them is not null.
        let pointer =
            |address: std::num::NonZero<usize>| unsafe { std::num::NonZero::new_unchecked(address.get() & !KIND) };
        self.0.map_addr(pointer).cast()
    }

    #[inline]
    fn with<R>(self, f: impl FnOnce(&mut Neighbours<E>) -> R) -> R {
        if self.kind() >= ANCHOR {
            // SAFETY: an element of the list is alive.
            let mark = unsafe { self.pointer::<Mark<E>>().as_ref() };
            // SAFETY: the lock is held, and `f` only reads or writes what it is given.
            return mark.neighbours.with_mut(|neighbours| f(unsafe { &mut *neighbours }));
        }
        // SAFETY: an element of the list is alive.
        let node = unsafe { self.pointer::<E>().as_ref() };
        node.brackets().with_mut(|brackets| {
            // SAFETY: the lock is held, and `f` only reads or writes what it is given.
            let brackets = unsafe { &mut *brackets };
            f(if self.kind() == OPEN { &mut brackets.open } else { &mut brackets.close })
        })
    }
}

/// Puts `child` right below `parent`, the bracket or the anchor, before its other children.
///
/// # Safety
///
/// - The lock of the list is held.
/// - `child` is not in a list, and is taken out with [`remove`] before it goes away.
pub(crate) unsafe fn insert<E: Element>(parent: Bracket<E>, child: &E) {
    if let Some(parent) = parent.opening()
        && !has_close(parent)
    {
        put(Bracket::open(parent), Bracket::close(parent));
    }
    put(parent, Bracket::open(child));
}

/// Takes `node` out; its children stay where they are.
///
/// # Safety
///
/// The lock of its list is held, and it was put there with [`insert`].
pub(crate) unsafe fn remove<E: Element>(node: &E) {
    take(Bracket::open(node));
    if has_close(node) {
        take(Bracket::close(node));
    }
}

/// Whether a node stands between the brackets of `node`.
///
/// # Safety
///
/// The lock of the list is held.
pub(crate) unsafe fn has_children<E: Element>(node: &E) -> bool {
    has_close(node) && skip_cursors(Bracket::open(node).next(), Bracket::next) != Bracket::close(node)
}

/// The node that has nothing but `node` between its brackets.
///
/// # Safety
///
/// The lock of the list is held for as long as the answer is used, and `node` has no children.
pub(crate) unsafe fn only_child_of<'a, E: Element + 'a>(node: &E) -> Option<&'a E> {
    let last = if has_close(node) { Bracket::close(node) } else { Bracket::open(node) };
    let parent = skip_cursors(Bracket::open(node).previous(), Bracket::previous).opening()?;
    (skip_cursors(last.next(), Bracket::next) == Bracket::close(parent)).then_some(parent)
}

/// The brackets between which everything below `top` stands, or `None` when it never had a child.
///
/// # Safety
///
/// The lock of the list is held.
pub(crate) unsafe fn below<E: Element>(top: &E) -> Option<(Bracket<E>, Bracket<E>)> {
    has_close(top).then(|| (Bracket::open(top), Bracket::close(top)))
}

/// What stands behind `node` and everything below it.
///
/// # Safety
///
/// The lock of the list is held.
pub(crate) unsafe fn behind<E: Element>(node: &E) -> Bracket<E> {
    if has_close(node) { Bracket::close(node).next() } else { Bracket::open(node).next() }
}

/// Puts a cursor before `place`.
///
/// # Safety
///
/// - The lock of the list is held.
/// - `cursor` is in no list, does not move, and is taken out with [`take_cursor`] before it goes away.
pub(crate) unsafe fn put_cursor<E: Element>(cursor: &Mark<E>, place: Bracket<E>) {
    put(place.previous(), Bracket::tagged(NonNull::from(cursor).cast(), CURSOR));
}

/// Takes a cursor out, and returns the place behind it.
///
/// # Safety
///
/// The lock of the list is held, and `cursor` was put there with [`put_cursor`].
pub(crate) unsafe fn take_cursor<E: Element>(cursor: &Mark<E>) -> Bracket<E> {
    let cursor = Bracket::tagged(NonNull::from(cursor).cast(), CURSOR);
    let next = cursor.next();
    take(cursor);
    next
}

fn has_close<E: Element>(node: &E) -> bool {
    Bracket::close(node).with(|neighbours| neighbours.next.is_some())
}

fn skip_cursors<E: Element>(mut place: Bracket<E>, onward: fn(Bracket<E>) -> Bracket<E>) -> Bracket<E> {
    while place.kind() == CURSOR {
        place = onward(place);
    }
    place
}

/// Puts `place` behind `before`.
fn put<E: Element>(before: Bracket<E>, place: Bracket<E>) {
    let after = before.next();
    join(before, place);
    join(place, after);
}

/// Takes `place` out.
fn take<E: Element>(place: Bracket<E>) {
    join(place.previous(), place.next());
}

/// Makes two places neighbours.
fn join<E: Element>(left: Bracket<E>, right: Bracket<E>) {
    left.with(|neighbours| neighbours.next = Some(right));
    right.with(|neighbours| neighbours.previous = Some(left));
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    /// An element that is nothing but its links.
    #[derive(Debug)]
    struct Item(usize, UnsafeCell<Brackets<Self>>);

    // SAFETY: `brackets` is a field, and links are aligned to a pointer.
    unsafe impl Element for Item {
        fn brackets(&self) -> &UnsafeCell<Brackets<Self>> {
            &self.1
        }
    }

    impl Item {
        fn new(number: usize) -> Self {
            Self(number, UnsafeCell::new(Brackets::new()))
        }
    }

    #[cfg(not(loom))]
    mod exhaustive {
        use super::*;

        const ITEMS: usize = 4;
        const STEPS: usize = 7;

        /// The children of each item, and of the anchor behind them, the newest first.
        #[derive(Debug, Clone, Default)]
        struct Model {
            children: [Vec<usize>; ITEMS + 1],
            present: [bool; ITEMS],
            used: usize,
        }

        #[derive(Debug, Clone, Copy)]
        enum Step {
            /// Inserts the next item below this one.
            Insert(usize),
            Remove(usize),
        }

        impl Model {
            fn steps(&self) -> Vec<Step> {
                let present = || (0..ITEMS).filter(|&item| self.present[item]);
                let parents = present().chain([ITEMS]).filter(|_| self.used < ITEMS).map(Step::Insert);
                parents.chain(present().map(Step::Remove)).collect()
            }

            fn apply(&mut self, step: Step) {
                match step {
                    Step::Insert(parent) => {
                        self.children[parent].insert(0, self.used);
                        self.present[self.used] = true;
                        self.used += 1;
                    }
                    Step::Remove(item) => {
                        let (parent, at) = self.place(item);
                        let orphans = std::mem::take(&mut self.children[item]);
                        self.children[parent].splice(at..=at, orphans);
                        self.present[item] = false;
                    }
                }
            }

            fn place(&self, item: usize) -> (usize, usize) {
                let at = |children: &Vec<usize>| children.iter().position(|&child| child == item);
                let mut places = self.children.iter().enumerate();
                places.find_map(|(parent, children)| Some((parent, at(children)?))).expect("it is in the list")
            }

            fn below(&self, top: usize) -> Vec<usize> {
                self.children[top].iter().flat_map(|&child| [vec![child], self.below(child)].concat()).collect()
            }
        }

        fn walk(from: Bracket<Item>, until: Bracket<Item>) -> Vec<usize> {
            let places = std::iter::successors(Some(from.next()), |place| Some(place.next()));
            places.take_while(|&place| place != until).filter_map(Bracket::opening).map(|item| item.0).collect()
        }

        /// Builds the list by `steps`, and compares it with the model.
        fn compare(steps: &[Step], model: &Model) {
            let anchor = Mark::new();
            let items: [Item; ITEMS] = std::array::from_fn(Item::new);
            let mut used = 0;
            for &step in steps {
                match step {
                    Step::Insert(parent) => {
                        let parent = items.get(parent).map_or_else(|| Bracket::anchor(&anchor), Bracket::open);
                        // SAFETY: no other thread has the list, and each item is inserted once; all outlive the list.
                        unsafe { insert(parent, &items[used]) };
                        used += 1;
                    }
                    // SAFETY: as above, and the model says that the item is in the list.
                    Step::Remove(item) => unsafe { remove(&items[item]) },
                }
            }
            let around = Bracket::anchor(&anchor);
            assert_eq!(walk(around, around), model.below(ITEMS), "{steps:?}");
            for item in items.iter().filter(|item| model.present[item.0]) {
                // SAFETY: no other thread has the list.
                let found = unsafe { below(item) }.map(|(from, until)| walk(from, until)).unwrap_or_default();
                assert_eq!(found, model.below(item.0), "{steps:?}, below {}", item.0);
                // SAFETY: as above.
                let any = unsafe { has_children(item) };
                assert_eq!(any, !found.is_empty(), "{steps:?}, children of {}", item.0);
                if !any {
                    let (parent, _) = model.place(item.0);
                    let only = (parent < ITEMS && model.children[parent].len() == 1).then_some(parent);
                    // SAFETY: as above, and the item has no children.
                    assert_eq!(unsafe { only_child_of(item) }.map(|parent: &Item| parent.0), only, "{steps:?}");
                }
            }
        }

        fn explore(steps: &mut Vec<Step>, model: &Model) -> usize {
            compare(steps, model);
            if steps.len() == STEPS {
                return 1;
            }
            let mut count = 1;
            for step in model.steps() {
                let mut next = model.clone();
                next.apply(step);
                steps.push(step);
                count += explore(steps, &next);
                steps.pop();
            }
            count
        }

        #[test]
        fn every_short_sequence_agrees_with_a_model_of_vectors() {
            assert!(explore(&mut Vec::new(), &Model::default()) > 1000, "the sequences are explored");
        }
    }

    #[cfg(loom)]
    mod model {
        use super::*;
        use crate::sync::{Arc, Mutex, lock, thread};

        struct Shared {
            lock: Mutex<()>,
            anchor: Mark<Item>,
        }

        // SAFETY: the list is reached only under the lock.
        unsafe impl Send for Shared {}
        // SAFETY: as above.
        unsafe impl Sync for Shared {}

        fn come_and_go(shared: &Shared, number: usize) {
            let item = Item::new(number);
            {
                let _guard = lock(&shared.lock);
                // SAFETY: the lock is held, and the item is taken out below.
                unsafe { insert(Bracket::anchor(&shared.anchor), &item) };
            }
            let _guard = lock(&shared.lock);
            let places =
                std::iter::successors(Some(Bracket::anchor(&shared.anchor).next()), |place| Some(place.next()));
            let in_list = places.take_while(|&place| place != Bracket::anchor(&shared.anchor));
            assert_eq!(in_list.filter_map(Bracket::opening).filter(|found| found.0 == number).count(), 1);
            // SAFETY: the lock is held, and the item was inserted above.
            unsafe { remove(&item) };
        }

        #[test]
        fn two_threads_share_a_list_under_its_lock() {
            loom::model(|| {
                let shared = Arc::new(Shared { lock: Mutex::new(()), anchor: Mark::new() });
                let other = Arc::clone(&shared);
                let other = thread::spawn(move || come_and_go(&other, 1));
                come_and_go(&shared, 2);
                other.join().expect("it does not panic");
                let _guard = lock(&shared.lock);
                let anchor = Bracket::anchor(&shared.anchor);
                assert_eq!(anchor.next(), anchor, "nothing is left in the list");
            });
        }
    }
}
