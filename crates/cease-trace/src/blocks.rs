//! Blocks of an iterator, for a `for` loop with `every = N`.
//!
//! # How it works
//!
//! The iterator of a range or a slice is cut into iterators of the same type. So the loop over a block has the type of the
//! loop that the user wrote, needs no counter, and can still be vectorised.
//! Any other iterator yields at most `N` items for each block, which takes a counter.
//! Method resolution chooses between the two at the loop: the method of [`Cut`] needs no reference, and the method of
//! [`Count`] needs one.
//!
//! The attribute rewrites each `break` that it finds, so that it leaves all blocks.
//! It does not find a `break` in the tokens of a macro. Such a `break` leaves one block, and no further block begins, because
//! the block has not ended by itself.

use std::marker::PhantomData;
use std::ops::{Range, RangeInclusive};
use std::slice;

/// How a block ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It has not ended: it still runs, or the loop was left.
    Left,
    /// All its items were yielded.
    Taken,
    /// The iterator has no more items.
    Last,
}

/// Carries the type of an iterator to method resolution.
#[derive(Debug)]
pub struct Probe<I>(PhantomData<I>);

impl<I> Probe<I> {
    /// Carries the type of `_iter`.
    pub const fn of(_iter: &I) -> Self {
        Self(PhantomData)
    }
}

/// Chooses blocks that are cut off, for an iterator that can be cut.
pub trait Cut {
    /// Returns the choice.
    fn way(&self) -> ByCutting {
        ByCutting
    }
}

/// Chooses blocks that are counted, for any other iterator.
pub trait Count {
    /// Returns the choice.
    fn way(&self) -> ByCounting {
        ByCounting
    }
}

impl<I: Splittable> Cut for Probe<I> {}
impl<I> Count for &Probe<I> {}

/// The choice of blocks that are cut off.
#[derive(Debug, Clone, Copy)]
pub struct ByCutting;

/// The choice of blocks that are counted.
#[derive(Debug, Clone, Copy)]
pub struct ByCounting;

impl ByCutting {
    /// The blocks of `iter`.
    pub const fn blocks<I: Splittable>(self, iter: I, most: usize) -> CutBlocks<I> {
        CutBlocks { rest: iter, most, end: End::Taken }
    }
}

impl ByCounting {
    /// The blocks of `iter`.
    pub const fn blocks<I: Iterator>(self, iter: I, most: usize) -> CountedBlocks<I> {
        CountedBlocks { rest: iter, most, end: End::Taken }
    }
}

/// An iterator that can be cut in two of the same type.
pub trait Splittable: Iterator + Sized {
    /// Removes the first `most` items, or all that are left, and returns them; `None` if no item is left.
    fn split_off(&mut self, most: usize) -> Option<Self>;
}

/// The blocks of an iterator that can be cut.
#[derive(Debug)]
pub struct CutBlocks<I> {
    rest: I,
    most: usize,
    end: End,
}

impl<I: Splittable> CutBlocks<I> {
    /// Returns the next block; `None` if no item is left, or if the block before was left early.
    #[inline]
    pub fn next_block(&mut self) -> Option<CutBlock<'_, I>> {
        if self.end != End::Taken {
            return None;
        }
        let iter = self.rest.split_off(self.most)?;
        self.end = End::Left;
        Some(CutBlock { iter, end: &mut self.end })
    }
}

/// One block.
#[derive(Debug)]
pub struct CutBlock<'a, I> {
    iter: I,
    end: &'a mut End,
}

impl<I: Iterator> Iterator for CutBlock<'_, I> {
    type Item = I::Item;

    #[inline]
    fn next(&mut self) -> Option<I::Item> {
        let next = self.iter.next();
        if next.is_none() {
            *self.end = End::Taken;
        }
        next
    }
}

/// The blocks of an iterator that cannot be cut.
#[derive(Debug)]
pub struct CountedBlocks<I> {
    rest: I,
    most: usize,
    end: End,
}

impl<I: Iterator> CountedBlocks<I> {
    /// Returns the next block; `None` if no item is left, or if the block before was left early.
    #[inline]
    pub fn next_block(&mut self) -> Option<CountedBlock<'_, I>> {
        if self.end != End::Taken {
            return None;
        }
        self.end = End::Left;
        Some(CountedBlock { iter: &mut self.rest, left: self.most, end: &mut self.end })
    }
}

/// One block.
#[derive(Debug)]
pub struct CountedBlock<'a, I> {
    iter: &'a mut I,
    left: usize,
    end: &'a mut End,
}

impl<I: Iterator> Iterator for CountedBlock<'_, I> {
    type Item = I::Item;

    #[inline]
    fn next(&mut self) -> Option<I::Item> {
        if self.left == 0 {
            *self.end = End::Taken;
            return None;
        }
        self.left -= 1;
        let next = self.iter.next();
        if next.is_none() {
            // An iterator may yield items again after `None`, but a loop does not call it again.
            *self.end = End::Last;
        }
        next
    }
}

impl<'a, T> Splittable for slice::Iter<'a, T> {
    #[inline]
    fn split_off(&mut self, most: usize) -> Option<Self> {
        let all = self.as_slice();
        if all.is_empty() {
            return None;
        }
        let (block, rest) = all.split_at(most.min(all.len()));
        *self = rest.iter();
        Some(block.iter())
    }
}

impl<'a, T> Splittable for slice::IterMut<'a, T> {
    #[inline]
    fn split_off(&mut self, most: usize) -> Option<Self> {
        let all = std::mem::take(self).into_slice();
        if all.is_empty() {
            return None;
        }
        let (block, rest) = all.split_at_mut(most.min(all.len()));
        *self = rest.iter_mut();
        Some(block.iter_mut())
    }
}

/// An integer that a range yields.
pub trait Number: Copy + Ord {
    /// The number plus `steps`; `None` on overflow.
    fn up(self, steps: usize) -> Option<Self>;
}

impl<T: Number> Splittable for Range<T>
where
    Self: Iterator,
{
    #[inline]
    fn split_off(&mut self, most: usize) -> Option<Self> {
        if self.is_empty() {
            return None;
        }
        let start = self.start;
        self.start = start.up(most).map_or(self.end, |cut| cut.min(self.end));
        Some(start..self.start)
    }
}

impl<T: Number> Splittable for RangeInclusive<T>
where
    Self: Iterator,
{
    #[inline]
    fn split_off(&mut self, most: usize) -> Option<Self> {
        if self.is_empty() {
            return None;
        }
        let (start, end) = (*self.start(), *self.end());
        let last = start.up(most - 1).map_or(end, |last| last.min(end));
        match last.up(1) {
            Some(next) if last < end => *self = next..=end,
            // An empty range: no item is left.
            _ if start < end => *self = end..=start,
            // The range had one item, which the block yields.
            _ => drop(self.next()),
        }
        Some(start..=last)
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(
            impl Number for $number {
                #[inline]
                fn up(self, steps: usize) -> Option<Self> {
                    self.checked_add(steps.try_into().ok()?)
                }
            }
        )*
    };
}

numbers! { i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize }
