//! What is wrong with the code is said where it stands in the code.

use cease_trace::traced;

#[traced(every = 16)]
fn sum(numbers: &[u32]) -> u32 {
    let mut sum = 0;
    for number in numbers {
        sum += number.missing();
    }
    sum
}

#[traced]
fn wrong_type() -> u32 {
    loop {
        break "text";
    }
}

#[traced(every = 16)]
fn value() {
    for _ in 0..3 {
        break 3;
    }
}

#[traced]
#[deny(unused_variables)]
fn unused() {
    let number = 3;
}

fn main() {
    sum(&[]);
    wrong_type();
    value();
    unused();
}
