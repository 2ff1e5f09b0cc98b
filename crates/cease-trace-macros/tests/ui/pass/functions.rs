//! Functions of every kind that can be traced.
#![deny(warnings, missing_docs, unused_qualifications)]

use std::fmt::Display;
use std::ops::AddAssign;

use cease_trace::{checkpoint, traced};

/// A generic one, with a where clause.
#[traced]
#[must_use]
pub fn sum<T, const N: usize>(numbers: [T; N]) -> T
where
    T: AddAssign + Default + Copy,
{
    let mut sum = T::default();
    for number in numbers {
        sum += number;
    }
    sum
}

/// One with lifetimes.
#[traced(every = 2)]
pub fn longest<'a>(words: &[&'a str]) -> Option<&'a str> {
    let mut longest = None;
    for &word in words {
        if longest.is_none_or(|longest: &str| longest.len() < word.len()) {
            longest = Some(word);
        }
    }
    longest
}

/// One that takes and returns what is only known by a trait.
#[traced]
pub fn shown(items: impl IntoIterator<Item = impl Display>) -> impl Iterator<Item = String> {
    let mut shown = Vec::new();
    for item in items {
        shown.push(item.to_string());
    }
    shown.into_iter()
}

/// An unsafe one.
///
/// # Safety
///
/// `at` points to `len` bytes that end nowhere before.
#[traced]
pub unsafe fn zeros(at: *const u8, len: usize) -> usize {
    let mut zeros = 0;
    for index in 0..len {
        // SAFETY: the caller says so.
        zeros += usize::from(unsafe { *at.add(index) } == 0);
    }
    zeros
}

/// One that calls itself.
#[traced]
#[inline]
pub fn fibonacci(number: u32) -> u64 {
    if number < 2 { u64::from(number) } else { fibonacci(number - 1) + fibonacci(number - 2) }
}

/// One that may be called from C, and unwound through.
#[traced]
pub extern "C-unwind" fn from_c(times: u32) -> u32 {
    let mut count = 0;
    while count < times {
        count += 1;
    }
    count
}

/// One that never ends, and has nothing after that.
#[traced]
pub fn endless(wanted: bool) -> u32 {
    if wanted {
        loop {}
    }
    let Some(number) = Some(3) else { loop {} };
    number
}

/// Ends never, and says so.
#[traced]
pub fn never() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

/// Checks by hand too.
#[traced]
pub fn nothing() {
    checkpoint();
}

/// One with everything inside another.
#[traced(every = 4)]
pub fn nested() -> u32 {
    #![allow(unused_mut)]
    const MOST: u32 = 5;
    fn inner(most: u32) -> u32 {
        let mut sum = 0;
        for number in 0..most {
            sum += number;
        }
        sum
    }
    let mut closure = |most| {
        let mut sum = 0;
        for number in 0..=most {
            sum += inner(number);
        }
        sum
    };
    #[traced(skip)]
    const fn left_out() -> u32 {
        7
    }
    closure(MOST) + left_out()
}

/// Constants are left alone.
#[traced]
pub fn constants() -> usize {
    const LEN: usize = {
        let mut len = 0;
        while len < 3 {
            len += 1;
        }
        len
    };
    let block = const {
        let mut number = 0;
        loop {
            number += 1;
            if number > 4 {
                break number;
            }
        }
    };
    [0_u8; LEN + { let mut n = 0; while n < 2 { n += 1; } n }].len() + block
}

/// Async blocks are left alone.
#[traced]
pub fn future() -> impl Future<Output = u32> {
    async {
        let mut sum = 0;
        for number in 0..3 {
            sum += number;
        }
        sum
    }
}

/// One that names the ABI of Rust.
#[traced]
pub extern "Rust" fn of_rust() -> u32 {
    5
}

fn main() {
    assert_eq!(of_rust(), 5);
    assert_eq!(sum([1, 2, 3]), 6);
    assert_eq!(longest(&["a", "ccc", "bb"]), Some("ccc"));
    assert_eq!(shown([1, 2]).collect::<String>(), "12");
    // SAFETY: it points to three bytes.
    assert_eq!(unsafe { zeros([0, 1, 0].as_ptr(), 3) }, 2);
    assert_eq!(fibonacci(10), 55);
    assert_eq!(from_c(4), 4);
    assert_eq!(endless(false), 3);
    let _: fn() -> ! = never;
    nothing();
    assert_eq!(nested(), 0 + 0 + 1 + 3 + 6 + 10 + 7);
    assert_eq!(constants(), 10);
    drop(future());
}
