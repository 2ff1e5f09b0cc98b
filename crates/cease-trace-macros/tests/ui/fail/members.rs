//! Members that cannot be traced, in what can.

use cease_trace::traced;

struct Counter(u32);

#[traced]
impl Counter {
    const fn number(&self) -> u32 {
        self.0
    }

    async fn later(&self) {}

    extern "C" fn called_from_c() {}

    fn fine(&self) -> u32 {
        self.number()
    }
}

#[traced]
impl Drop for Counter {
    fn drop(&mut self) {}
}

#[traced]
mod inner {
    pub(crate) struct Guard;

    impl Drop for Guard {
        fn drop(&mut self) {}
    }

    pub(crate) fn outer() -> u32 {
        const fn nested() -> u32 {
            3
        }
        nested()
    }
}

trait Work {
    #[traced]
    fn without_a_body();
}

fn main() {
    let counter = Counter(1);
    counter.fine();
    drop(counter.later());
    Counter::called_from_c();
    drop(inner::Guard);
    inner::outer();
}
