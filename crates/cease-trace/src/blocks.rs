//! What a `for` loop with `every = N` goes through: blocks of its iterator, with no count of its own where that can be.
//!
//! # How it works
//!
//! The iterator of a range or a slice is cut into iterators of the same type, so the loop over a block is the loop that
//! the compiler would have seen, and can still be vectorised.
//! Any other iterator is asked for at most so many items, which takes a count.
//! Which of the two it is, is found out where the loop stands: the method of [`Cut`] is found without a reference, that of
//! [`Count`] needs one more.
//!
//! The attribute turns a `break` that it sees into one that leaves all blocks.
//! A `break` that it cannot see, in the tokens of a macro, leaves the block only; the block notices that it did not end by
//! itself.

use std::marker::PhantomData;
use std::ops::{Range, RangeInclusive};
use std::slice;

/// How a block ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It did not: the loop was left.
    Left,
    /// All its items were taken.
    Taken,
    /// The iterator has no more.
    Last,
}

/// Stands for an iterator, so that its type can be asked.
#[derive(Debug)]
pub struct Probe<I>(PhantomData<I>);

impl<I> Probe<I> {
    /// Stands for `_iter`.
    pub const fn of(_iter: &I) -> Self {
        Self(PhantomData)
    }
}

/// The way of an iterator that can be cut.
pub trait Cut {
    /// Says so.
    fn way(&self) -> ByCutting {
        ByCutting
    }
}

/// The way of any other iterator.
pub trait Count {
    /// Says so.
    fn way(&self) -> ByCounting {
        ByCounting
    }
}

impl<I: Splittable> Cut for Probe<I> {}
impl<I> Count for &Probe<I> {}

/// Blocks are cut off.
#[derive(Debug, Clone, Copy)]
pub struct ByCutting;

/// Blocks are counted off.
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
    /// Takes the first `most` items off, or all that are left; `None` when none are.
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
    /// The next block; `None` when nothing is left, or the loop was left.
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
    /// The next block; `None` when nothing is left, or the loop was left.
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
            // An iterator may yield again after it ended; a loop does not ask.
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

/// A number that ranges go through.
pub trait Number: Copy + Ord {
    /// The number `steps` further up, if there is one.
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
            // Nothing is left.
            _ if start < end => *self = end..=start,
            // The one that there was is taken.
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
