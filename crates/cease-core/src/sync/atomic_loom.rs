//! loom's atomics, which keep each access as a step for the harness to print.

use std::ops::{Deref, DerefMut};

pub use loom::sync::atomic::{AtomicI32, AtomicI64, AtomicU8, AtomicU64, Ordering, fence};

use super::model;

/// Wraps one of loom's atomics, and the accesses that the workspace makes; all others are loom's own, and are not kept.
macro_rules! atomic {
    ($name:ident$(<$parameter:ident>)?, $value:ty, { $($method:ident($($argument:ident: $type:ty),*) -> $result:ty;)* }) => {
        #[doc = concat!("loom's `", stringify!($name), "`.")]
        #[derive(Debug)]
        pub struct $name$(<$parameter>)?(loom::sync::atomic::$name$(<$parameter>)?);

        impl$(<$parameter>)? $name$(<$parameter>)? {
            /// Holds `value`.
            #[must_use]
            #[track_caller]
            pub fn new(value: $value) -> Self {
                Self(loom::sync::atomic::$name::new(value))
            }

            $(
                #[doc = concat!("As `std`'s `", stringify!($method), "`.")]
                #[track_caller]
                pub fn $method(&self, $($argument: $type),*) -> $result {
                    model::note(concat!(stringify!($name), "::", stringify!($method)));
                    self.0.$method($($argument),*)
                }
            )*
        }

        impl$(<$parameter>)? Deref for $name$(<$parameter>)? {
            type Target = loom::sync::atomic::$name$(<$parameter>)?;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        impl$(<$parameter>)? DerefMut for $name$(<$parameter>)? {
            fn deref_mut(&mut self) -> &mut Self::Target {
                &mut self.0
            }
        }
    };
}

atomic!(AtomicBool, bool, {
    load(order: Ordering) -> bool;
    store(value: bool, order: Ordering) -> ();
    swap(value: bool, order: Ordering) -> bool;
});

atomic!(AtomicU32, u32, {
    load(order: Ordering) -> u32;
    store(value: u32, order: Ordering) -> ();
    swap(value: u32, order: Ordering) -> u32;
    fetch_add(value: u32, order: Ordering) -> u32;
    fetch_sub(value: u32, order: Ordering) -> u32;
});

atomic!(AtomicUsize, usize, {
    load(order: Ordering) -> usize;
    store(value: usize, order: Ordering) -> ();
    swap(value: usize, order: Ordering) -> usize;
    fetch_add(value: usize, order: Ordering) -> usize;
    fetch_sub(value: usize, order: Ordering) -> usize;
});

atomic!(AtomicPtr<T>, *mut T, {
    load(order: Ordering) -> *mut T;
    store(value: *mut T, order: Ordering) -> ();
});
