//! The tree of nodes, kept as one list of brackets.
//!
//! # How it works
//!
//! A root and everything below it share one lock, the root's, and one doubly linked list.
//! Each node stands in it twice, as an opening and as a closing bracket, and its descendants stand in between:
//!
//! ```text
//! root( child( grandchild( ) ) child( ) )
//! ```
//!
//! So a node that goes away is two links that close over the gap: its children lie between the brackets of its parent from
//! then on, and nobody has to be told.
//! A subtree is what lies between two brackets, however deep it is, and going through it needs no recursion.
#![allow(unsafe_code, reason = "an intrusive list is made of pointers")]

use std::ptr::NonNull;

use crate::stop::node::Node;

/// One of the two brackets of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bracket {
    node: NonNull<Node>,
    side: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Open,
    Close,
}

/// Where a node stands: the neighbours of its two brackets.
///
/// A root that never had a child has none; its brackets are then taken to be neighbours.
#[derive(Debug, Default)]
pub(crate) struct Brackets {
    open: Neighbours,
    close: Neighbours,
}

#[derive(Debug, Default, Clone, Copy)]
struct Neighbours {
    previous: Option<Bracket>,
    next: Option<Bracket>,
}

/// Puts `child` below `parent`, before its other children.
///
/// # Safety
///
/// - The lock that both share is held.
/// - `child` is not in the list, and is taken out with [`remove`] before it goes away.
pub(crate) unsafe fn insert(parent: &Node, child: &Node) {
    let (before, after) = (Bracket::open(parent), Bracket::open(parent).next());
    let (open, close) = (Bracket::open(child), Bracket::close(child));
    for (left, right) in [(before, open), (open, close), (close, after)] {
        join(left, right);
    }
}

/// Takes `node` out; its children stay where they are.
///
/// # Safety
///
/// - The lock of its list is held.
/// - It was put there with [`insert`].
pub(crate) unsafe fn remove(node: &Node) {
    for bracket in [Bracket::open(node), Bracket::close(node)] {
        join(bracket.previous().expect("a child stands between the brackets of its root"), bracket.next());
    }
}

/// Calls `visit` with `top` and with every node below it; where it returns false, what lies below is left out.
///
/// # Safety
///
/// The lock of the list is held, and `visit` changes nothing about the list.
pub(crate) unsafe fn walk(top: &Node, mut visit: impl FnMut(&Node) -> bool) {
    let mut bracket = Bracket::open(top);
    while bracket != Bracket::close(top) {
        if bracket.side == Side::Open && !visit(bracket.node()) {
            bracket.side = Side::Close;
            continue;
        }
        bracket = bracket.next();
    }
}

/// The node right above `node`, or `None` for a root.
///
/// # Safety
///
/// The lock of the list is held for as long as the answer is used.
pub(crate) unsafe fn parent(node: &Node) -> Option<&Node> {
    let mut bracket = Bracket::open(node).previous()?;
    while bracket.side == Side::Close {
        bracket.side = Side::Open;
        bracket = bracket.previous()?;
    }
    // SAFETY: it is in the list, so it is alive, and goes away only under the lock, by the caller's promise not before
    // the answer is no longer used.
    Some(unsafe { bracket.node.as_ref() })
}

// What follows is called under the lock only, by the functions above.

impl Bracket {
    fn open(node: &Node) -> Self {
        Self { node: NonNull::from(node), side: Side::Open }
    }

    fn close(node: &Node) -> Self {
        Self { node: NonNull::from(node), side: Side::Close }
    }

    fn node(&self) -> &Node {
        // SAFETY: whoever is in the list is alive: a node takes itself out, under the lock, before it goes away.
        unsafe { self.node.as_ref() }
    }

    fn previous(self) -> Option<Self> {
        self.with(|neighbours| neighbours.previous)
    }

    fn next(self) -> Self {
        let next = self.with(|neighbours| neighbours.next);
        next.unwrap_or(Self { node: self.node, side: Side::Close })
    }

    fn with<R>(self, f: impl FnOnce(&mut Neighbours) -> R) -> R {
        let side = self.side;
        self.node().with_brackets(|brackets| match side {
            Side::Open => f(&mut brackets.open),
            Side::Close => f(&mut brackets.close),
        })
    }
}

/// Makes two brackets neighbours.
fn join(left: Bracket, right: Bracket) {
    left.with(|neighbours| neighbours.next = Some(right));
    right.with(|neighbours| neighbours.previous = Some(left));
}
