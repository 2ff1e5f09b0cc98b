//! Methods, traits and modules.
#![deny(warnings, missing_docs)]

use cease_trace::traced;

/// Counts.
#[derive(Debug, Default)]
pub struct Counter(u32);

#[traced(every = 3)]
impl Counter {
    /// Left alone.
    pub const STEPS: u32 = 4;

    /// Takes itself by mutable reference.
    pub fn climb(&mut self) -> &mut Self {
        for _ in 0..Self::STEPS {
            self.0 += 1;
        }
        self
    }

    /// Takes itself.
    #[must_use]
    pub fn into_number(self: Box<Self>) -> u32 {
        self.0
    }

    /// May run in the compiler.
    #[traced(skip)]
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.0
    }

    /// Has blocks of its own size.
    #[traced(every = 1)]
    pub fn reset(&mut self) {
        while self.0 > 0 {
            self.0 -= 1;
        }
    }
}

#[traced]
impl Iterator for Counter {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.0 = self.0.checked_sub(1)?;
        Some(self.0)
    }
}

/// Has a default.
#[traced]
pub trait Work {
    /// How often.
    const TIMES: u32;

    /// Left to others.
    fn step(&mut self);

    /// The default.
    fn work(&mut self) {
        for _ in 0..Self::TIMES {
            self.step();
        }
    }
}

impl Work for Counter {
    const TIMES: u32 = 2;

    #[traced]
    fn step(&mut self) {
        self.0 += 1;
    }
}

/// A module with its imports, types and macros.
#[traced]
pub mod inner {
    use std::collections::VecDeque;

    macro_rules! three {
        () => {
            3
        };
    }

    /// Left alone.
    pub static ANSWER: u32 = 42;

    /// A queue.
    #[derive(Debug, Default)]
    pub struct Queue(VecDeque<u32>);

    impl Queue {
        /// Fills it.
        pub fn fill(&mut self) {
            while self.0.len() < three!() {
                self.0.push_back(ANSWER);
            }
        }

        /// Takes the sum.
        #[must_use]
        pub fn sum(&self) -> u32 {
            self.0.iter().sum()
        }
    }

    impl Extend<u32> for Queue {
        fn extend<I: IntoIterator<Item = u32>>(&mut self, items: I) {
            for item in items {
                self.0.push_back(item);
            }
        }
    }

    pub(crate) mod deeper {
        pub(crate) fn twice(number: u32) -> u32 {
            (0..2).map(|_| number).sum()
        }
    }

    #[traced(skip)]
    mod left_out {
        impl Drop for super::Queue {
            fn drop(&mut self) {
                for item in self.0.drain(..) {
                    assert_ne!(item, 0);
                }
            }
        }
    }
}

mod renamed {
    pub(crate) use cease_trace as trace;
}

/// Finds the crate under another name.
#[traced(crate = renamed::trace, every = 2)]
pub fn by_another_name() -> u32 {
    let mut sum = 0;
    for number in 0..5 {
        sum += number;
    }
    sum
}

fn main() {
    let mut counter = Counter::default();
    counter.climb().climb();
    assert_eq!(counter.number(), 8);
    assert_eq!(counter.next(), Some(7));
    counter.reset();
    counter.work();
    assert_eq!(Box::new(counter).into_number(), 2);

    let mut queue = inner::Queue::default();
    queue.fill();
    queue.extend([1, 2]);
    assert_eq!(queue.sum(), 129);
    assert_eq!(inner::deeper::twice(4), 8);
    assert_eq!(by_another_name(), 10);
}
